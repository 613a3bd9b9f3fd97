"""The couriers of the contract suite: one row each."""

from __future__ import annotations

from tests.contract.couriers.ems_stand import EmsStand
from tests.contract.couriers.kdniao_stand import KdniaoStand
from tests.contract.couriers.kuaidi100_stand import Kuaidi100Stand
from tests.contract.couriers.sf_stand import SfStand
from tests.contract.couriers.stand import Stand

STANDS: dict[str, type[Stand]] = {"ems": EmsStand, "kuaidi100": Kuaidi100Stand, "sf": SfStand, "kdniao": KdniaoStand}
