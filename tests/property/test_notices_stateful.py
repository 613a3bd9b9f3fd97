"""Any order of grants, withdrawals, refusals, time-outs, concurrent deliveries and crashes: two notices never use one
permission, nobody is told twice unless a try's end was unknown and the policy allows it, counters equal the rows."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app import db
from app.clock import now
from app.ids import new_id
from notify import notices_repository
from notify.neutral import Delivery, Message, Outcome
from notify.notices_repository import NewNotice
from notify.states import lease
from tests.fakes.notify_house import NotifyHouse
from tests.property.scratch import Runner, walk

SEQUENCES = int(os.environ.get("SJT_PROPERTY_SEQUENCES", "60"))
CODE = "application.accepted"
HOW = st.sampled_from(["later", "refused", "lost before", "lost after", "dies before", "dies after"])
_OPEN_ENDED = ("lost", "dies")


class Killed(BaseException):
    """The process ends here."""


class TruthfulChannel:
    """A platform that knows who was really told, and how many permissions there really are (None: none is needed)."""

    def __init__(self, permissions: int | None) -> None:
        self.permissions = permissions
        self.told: Counter[str] = Counter()
        self.unknown: set[str] = set()
        self.troubles: list[str] = []

    def fitted(self, values: Mapping[str, str]) -> dict[str, str]:
        return dict(values)

    def pause_seconds(self) -> float:
        return 0.0

    async def send(self, message: Message) -> Delivery:
        await asyncio.sleep(0)
        how = self.troubles.pop(0) if self.troubles else ""
        if how == "later":
            return Delivery(Outcome.LATER, "busy")
        if how == "refused":
            return Delivery(Outcome.REFUSED, "no")
        if how.startswith(_OPEN_ENDED):
            self.unknown.add(message.reference)
        if how.endswith("before"):
            return self._lost(how)
        if self.permissions is not None:
            if self.permissions < 1:
                return self._lost(how) if how else Delivery(Outcome.NO_PERMISSION, "43101")
            self.permissions -= 1
        self.told[message.reference] += 1
        await asyncio.sleep(0)
        return self._lost(how) if how else Delivery(Outcome.SENT, "0", f"m{secrets.token_hex(8)}")

    @staticmethod
    def _lost(how: str) -> Delivery:
        if how.startswith("dies"):
            raise Killed
        return Delivery(Outcome.UNKNOWN, "timeout")


class Notices(RuleBasedStateMachine):
    """One person, one campaign, WeChat before SMS; every rule is something that may happen."""

    runner: Runner

    @initialize(policy=st.sampled_from(["REPEAT", "NEXT", "STOP"]))
    def begin(self, policy: str) -> None:
        self.policy, self.granted = policy, 0
        self.cut_off: set[str] = set()
        self.wechat, self.sms = TruthfulChannel(0), TruthfulChannel(None)
        self.house = NotifyHouse(wechat=self.wechat, sms=self.sms)  # type: ignore[arg-type]  # stand where the fakes stand
        self.campaign_id, self.at = new_id(), now()
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        await db.fetch_all("TRUNCATE notice, notice_attempt, subscription, campaign_count, pgqueuer, notice_template")
        await self.house.prepare()
        await db.execute("UPDATE notice_template SET on_unknown = $2 WHERE code = $1", CODE, self.policy)

    @rule(times=st.integers(1, 3))
    def grant(self, times: int) -> None:
        self.wechat.permissions = (self.wechat.permissions or 0) + times
        self.granted += times
        self.runner.run(self.house.allow(CODE, times))

    @rule()
    def withdraw(self) -> None:
        self.wechat.permissions = 0
        results = {self.house.template_id(CODE): "ban"}
        self.runner.run(self.house.service.report_subscriptions(self.house.caller, results))

    @rule()
    def platform_forgets_a_permission(self) -> None:
        self.wechat.permissions = max(0, (self.wechat.permissions or 0) - 1)

    @rule(count=st.integers(1, 4))
    def tell(self, count: int) -> None:
        self.runner.run(self._tell(count))

    @rule(channel=st.sampled_from(["wechat", "sms"]), how=HOW)
    def let_the_next_call_go_wrong(self, channel: str, how: str) -> None:
        getattr(self, channel).troubles.append(how)

    @rule(parts=st.integers(1, 3), ticks=st.one_of(st.none(), st.integers(1, 40)))
    def deliver(self, parts: int, ticks: int | None) -> None:
        """Several processes deliver at once; one may be killed anywhere."""
        self.runner.run(self._deliver(parts, ticks))

    @rule()
    def time_passes(self) -> None:
        self.runner.run(db.execute("UPDATE notice SET next_try_at = now() WHERE status = 'QUEUED'"))

    @rule(delivered=st.booleans())
    def receipts_come(self, delivered: bool) -> None:
        self.runner.run(self._receipt(delivered))

    @invariant()
    def all_is_consistent(self) -> None:
        if hasattr(self, "house"):
            self.runner.run(self._check())

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.runner.run(self._end())

    async def _tell(self, count: int) -> None:
        new = [
            NewNotice(
                dedupe_key=new_id().hex,
                occurred_at=self.at,
                citizen_id=self.house.caller.citizen_id,
                code=CODE,
                version=1,
                title="标题",
                text="内容",
                variables={},
                campaign_id=self.campaign_id,
            )
            for _ in range(count)
        ]
        async with db.transaction() as tx:
            await notices_repository.record_many(tx, new)
            await tx.execute(
                "INSERT INTO campaign_count (id, created_at, campaign_id, shard, status, channel, reason, notices)"
                " VALUES ($1, now(), $2, 0, 'QUEUED', '', '', $3) ON CONFLICT (campaign_id, shard, status, channel,"
                " reason) DO UPDATE SET notices = campaign_count.notices + excluded.notices",
                new_id(),
                self.campaign_id,
                count,
            )

    async def _deliver(self, parts: int, ticks: int | None = None) -> None:
        tasks = [asyncio.ensure_future(self._one_process()) for _ in range(parts)]
        if ticks is not None:
            for _ in range(ticks):
                await asyncio.sleep(0)
            tasks[0].cancel()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(end, BaseException) and not isinstance(end, Killed | asyncio.CancelledError):
                raise end
        # What was under way when a process died may have arrived, for all that the next one can know.
        left = await db.fetch_all("SELECT notice_id FROM notice_attempt WHERE outcome = 'STARTED'")
        self.cut_off |= {row["notice_id"].hex for row in left}

    async def _one_process(self) -> None:
        moment = now() + timedelta(seconds=1)
        claimed = await notices_repository.claim_of_campaign(self.campaign_id, moment, moment + lease(), 3)
        if claimed:
            await self.house.service.delivering.deliver(claimed)

    async def _receipt(self, delivered: bool) -> None:
        row = await db.fetch_row(
            "SELECT provider_message_no AS no FROM notice_attempt WHERE channel = 'SMS' AND outcome = 'SENT' LIMIT 1"
        )
        if row is not None:
            body = f'[["{row["no"]}", {str(delivered).lower()}, "X"]]'.encode()
            for _ in range(2):
                await self.house.service.receive_receipts("aliyun", "secret", body)

    async def _check(self) -> None:
        permissions = await db.fetch_all("SELECT status, notice_id, channel FROM subscription")
        assert len(permissions) == self.granted, "granted = in stock + set aside + used + void"
        used = Counter(row["notice_id"] for row in permissions if row["status"] in ("HELD", "CONSUMED"))
        assert all(count == 1 for count in used.values()), "one permission, one notice"
        assert all(row["notice_id"] is None for row in permissions if row["status"] == "IN_STOCK")
        notices = {row["id"]: row for row in await db.fetch_all("SELECT id, status, sent_channel FROM notice")}
        held = [row for row in permissions if row["status"] == "HELD"]
        assert all(notices[row["notice_id"]]["status"] == "QUEUED" for row in held), "an end frees what was set aside"
        for notice_id, notice in notices.items():
            self._check_telling(notice_id.hex, notice["status"])
        counted = await db.fetch_all(
            "SELECT status, channel, reason, sum(notices)::int AS n FROM campaign_count GROUP BY 1, 2, 3"
            " HAVING sum(notices) <> 0"
        )
        real = await db.fetch_all(
            "SELECT status, sent_channel AS channel, reason, count(*)::int AS n FROM notice GROUP BY 1, 2, 3"
        )
        assert {tuple(row) for row in counted} == {tuple(row) for row in real}

    def _check_telling(self, reference: str, status: str) -> None:
        by_wechat, by_sms = self.wechat.told[reference], self.sms.told[reference]
        open_ended = reference in self.wechat.unknown | self.sms.unknown | self.cut_off
        if not open_ended or self.policy == "STOP":
            assert by_wechat + by_sms <= 1
        if self.policy == "NEXT":
            assert max(by_wechat, by_sms) <= 1
        if status == "SENT" and not open_ended:
            assert by_wechat + by_sms == 1

    async def _end(self) -> None:
        self.wechat.troubles.clear()
        self.sms.troubles.clear()
        for _ in range(40):
            await db.execute("UPDATE notice SET next_try_at = now() WHERE status = 'QUEUED'")
            await self._deliver(2)
        rows = await db.fetch_all("SELECT 1 FROM notice WHERE status = 'QUEUED'")
        assert not rows, "every notice comes to a visible end"
        await self._check()


@pytest.mark.timeout(120 + 3 * SEQUENCES)
def test_any_interleaving_keeps_stock_telling_and_counters_right() -> None:
    walk(Notices, SEQUENCES, steps=15)
