"""Parts of the delivery room that wiring makes: the couriers of this installation, and adapters to other rooms."""

from __future__ import annotations

from app.providers import Clients
from services.delivery.couriers.ems import EmsCourier
from services.delivery.couriers.sf import SfCourier
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Courier


def courier_table(clients: Clients) -> CourierTable:
    """List the couriers whose settings are there; SF always is."""
    couriers: dict[str, Courier] = {"SF": SfCourier(clients.sf)}
    if clients.ems is not None:
        couriers["EMS"] = EmsCourier(clients.ems)
    return CourierTable(couriers)
