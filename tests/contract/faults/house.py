"""The payments room over the simulated platforms, with ears at its ports and eyes on its books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from app import db
from app.errors import (
    CallbackRejected,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SanjinError,
)
from payments.types import OpenedPayment, Payer
from tests.contract.faults.matrix import Outcome
from tests.contract.faults.platforms import Fiscal, PaymentPlatform
from tests.fakes.fiscal_platform import FakeFiscalPlatform
from tests.fakes.payments_house import ALIPAY_APP, WECHAT_APP, FakePayers, PaymentsHouse

BILL_FEN, REFUND_FEN = 2000, 500
_PORT_CALLS = ("open", "query", "close", "refund", "query_refund", "issue", "confirm", "receipt", "reverse")


class Listening:
    """A payment channel that remembers how each call of the port ended."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.heard: dict[str, Outcome] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._channel, name)
        return self._remembered(name, found) if name in _PORT_CALLS else found

    def _remembered(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def heard(*given: Any) -> Any:
            try:
                answer = await call(*given)
            except SanjinError as error:
                self.heard[name] = outcome_of(error)
                raise
            self.heard[name] = Outcome.BELIEVED
            return answer

        return heard


def outcome_of(error: SanjinError) -> Outcome:
    """Name what an error of the port means to the room."""
    if isinstance(error, ProviderUnavailable):
        return Outcome.NOT_SENT if error.details.get("nothing_sent") is True else Outcome.UNKNOWN
    if isinstance(error, ProviderRejected):
        return Outcome.LATER if error.retryable else Outcome.REJECTED
    if isinstance(error, ProviderProtocolError):
        return Outcome.PROTOCOL
    assert isinstance(error, CallbackRejected), error
    return Outcome.REFUSED


class _OnePayer(FakePayers):
    """Everybody is the same person at both platforms."""

    def __init__(self, wechat: str, alipay: str) -> None:
        super().__init__()
        self._names = {"WECHAT": Payer(WECHAT_APP, wechat), "ALIPAY": Payer(ALIPAY_APP, alipay)}

    async def payer(self, citizen_id: Any, identity_id: Any, channel: str) -> Payer | None:
        return self._names[channel]


class RealHouse:
    """The payments room over two simulated platforms, with one bill; the fiscal platform is in memory unless given."""

    def __init__(self, wechat: PaymentPlatform, alipay: PaymentPlatform, fiscal: Fiscal | None = None) -> None:
        self.platforms = {"wechat": wechat, "alipay": alipay}
        self.listening = {name: Listening(each.channel) for name, each in self.platforms.items()}
        self.fiscal = fiscal
        self.listening["fiscal"] = Listening(fiscal.channel if fiscal else FakeFiscalPlatform())
        self.room = PaymentsHouse(
            wechat=self.listening["wechat"],  # type: ignore[arg-type]  # stands where the fakes stand
            alipay=self.listening["alipay"],  # type: ignore[arg-type]  # as above
            fiscal=self.listening["fiscal"],  # type: ignore[arg-type]  # as above
            payers=_OnePayer(wechat.payer, alipay.payer),
        )
        self.bill_no = ""

    async def begin(self) -> None:
        """Write the merchant accounts and issue the bill."""
        await self.room.prepare()
        self.bill_no = (await self.room.issue(amount_fen=BILL_FEN)).bill_no

    async def create(self, name: str) -> OpenedPayment:
        """Tap on `pay` in a channel."""
        return await self.room.service.create(self.room.caller, self.bill_no, self.platforms[name].channel_name)

    async def deliver(self, name: str, headers: Any, body: bytes) -> None:
        """Hand a callback in, as the door does."""
        platform = self.platforms[name]
        await self.room.service.receive(platform.channel_name, platform.address, headers, body)  # type: ignore[attr-defined]

    async def deliver_caught(self, name: str) -> None:
        """Hand in what the platform has sent."""
        for item in self.platforms[name].caught():
            await self.deliver(name, item.headers, item.body)

    async def follow(self) -> None:
        """Run every sweep whose time could have come, and all jobs."""
        await self.room.wake()
        await self.room.service.sweeps.ask_silent()
        await self.room.service.sweeps.ask_refunds()
        await self.room.drain()
        await self.room.service.sweeps.ask_fiscal()

    async def row(self, sql: str) -> db.Row:
        """Return a row about the bill; `$1` is its number."""
        row = await db.fetch_row(sql, self.bill_no)
        assert row is not None, sql
        return row

    async def value(self, sql: str) -> Any:
        """Return one value about the bill; `$1` is its number."""
        return (await self.row(sql))[0]

    async def states(self) -> str:
        """Return bill / latest order (/ latest refund)."""
        order = "SELECT p.status FROM payment p JOIN bill b ON b.id = p.bill_id WHERE bill_no = $1"
        shown = [await self.room.bill_status(self.bill_no), await self.value(f"{order} ORDER BY p.id DESC LIMIT 1")]
        rows = await db.fetch_all(
            "SELECT r.status FROM refund r JOIN bill b ON b.id = r.bill_id WHERE bill_no = $1 ORDER BY r.id DESC",
            self.bill_no,
        )
        return " / ".join([*shown, *(row["status"] for row in rows[:1])])

    async def quarantined(self) -> int:
        """Count what is kept for staff."""
        rows = await db.fetch_all("SELECT id FROM quarantined_callback")
        return len(rows)

    async def check_money(self) -> None:
        """What the platforms hold is what our books say, to the fen."""
        held = {name: each.held() for name, each in self.platforms.items()}
        for name, orders in held.items():
            account = f"channel:{self.platforms[name].channel_name}"
            row = await db.fetch_row(
                "SELECT coalesce(sum(amount_fen), 0)::bigint FROM ledger_entry WHERE account = $1", account
            )
            assert row is not None
            assert row[0] == sum(each.paid_fen - each.refunded_fen for each in orders), account
        paid = sorted(each.out_trade_no for orders in held.values() for each in orders if each.paid_fen)
        ours = await db.fetch_all("SELECT out_trade_no FROM payment WHERE status = 'SUCCEEDED'")
        assert paid == sorted(row["out_trade_no"] for row in ours)
        booked = await db.fetch_all(
            "SELECT transfer_key, count(*) AS n FROM ledger_entry GROUP BY transfer_key HAVING count(*) <> 2"
        )
        assert not booked
        assert (await self.room.service.check_ledger()).is_sound
