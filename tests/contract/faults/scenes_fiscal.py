"""The scenes of the fiscal platform's calls: the same as scenes.py, for what happens around the money.

States are told as the bill's status and what we have of the platform: code, receipt, red letter.
"""

from __future__ import annotations

from contextlib import suppress

from app.errors import Conflict, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from tests.contract.faults.house import BILL_FEN, REFUND_FEN, RealHouse
from tests.contract.faults.matrix import Outcome
from tests.contract.faults.platforms import Fiscal
from tests.contract.faults.scenes import Calling, finish_refunds

_HAD = """
SELECT b.status, b.payment_code IS NOT NULL AS code,
       EXISTS (SELECT 1 FROM fiscal_receipt WHERE bill_id = b.id AND kind = 'BLUE') AS receipt,
       EXISTS (SELECT 1 FROM fiscal_receipt WHERE bill_id = b.id AND kind = 'RED') AS red
FROM bill b WHERE b.bill_no = $1
"""


class FiscalScene(Calling):
    """A call to the fiscal platform; the money itself goes through WeChat Pay, without faults."""

    end = "CONFIRMED + code + receipt"

    def __init__(self, house: RealHouse, name: str, fault: str) -> None:
        super().__init__(house, "wechat", fault)

    def called(self) -> Fiscal:
        assert self.house.fiscal is not None
        return self.house.fiscal

    async def states(self) -> str:
        row = await self.house.row(_HAD)
        had = {"code": row["code"], "receipt": row["receipt"], "red letter": row["red"]}
        return " + ".join([row["status"], *(name for name, is_there in had.items() if is_there)])

    async def act(self) -> Outcome:
        known = await self.house.quarantined()
        with suppress(ProviderUnavailable, ProviderRejected, ProviderProtocolError, Conflict):
            await self.work()
        is_told = await self.house.quarantined() > known
        outcome = self.house.listening["fiscal"].heard[self.call]
        if outcome is Outcome.REJECTED and not is_told:
            return Outcome.LATER
        return Outcome.QUARANTINED if is_told and outcome is Outcome.BELIEVED else outcome

    async def work(self) -> None:
        await self.house.room.drain()

    async def repair(self) -> None:
        """The job comes again, or the person taps again; in the end the bill is paid and confirmed."""
        if (await self.states()).startswith(("UNPAID", "PAYING")):
            await self._pay()
        await self.house.follow()

    async def _pay(self) -> None:
        order = await self.house.create("wechat")
        self.house.platforms["wechat"].pay(order.parameters, "normal")
        await self.house.deliver_caught("wechat")
        self.order = order


class Issuing(FiscalScene):
    """The job that asks for the bill's 缴款码."""

    call = "issue"


class Pricing(FiscalScene):
    """The question what is due, right before an order is opened."""

    call = "query"

    async def before(self) -> None:
        await self.house.room.drain()

    async def work(self) -> None:
        await self.house.create("wechat")


class Confirming(FiscalScene):
    """The bill is paid."""

    call = "confirm"

    async def before(self) -> None:
        await self.house.room.drain()
        await self._pay()


class Receiving(Confirming):
    """The bill is confirmed, its receipt is fetched."""

    call = "receipt"


class Reversing(Confirming):
    """A part of the money went back."""

    call, end = "reverse", "CONFIRMED + code + receipt + red letter"

    async def before(self) -> None:
        await super().before()
        await self.house.follow()
        assert self.order is not None
        await self.house.room.refund(self.order.out_trade_no, REFUND_FEN)
        await self.house.room.drain()
        self.called().check(self.house.bill_no, paid_fen=BILL_FEN, reversed_fen=0)

    async def work(self) -> None:
        await finish_refunds(self.house, "wechat")

    async def repair(self) -> None:
        await self.house.follow()
        self.called().check(self.house.bill_no, paid_fen=BILL_FEN, reversed_fen=REFUND_FEN)


FISCAL_SCENES: dict[str, type[Calling]] = {
    "issue": Issuing,
    "query": Pricing,
    "confirm": Confirming,
    "receipt": Receiving,
    "reverse": Reversing,
}
