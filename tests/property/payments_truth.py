"""For the property of the payments room: processes that die at a beat, jobs that come again, and the final reckoning
of our books against what the providers hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app import db
from app.errors import ProviderUnavailable, SanjinError
from app.events import DomainEvent
from app.jobs import EVENT
from payments.neutral import Standing
from payments.reactions import Reactions
from tests.fakes.payment_provider import FakeOrder, FakePaymentChannel
from tests.fakes.payments_house import PaymentsHouse, person

_CALLS = frozenset("open query close refund query_refund issue confirm receipt reverse void".split())
_CALM_ROUNDS = 12


class Mortal:
    """A provider as a process sees it that may die right before a call, or right after it has been done; and whose
    patience may end before the call arrives there."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.deaths: dict[str, str] = {}
        self.under_way: list[tuple[Callable[..., Awaitable[Any]], tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._provider, name)
        return self._mortal(name, found) if name in _CALLS else found

    def _mortal(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def called(*given: Any) -> Any:
            if self.deaths.get(name) == "before":
                del self.deaths[name]
                raise asyncio.CancelledError
            if self.deaths.get(name) == "late":
                del self.deaths[name]
                self.under_way.append((call, given))
                raise ProviderUnavailable(provider="fake", call=name, nothing_sent=False)
            answer = await call(*given)
            if self.deaths.get(name) == "after":
                del self.deaths[name]
                raise asyncio.CancelledError
            return answer

        return called

    async def arrive(self) -> None:
        """Let what nobody waits for any more be done."""
        while self.under_way:
            call, given = self.under_way.pop(0)
            with suppress(SanjinError):
                await call(*given)


@dataclass
class World:
    """One bill, the room, and everything around it that can be looked at."""

    wechat: FakePaymentChannel = field(default_factory=lambda: PaymentsHouse().wechat)
    alipay: FakePaymentChannel = field(default_factory=lambda: PaymentsHouse().alipay)

    def __post_init__(self) -> None:
        plain = PaymentsHouse(refund_approval_fen=1000)
        self.fiscal = plain.fiscal
        self.mortals = {"WECHAT": Mortal(self.wechat), "ALIPAY": Mortal(self.alipay), "FISCAL": Mortal(self.fiscal)}
        self.house = PaymentsHouse(
            wechat=self.mortals["WECHAT"],  # type: ignore[arg-type]  # stands where the fakes stand
            alipay=self.mortals["ALIPAY"],  # type: ignore[arg-type]  # as above
            fiscal=self.mortals["FISCAL"],  # type: ignore[arg-type]  # as above
            refund_approval_fen=1000,
        )
        self.bill_no = ""

    async def begin(self) -> None:
        """Issue the bill."""
        await self.house.prepare()
        self.bill_no = (await self.house.issue()).bill_no

    def provider(self, channel: str) -> FakePaymentChannel:
        """Return the provider's own side of a channel."""
        return self.wechat if channel == "WECHAT" else self.alipay

    def orders(self, *standings: Standing) -> list[tuple[str, FakeOrder]]:
        """Return channel and order of everything the providers hold in these standings."""
        return [
            (name, order)
            for name in ("WECHAT", "ALIPAY")
            for order in self.provider(name).orders.values()
            if order.standing in standings
        ]

    async def work_off(self) -> None:
        """Run the waiting jobs once each; one that fails, or whose process dies, stays for another time."""
        functions, reactions = self.house.service.jobs(), Reactions(self.house.service).table()
        for row in await db.fetch_all("SELECT id, entrypoint, payload FROM pgqueuer ORDER BY id"):
            payload = msgspec.json.decode(row["payload"])
            try:
                if row["entrypoint"] == EVENT:
                    for _, reaction in reactions.get(payload["name"], ()):
                        await reaction(msgspec.convert(payload, DomainEvent))
                else:
                    await functions[row["entrypoint"]](payload)
            except SanjinError:
                continue
            await db.execute("DELETE FROM pgqueuer WHERE id = $1", row["id"])

    async def rows(self, columns: str, where: str = "true") -> list[db.Row]:
        """Return refunds of the bill (`r`) with their payments (`p`), oldest first."""
        return list(
            await db.fetch_all(
                f"SELECT {columns} FROM refund r JOIN payment p ON p.id = r.payment_id JOIN bill b ON b.id = r.bill_id"
                f" WHERE b.bill_no = $1 AND {where} ORDER BY r.id",
                self.bill_no,
            )
        )

    async def calm_down(self) -> None:
        """The providers are well again, time goes by, a cashier tries again what was refused, until nothing moves."""
        for each in (self.wechat, self.alipay):
            each.faults.clear()
            each.refunds_succeed_at_once = True
        self.fiscal.faults.clear()
        self.fiscal.release()
        for mortal in self.mortals.values():
            mortal.deaths.clear()
            await mortal.arrive()
        for _ in range(_CALM_ROUNDS):
            before = await self._all()
            await self.work_off()
            await self.house.expire()
            await self.house.service.sweeps.close_expired()
            await self.house.wake()
            await self.house.service.sweeps.ask_refunds()
            await self.house.service.sweeps.ask_fiscal()
            for row in await self.rows("r.out_refund_no", "r.status = 'ABNORMAL'"):
                await self.house.service.refunds.retry(person("cashier-9"), row["out_refund_no"])
            if before == await self._all():
                return
        raise AssertionError("it does not come to rest")

    async def _all(self) -> list[Any]:
        jobs = await db.fetch_all("SELECT count(*) FROM pgqueuer")
        bill = await db.fetch_all(
            "SELECT status, confirmed_at, payment_code FROM bill WHERE bill_no = $1", self.bill_no
        )
        refunds = await self.rows("r.out_refund_no, r.status, r.reversed_at")
        payments = await self.house.statuses(self.bill_no)
        receipts = await db.fetch_all("SELECT count(*) FROM fiscal_receipt")
        return [*map(tuple, (*jobs, *bill, *refunds, *receipts)), payments]

    async def check(self) -> None:
        """Our books are the fold of what the providers took and gave back."""
        paid = self.orders(Standing.PAID)
        await self._check_payments(paid)
        await self._check_refunds(paid)
        await self._check_ledger(paid)
        await self._check_bill()
        assert (await self.house.service.check_ledger()).is_sound

    async def _check_payments(self, paid: list[tuple[str, FakeOrder]]) -> None:
        rows = await db.fetch_all(
            "SELECT p.out_trade_no, p.status FROM payment p JOIN bill b ON b.id = p.bill_id WHERE b.bill_no = $1",
            self.bill_no,
        )
        assert {row["status"] for row in rows} <= {"SUCCEEDED", "CLOSED"}
        ours = {row["out_trade_no"] for row in rows if row["status"] == "SUCCEEDED"}
        assert ours == {order.order.out_trade_no for _, order in paid}, "a payment is not known here"

    async def _check_refunds(self, paid: list[tuple[str, FakeOrder]]) -> None:
        rows = await self.rows(
            "p.out_trade_no, r.status, r.amount_fen, r.needs_approval AND r.approved_at IS NULL AS is_waiting"
        )
        open_ones = [row for row in rows if row["status"] not in ("SUCCEEDED", "CLOSED")]
        assert all(row["is_waiting"] for row in open_ones), "a refund that nobody follows"
        for _, order in paid:
            own = [row for row in rows if row["out_trade_no"] == order.order.out_trade_no and row["status"] != "CLOSED"]
            given_fen = sum(row["amount_fen"] for row in own if row["status"] == "SUCCEEDED")
            assert given_fen == sum(order.refunds.values()), "given back there and here are not the same"
            assert sum(row["amount_fen"] for row in own) <= order.order.amount_fen, "more refunds than money"

    async def _check_ledger(self, paid: list[tuple[str, FakeOrder]]) -> None:
        for name in ("WECHAT", "ALIPAY"):
            row = await db.fetch_row(
                "SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM ledger_entry"
                " WHERE bill_no = $1 AND account = $2",
                self.bill_no,
                f"channel:{name}",
            )
            held = sum(o.order.amount_fen - sum(o.refunds.values()) for channel, o in paid if channel == name)
            assert row is not None
            assert row["fen"] == held, name

    async def _check_bill(self) -> None:
        bill = await db.fetch_row(
            "SELECT b.status, b.confirmed_at, p.out_trade_no FROM bill b"
            " LEFT JOIN payment p ON p.id = b.paid_payment_id WHERE b.bill_no = $1",
            self.bill_no,
        )
        assert bill is not None
        settling = bill["out_trade_no"]
        for _, order in self.orders(Standing.PAID):
            if order.order.out_trade_no != settling:
                assert sum(order.refunds.values()) == order.order.amount_fen, "money kept for nothing"
        if settling is None:
            assert bill["status"] in ("UNPAID", "VOID")
            return
        order = next(o for _, o in self.orders(Standing.PAID) if o.order.out_trade_no == settling)
        paid_fen, given_fen = order.order.amount_fen, sum(order.refunds.values())
        is_confirmed = bill["confirmed_at"] is not None
        if await self.rows("r.id", "r.needs_approval AND r.approved_at IS NULL AND r.status = 'REQUESTED'"):
            assert bill["status"] == "REFUNDING"
        else:
            kept = "CONFIRMED" if is_confirmed else "PAID"
            assert bill["status"] == ("REFUNDED" if given_fen == paid_fen else kept)
        assert is_confirmed or given_fen == paid_fen or self._grew(paid_fen), "paid, and the treasury does not know"
        assert self.fiscal.confirmed_fen == (paid_fen - given_fen if is_confirmed else 0)

    def _grew(self, paid_fen: int) -> bool:
        """Tell whether another sum was due by the time that the treasury heard of the payment: staff are told."""
        return any(notice.due_fen != paid_fen for notice in self.fiscal.notices.values())
