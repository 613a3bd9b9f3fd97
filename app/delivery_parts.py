"""Parts of the delivery room that wiring makes: the couriers of this installation, and adapters to other rooms."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from app import clock
from app.provider_health import ProviderHealth
from app.providers import Clients
from app.settings import Settings
from payments.service import PaymentService
from payments.types import BillLine, NewBill
from services.accounts.service import AccountsService
from services.delivery.booking.postage import PURPOSE
from services.delivery.couriers.ems import EmsCourier
from services.delivery.couriers.kdniao import KdniaoCourier
from services.delivery.couriers.kuaidi100 import Kuaidi100Courier
from services.delivery.couriers.sf import SfCourier
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Courier, PostageBill

_REMEMBERED_SECONDS = 10.0


class AwayCouriers:
    """Knows which couriers do not answer, by the breakers of all processes; asked when a parcel is shown."""

    def __init__(self, health: ProviderHealth) -> None:
        self._health = health
        self._known: Collection[str] = ()
        self._ask_at = 0.0

    async def __call__(self) -> Collection[str]:
        """Return the codes of couriers whose breaker is open somewhere; some seconds old."""
        if clock.monotonic() >= self._ask_at:
            self._ask_at = clock.monotonic() + _REMEMBERED_SECONDS
            breakers = await self._health.breakers()
            self._known = {provider.upper() for provider, states in breakers.items() if "OPEN" in states}
        return self._known


def courier_table(settings: Settings, clients: Clients, health: ProviderHealth) -> CourierTable:
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
    if clients.kdniao is not None:
        couriers["KDNIAO"] = KdniaoCourier(clients.kdniao)
    return CourierTable(couriers, away=AwayCouriers(health))


class CasePostage:
    """Bills postage (port services.delivery.ports.Postage)."""

    def __init__(self, payments: PaymentService) -> None:
        self._payments = payments

    async def bill(self, asked: PostageBill) -> str:
        """Issue the bill of one parcel."""
        bill = await self._payments.issue_bill(
            NewBill(
                citizen_id=asked.citizen_id,
                subject_no=asked.subject_no,
                purpose=f"{PURPOSE}:{asked.shipment_no}",
                title=f"快递邮费（{asked.cargo}）"[:100],
                amount_fen=asked.amount_fen,
                department_code=asked.department_code,
                division_code=asked.division_code,
                lines=(BillLine("快递邮费", asked.amount_fen, "邮费由申请人承担，按公示标准收取"),),
                due_at=asked.due_at,
            )
        )
        return bill.bill_no

    async def end(self, bill_no: str, reason: str) -> None:
        """Void it, or give back what was paid."""
        await self._payments.end_bill(bill_no, reason)


class AccountHolders:
    """Names the person whom alone a parcel may be given to (port services.delivery.ports.Holders)."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def identity_tail(self, citizen_id: uuid.UUID) -> str:
        """Return the last eight characters of an ID number."""
        return (await self._accounts.profile(citizen_id)).id_number[-8:]
