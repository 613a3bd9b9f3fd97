"""Any order, repetition and concurrency of create, pay, callback, question, close, refund and crash ends consistently:
the bill is the fold of what the providers took, nothing is kept twice, the ledger is zero."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from app import db
from app.errors import SanjinError
from payments.neutral import Standing
from payments.types import OpenedPayment
from tests.fakes.payments_house import person
from tests.property.payments_truth import World
from tests.property.scratch import Runner, walk

_Thing = TypeVar("_Thing")
CHANNELS = st.sampled_from(["WECHAT", "ALIPAY"])
HOW = st.sampled_from(["before", "after", "not_sent", "reject", "dies before", "dies after", "dies late"])
CALLS = st.sampled_from(
    [(who, call) for who in ("WECHAT", "ALIPAY") for call in ("open", "query", "close", "refund", "query_refund")]
    + [("FISCAL", call) for call in ("issue", "query", "confirm", "receipt", "reverse", "void")]
)
BEGINNINGS = ["issued", "opened", "paid", "paid twice", "told", "settled", "refunding", "refund lost"]
TICKS = st.integers(1, 80)
WHICH = st.integers(0, 7)
LIES = {
    "signature": {},
    "amount": {"amount_fen": "1999"},
    "currency": {"currency": "USD"},
    "app": {"app_id": "wxffffffffffffffff"},
    "merchant": {"mch_id": "1900009999"},
    "number": {"out_trade_no": "P20260101000000000000000000000000"},
    "trade": {"trade_no": "42OTHERTRADE"},
    "payer": {"payer": "oSomebodyElse"},
}
SEQUENCES = int(os.environ.get("SJT_PROPERTY_SEQUENCES", "200"))


def _one_of(things: list[_Thing], which: int) -> list[_Thing]:
    """Choose one, or none where there is none.

    What hypothesis draws must not depend on what there is: that differs from run to run where calls race.
    """
    return [things[which % len(things)]] if things else []


class Payments(RuleBasedStateMachine):
    """One bill in a room with two providers and a treasury; every rule is something that people, providers, machines
    or time may do."""

    runner: Runner

    @initialize(channel=CHANNELS, begun=st.sampled_from(BEGINNINGS))
    def begin(self, channel: str, begun: str) -> None:
        """Begin somewhere in the course of a payment: the end of it would be reached too rarely from its start."""
        self.world = World()
        self.house = self.world.house
        self.sent: list[tuple[str, dict[str, str]]] = []
        self.handed: set[tuple[str, str]] = set()
        self.runner.run(self.world.begin())
        done = BEGINNINGS.index(begun)
        if begun == "paid twice":
            self.world.mortals[channel].deaths["open"] = "late"
            self.create(channel, 1)
            self.expire()
        if done >= BEGINNINGS.index("opened"):
            self.run_jobs(1)
            self.create("ALIPAY" if begun == "paid twice" and channel == "WECHAT" else "WECHAT", 1)
        if done >= BEGINNINGS.index("paid"):
            self.pay(0)
        if begun == "paid twice":
            self.let_late_calls_arrive()
            self.pay(0)
        if done >= BEGINNINGS.index("told"):
            self.deliver_callbacks(0, 1)
        if done >= BEGINNINGS.index("settled"):
            self.run_jobs(1)
        if done >= BEGINNINGS.index("refunding"):
            self.ask_for_refunds_at_once(0, [700])
        if begun == "refund lost":
            self.world.mortals["WECHAT"].deaths["refund"] = "late" if channel == "WECHAT" else "after"
            self.run_jobs(1)
            self.ask()

    @rule(channel=CHANNELS, copies=st.integers(1, 3))
    def create(self, channel: str, copies: int) -> None:
        self._together(*(self._create(channel) for _ in range(copies)))

    @rule()
    def create_in_both_channels_at_once(self) -> None:
        self._together(*(self._create(name) for name in ("WECHAT", "ALIPAY")))

    @rule(call=CALLS, how=HOW)
    def let_the_next_call_go_wrong(self, call: tuple[str, str], how: str) -> None:
        who, name = call
        if how.startswith("dies"):
            self.world.mortals[who].deaths[name] = how.removeprefix("dies ")
        elif who == "FISCAL":
            self.world.fiscal.fail(name, how)
        else:
            self.world.provider(who).fail(name, how)

    @rule()
    def let_late_calls_arrive(self) -> None:
        self._together(*(mortal.arrive() for mortal in self.world.mortals.values()))

    @rule(what=st.sampled_from(["treasury dawdles", "treasury wakes", "refunds dawdle", "refunds wake", "late fee"]))
    def let_times_change(self, what: str) -> None:
        match what:
            case "treasury dawdles":
                self.world.fiscal.holds = True
            case "treasury wakes":
                self.world.fiscal.release()
            case "late fee":
                for code, notice in self.world.fiscal.notices.items():
                    self.world.fiscal.grow_late_fee(code, notice.late_fee_fen + 30)
            case _:
                self.world.wechat.refunds_succeed_at_once = what == "refunds wake"

    @rule(what=st.sampled_from(["WECHAT", "ALIPAY", "callback", "job", "sweep"]), which=WHICH, ticks=TICKS)
    def die_somewhere(self, what: str, which: int, ticks: int) -> None:
        if what == "callback":
            for channel, content in _one_of(self.sent, which):
                self._together(_killed_after(ticks, self.house.notify(channel, content)))
        elif what == "job":
            self._together(_killed_after(ticks, self.world.work_off()))
        elif what == "sweep":
            self.runner.run(self.house.wake())
            self._together(_killed_after(ticks, self.house.service.sweeps.ask_refunds()))
        else:
            self._together(_killed_after(ticks, self._create(what)))

    @rule(which=WHICH)
    def pay(self, which: int) -> None:
        for channel, number in _one_of(self._payable(), which):
            self.sent.append((channel, self.world.provider(channel).pay(number)))

    @rule(which=WHICH, copies=st.integers(1, 4))
    def deliver_callbacks(self, which: int, copies: int) -> None:
        for channel, content in _one_of(self.sent, which):
            self._together(*(self.house.notify(channel, content) for _ in range(copies)))

    @rule(which=WHICH, copies=st.integers(1, 3))
    def deliver_refund_callbacks(self, which: int, copies: int) -> None:
        for channel, content in _one_of(self._refund_callbacks(), which):
            self._together(*(self.house.notify(channel, content) for _ in range(copies)))

    @rule(which=WHICH, lie=st.sampled_from(sorted(LIES)))
    def deliver_a_callback_that_is_wrong(self, which: int, lie: str) -> None:
        for channel, content in _one_of(self.sent, which):
            signature = "forged" if lie == "signature" else "genuine"
            self._together(self.house.notify(channel, content | LIES[lie], signature))

    @rule(which=WHICH)
    def deliver_while_the_sweep_asks_and_the_person_tries_again(self, which: int) -> None:
        delivered = [self.house.notify(channel, content) for channel, content in _one_of(self.sent, which)]
        self.runner.run(self.house.wake())
        self._together(
            *delivered, self.house.service.sweeps.ask_silent(), self._create("WECHAT"), self._create("ALIPAY")
        )

    @rule()
    def ask(self) -> None:
        sweeps = self.house.service.sweeps
        self.runner.run(self.house.wake())
        self._together(sweeps.ask_silent(), sweeps.ask_refunds(), sweeps.ask_fiscal())

    @rule()
    def expire(self) -> None:
        self.runner.run(self.house.expire())
        self._together(self.house.service.sweeps.close_expired())

    @rule()
    def let_prepay_references_age(self) -> None:
        self.runner.run(db.execute("UPDATE payment SET prepay_until = now() WHERE prepay_until IS NOT NULL"))

    @rule(copies=st.integers(1, 2))
    def run_jobs(self, copies: int) -> None:
        self._together(*(self.world.work_off() for _ in range(copies)))

    @rule(which=WHICH, amounts=st.lists(st.sampled_from([300, 700, 1300, 2000]), min_size=1, max_size=3))
    def ask_for_refunds_at_once(self, which: int, amounts: list[int]) -> None:
        for _, order in _one_of(self.world.orders(Standing.PAID), which):
            number = order.order.out_trade_no
            self._together(*(self.house.refund(number, fen, "撤销办理", "cashier-1") for fen in amounts))

    @rule(which=WHICH, approves=st.lists(st.booleans(), min_size=1, max_size=2))
    def decide_on_a_refund(self, which: int, approves: list[bool]) -> None:
        waiting = self.runner.run(self.world.rows("r.out_refund_no", "r.needs_approval AND r.approved_at IS NULL"))
        desk, second = self.house.service.refunds, person("cashier-2")
        for row in _one_of(waiting, which):
            number = row["out_refund_no"]
            acts = (desk.approve(second, number) if yes else desk.refuse(second, number, "不同意") for yes in approves)
            self._together(*acts)

    @rule(which=WHICH, copies=st.integers(1, 2))
    def try_a_refused_refund_again(self, which: int, copies: int) -> None:
        stuck = self.runner.run(self.world.rows("r.out_refund_no", "r.status = 'ABNORMAL'"))
        for row in _one_of(stuck, which):
            desk = self.house.service.refunds
            self._together(*(desk.retry(person("cashier-1"), row["out_refund_no"]) for _ in range(copies)))

    @rule()
    def end_the_case(self) -> None:
        subject = "SELECT subject_no FROM bill WHERE bill_no = $1"
        row = self.runner.run(db.fetch_row(subject, self.world.bill_no))
        self._together(self.house.service.void_bills(row["subject_no"]))

    @invariant()
    def at_most_one_order_that_a_phone_holds_can_be_paid(self) -> None:
        if hasattr(self, "world"):
            assert len(self.handed & set(self._payable())) <= 1

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.runner.run(self._deliver_everything())
            self.runner.run(self.world.calm_down())
            self.runner.run(self.world.check())

    def _create(self, channel: str) -> Coroutine[Any, Any, OpenedPayment]:
        return self.house.service.create(self.house.caller, self.world.bill_no, channel)

    def _payable(self) -> list[tuple[str, str]]:
        return [(name, order.order.out_trade_no) for name, order in self.world.orders(Standing.UNPAID)]

    def _refund_callbacks(self) -> list[tuple[str, dict[str, str]]]:
        return [
            (name, {"out_trade_no": order.order.out_trade_no, "out_refund_no": number, "amount_fen": str(fen)})
            for name, order in self.world.orders(Standing.PAID)
            for number, fen in order.refunds.items()
        ]

    def _together(self, *work: Coroutine[Any, Any, Any]) -> None:
        """Run all at once; whoever dies takes nobody along, and nothing of it goes on afterwards."""

        async def gathered() -> None:
            others = asyncio.all_tasks()
            for answer in await asyncio.gather(*work, return_exceptions=True):
                if isinstance(answer, OpenedPayment):
                    self.handed.add((answer.channel, answer.out_trade_no))
                if isinstance(answer, BaseException) and not isinstance(answer, SanjinError | asyncio.CancelledError):
                    raise answer
            if left := asyncio.all_tasks() - others:
                await asyncio.wait(left, timeout=1)

        self.runner.run(gathered())

    async def _deliver_everything(self) -> None:
        for mortal in self.world.mortals.values():
            mortal.deaths.clear()
        for channel, content in self.sent:
            await self.house.notify(channel, content)


async def _killed_after(ticks: int, work: Coroutine[Any, Any, Any]) -> Any:
    """Run until so many turns of the loop are over, then die wherever it is."""
    task = asyncio.ensure_future(work)
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    return await task


@pytest.mark.timeout(120 + 2 * SEQUENCES)
def test_any_interleaving_ends_consistently() -> None:
    walk(Payments, SEQUENCES, steps=20)
