"""Parts of the delivery room that wiring makes: the couriers of this installation, and adapters to other rooms."""

from __future__ import annotations

from app.providers import Clients
from app.settings import Settings
from services.delivery.couriers.ems import EmsCourier
from services.delivery.couriers.kuaidi100 import Kuaidi100Courier
from services.delivery.couriers.sf import SfCourier
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Courier


def courier_table(settings: Settings, clients: Clients) -> CourierTable:
    """List the couriers whose settings are there; SF always is."""
    couriers: dict[str, Courier] = {"SF": SfCourier(clients.sf)}
    if clients.ems is not None:
        couriers["EMS"] = EmsCourier(clients.ems)
    if clients.kuaidi100 is not None:
        couriers["KUAIDI100"] = Kuaidi100Courier(
            clients.kuaidi100,
            f"{settings.base_url}/callbacks/kuaidi100/{settings.kuaidi100_push_token}",
            settings.kuaidi100_salt_key,
            settings.kuaidi100_label_template,
        )
    return CourierTable(couriers)
