"""Any order, repetition and concurrency of create, pay, callback, question, close and crash ends consistently:
the bill is the fold of what the providers took, nothing is kept twice, the ledger is zero."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app import db
from app.embedded import database_url
from app.errors import SanjinError
from payments.neutral import Standing
from payments.types import BillView, OpenedPayment
from tests.conftest import TEMPLATE
from tests.fakes.payments_house import PaymentsHouse

_Thing = TypeVar("_Thing")
CHANNELS = st.sampled_from(["WECHAT", "ALIPAY"])
FAULTS = st.sampled_from(["before", "after", "not_sent", "reject"])
WHICH = st.integers(0, 7)
SEQUENCES = int(os.environ.get("SJT_PROPERTY_SEQUENCES", "200"))


def _one_of(things: list[_Thing], which: int) -> list[_Thing]:
    """Choose one, or none where there is none.

    What hypothesis draws must not depend on what there is: that differs from run to run where calls race.
    """
    return [things[which % len(things)]] if things else []


class _Loop:
    """An event loop in a thread of its own, so that hypothesis can stay synchronous."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)


class Payments(RuleBasedStateMachine):
    """One bill in a room with two providers; every rule is something that people, providers or time may do."""

    runner: _Loop

    @initialize()
    def issue(self) -> None:
        self.house = PaymentsHouse()
        self.sent: list[tuple[str, dict[str, str]]] = []
        self.handed: set[tuple[str, str]] = set()
        self.bill: BillView = self.runner.run(self._begin())

    async def _begin(self) -> BillView:
        await self.house.prepare()
        return await self.house.issue()

    @rule(channel=CHANNELS, copies=st.integers(1, 3))
    def create(self, channel: str, copies: int) -> None:
        self._together(
            *(self.house.service.create(self.house.caller, self.bill.bill_no, channel) for _ in range(copies))
        )

    @rule()
    def create_in_both_channels_at_once(self) -> None:
        self._together(
            *(self.house.service.create(self.house.caller, self.bill.bill_no, name) for name in ("WECHAT", "ALIPAY"))
        )

    @rule(channel=CHANNELS, call=st.sampled_from(["open", "query", "close", "refund", "query_refund"]), kind=FAULTS)
    def let_the_next_call_fail(self, channel: str, call: str, kind: str) -> None:
        self.house.channel(channel).fail(call, kind)

    @rule(which=WHICH)
    def pay(self, which: int) -> None:
        for channel, number in _one_of(self._payable(), which):
            self.sent.append((channel, self.house.channel(channel).pay(number)))

    @rule(which=WHICH, copies=st.integers(1, 4))
    def deliver_callbacks(self, which: int, copies: int) -> None:
        for channel, content in _one_of(self.sent, which):
            self._together(*(self.house.notify(channel, content) for _ in range(copies)))

    @rule(which=WHICH)
    def deliver_while_the_sweep_asks_and_the_person_tries_again(self, which: int) -> None:
        delivered = [self.house.notify(channel, content) for channel, content in _one_of(self.sent, which)]
        self.runner.run(self.house.wake())
        self._together(
            *delivered,
            self.house.service.sweeps.ask_silent(),
            self.house.service.create(self.house.caller, self.bill.bill_no, "WECHAT"),
            self.house.service.create(self.house.caller, self.bill.bill_no, "ALIPAY"),
        )

    @rule()
    def ask(self) -> None:
        self.runner.run(self.house.wake())
        self._together(self.house.service.sweeps.ask_silent(), self.house.service.sweeps.ask_refunds())

    @rule()
    def expire(self) -> None:
        self.runner.run(self.house.expire())
        self._together(self.house.service.sweeps.close_expired())

    @rule()
    def run_jobs(self) -> None:
        self._together(self.house.drain())

    @rule()
    def refund_all(self) -> None:
        paid = [n for c in ("WECHAT", "ALIPAY") for n in self.house.channel(c).orders]
        for number in paid:
            self._together(self.house.refund(number, 2000, "撤销办理", "cashier-1"))

    @rule()
    def end_the_case(self) -> None:
        self._together(self.house.service.void_bills(self.bill.subject_no))

    @invariant()
    def at_most_one_order_that_a_phone_holds_can_be_paid(self) -> None:
        if hasattr(self, "bill"):
            assert len(self.handed & set(self._payable())) <= 1

    def teardown(self) -> None:
        if hasattr(self, "bill"):
            self.runner.run(self._calm_down())
            self.runner.run(self._check())

    def _payable(self) -> list[tuple[str, str]]:
        return [
            (name, number)
            for name in ("WECHAT", "ALIPAY")
            for number, order in self.house.channel(name).orders.items()
            if order.standing is Standing.UNPAID
        ]

    def _together(self, *work: Coroutine[Any, Any, Any]) -> None:
        async def gathered() -> None:
            for answer in await asyncio.gather(*work, return_exceptions=True):
                if isinstance(answer, OpenedPayment):
                    self.handed.add((answer.channel, answer.out_trade_no))
                if isinstance(answer, BaseException) and not isinstance(answer, SanjinError):
                    raise answer

        self.runner.run(gathered())

    async def _calm_down(self) -> None:
        """The providers recover; every callback arrives; the sweeps and jobs run until nothing moves."""
        for name in ("WECHAT", "ALIPAY"):
            self.house.channel(name).faults.clear()
        for channel, content in self.sent:
            await self.house.notify(channel, content)
        for _ in range(3):
            await self.house.drain()
            await self.house.expire()
            await self.house.service.sweeps.close_expired()
            await self.house.wake()
            await self.house.service.sweeps.ask_refunds()

    async def _check(self) -> None:
        paid = [o for n in ("WECHAT", "ALIPAY") for o in self.house.channel(n).orders.values() if o.paid_at]
        kept_fen = self.house.wechat.received_fen + self.house.alipay.received_fen
        row = await db.fetch_row("SELECT status, paid_payment_id FROM bill WHERE bill_no = $1", self.bill.bill_no)
        stuck = await db.fetch_all(
            "SELECT r.id FROM refund r JOIN bill b ON b.id = r.bill_id WHERE b.bill_no = $1 AND r.status = 'ABNORMAL'",
            self.bill.bill_no,
        )
        assert row is not None
        waiting_fen = 2000 * len(stuck)
        if row["status"] in ("UNPAID", "VOID", "REFUNDED"):
            assert kept_fen == waiting_fen, "money kept for nothing"
        else:
            assert row["status"] in ("PAID", "REFUNDING")
            assert paid
            assert kept_fen == waiting_fen + (2000 if row["status"] == "PAID" else 0)
        succeeded = await db.fetch_row(
            "SELECT count(*) AS n FROM payment p JOIN bill b ON b.id = p.bill_id"
            " WHERE b.bill_no = $1 AND p.status = 'SUCCEEDED'",
            self.bill.bill_no,
        )
        assert succeeded is not None
        assert succeeded["n"] == len(paid), "a payment is not known here"
        assert set(await self.house.statuses(self.bill.bill_no)) <= {"SUCCEEDED", "CLOSED"}
        assert (await self.house.service.check_ledger()).is_sound


def test_any_interleaving_ends_consistently() -> None:
    server, name = os.environ["SJT_TEST_SERVER_URL"], f"t_{secrets.token_hex(8)}"
    runner = Payments.runner = _Loop()

    async def statement(sql: str) -> None:
        link = await asyncpg.connect(server)
        await link.execute(sql)
        await link.close()

    runner.run(statement(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    runner.run(db.start(database_url(server, name)))
    try:
        run_state_machine_as_test(
            Payments,
            settings=settings(
                max_examples=SEQUENCES,
                stateful_step_count=14,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        runner.run(db.stop())
        runner.run(statement(f"DROP DATABASE {name} WITH (FORCE)"))
        runner.stop()
