"""Use cases of instant approval (智慧审批): judge a case by its rule, grant it through the ordinary moves, or leave it.

Called by the room's reactions. A rule grants or steps aside; nothing here can refuse, return or delay a case. Whoever
asks for a person, or has claimed the case, ends the rule's part.
Source: 个人信息保护法 第二十四条 (explanation, and the right to a person).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import structlog

from app import clock
from app.db import Row
from app.errors import Conflict, SanjinError
from services.applications import moves, repository
from services.applications.desk import CaseDesk
from services.applications.instant import repository as decisions
from services.applications.instant.engine import CompiledRule, Evaluation, FaultyRule
from services.applications.instant.inputs import Inputs
from services.applications.instant.repository import NewDecision
from services.applications.instant.types import CheckView, CurrentRule, Found, InputSeen, Verdict
from services.applications.parts import Parts
from services.applications.progress import Progress
from services.applications.states import Act, Status
from services.applications.types import Actor, ActorKind

INPUTS_COLUMN = "instant_decision.inputs"
FOUND_TEXT = {Found.HOLDS: "符合", Found.DOUBT: "待人工核实", Found.UNKNOWN: "暂无法自动核验"}
_SHOWN = "智慧审批"
_KEPT_SECONDS = 10.0
_LONGEST_SECONDS = 5.0
_WAITING = frozenset({Status.SUBMITTED, Status.RECEIVED})
log = structlog.get_logger()


class InstantApproval:
    """Judges cases by rules. All idempotent: one decision a version of a case."""

    def __init__(self, parts: Parts, desk: CaseDesk, progress: Progress) -> None:
        self._parts, self._desk, self._progress = parts, desk, progress
        self._inputs = Inputs(parts)
        self._rules: dict[str, CurrentRule] = {}
        self._compiled: dict[str, CompiledRule] = {}
        self._read_at = -_KEPT_SECONDS

    async def judge(self, application_no: str) -> None:
        """Judge a case that was handed in; accept it where every check holds. Idempotent."""
        row = await self._free_case(application_no)
        if row is None or row["status"] not in _WAITING or not await self._is_granted(row):
            return
        await self._move(row, Act.ACCEPT, self._acceptance(row))

    async def conclude(self, application_no: str) -> None:
        """Grant a case that the rule has accepted, once its fee is paid, if every check still holds. Idempotent."""
        row = await self._free_case(application_no)
        if row is None or row["status"] != Status.ACCEPTED:
            return
        if row["fee_fen"] and row["fee_paid_at"] is None:
            return
        if await self._was_accepted_by_rule(row) and await self._is_granted(row):
            await self._move(row, Act.APPROVE, self._approval(row))

    async def note_paid(self, application_no: str, paid_at: str, title: str) -> None:
        """Go on with a case whose fee was paid, whichever reaction to the payment comes first. Idempotent."""
        await self._progress.note_paid(application_no, clock.parse_rfc3339(paid_at), title)
        await self.conclude(application_no)

    async def _free_case(self, application_no: str) -> Row | None:
        """Return a case that its rule may decide: nobody has it and nobody has asked for a person."""
        standing = await decisions.standing(application_no)
        if standing is None or standing["officer"] or standing["person_asked_at"] is not None:
            return None
        if await self._rule_for(standing["item_code"]) is None:
            return None
        row = await repository.find_case(application_no)
        return row if row is not None and row["version"] == standing["version"] else None

    async def _was_accepted_by_rule(self, row: Row) -> bool:
        """Tell whether the last thing that happened to a case is that its rule accepted it."""
        earlier = await decisions.find_decision(row["id"], row["version"] - 1)
        if earlier is None or earlier["verdict"] != Verdict.GRANT:
            return False
        steps = [step for step in await repository.list_steps(row["id"]) if step["event"] == "application.accepted"]
        return bool(steps) and steps[-1]["actor_shown"] == _SHOWN

    async def _is_granted(self, row: Row) -> bool:
        """Judge one version of a case once, and keep the run; an earlier run of it stands."""
        current = await self._rule_of(row)
        if current is None:
            return False
        earlier = await decisions.find_decision(row["id"], row["version"])
        if earlier is None:
            await self._judge_now(row, current)
            earlier = await decisions.find_decision(row["id"], row["version"])
        return earlier is not None and earlier["verdict"] == Verdict.GRANT

    async def _judge_now(self, row: Row, current: CurrentRule) -> None:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                seen = await self._inputs.gather(current.rule, row)
        except (TimeoutError, SanjinError) as error:
            log.warning("inputs_not_seen", application_no=row["application_no"], error=type(error).__name__)
            seen = []
        outcome = self._evaluate(current, seen)
        new = NewDecision(
            case_id=row["id"],
            case_version=row["version"],
            rule=current,
            inputs_cipher=self._parts.cipher.encrypt_json(INPUTS_COLUMN, seen),
            verdict=outcome.verdict,
            checks=[
                CheckView(
                    text=check.text,
                    found=found,
                    found_text=FOUND_TEXT[found],
                    doubt="" if found is Found.HOLDS else check.doubt,
                )
                for check, found in zip(current.rule.checks, outcome.findings, strict=True)
            ],
            at=clock.now(),
        )
        if await decisions.add_decision(new):
            log.info("case_judged", application_no=row["application_no"], verdict=outcome.verdict.value)

    def _evaluate(self, current: CurrentRule, seen: list[InputSeen]) -> Evaluation:
        compiled = self._compiled.get(current.sha256)
        if compiled is None:
            try:
                compiled = self._compiled[current.sha256] = CompiledRule(current.rule)
            except FaultyRule as fault:
                log.error("rule_not_usable", rule=current.rule.code, version=current.rule.version, fault=str(fault))
                return Evaluation((Found.UNKNOWN,) * len(current.rule.checks), Verdict.PERSON)
        return compiled.evaluate({each.name: each.value for each in seen})

    async def _rule_of(self, row: Row) -> CurrentRule | None:
        current = await self._rule_for(row["item_code"])
        if current is None:
            return None
        item = await self._parts.catalogue.item(row["item_code"], row["item_version"])
        return current if item.record.automatic else None

    async def _rule_for(self, item_code: str) -> CurrentRule | None:
        if clock.monotonic() - self._read_at >= _KEPT_SECONDS:
            self._rules = {code: current for current in await decisions.list_current() for code in current.rule.items}
            self._read_at = clock.monotonic()
        return self._rules.get(item_code)

    async def _acceptance(self, row: Row) -> dict[str, Any]:
        plan = await self._desk.acceptance(row)
        return {**plan, "told": f"{plan['told']}（智慧审批自动核验）"}

    async def _approval(self, row: Row) -> dict[str, Any]:
        plan = await self._desk.approval(row)
        current = self._rules[row["item_code"]].rule
        because = f"本决定由系统依据《{current.name}》第{current.version}版自动核验作出，全部核验事项均符合。"
        plan["told"] = f"{plan['told']}。{because}您可以查看说明，也可以要求由工作人员复核"
        checked = "核验事项：" + "；".join(check.text for check in current.checks) + "。"
        document = plan["document"]
        plan["document"] = replace(document, paragraphs=(*document.paragraphs, because, checked))
        return plan

    async def _move(self, row: Row, act: Act, plan: Awaitable[dict[str, Any]]) -> None:
        current = self._rules[row["item_code"]].rule
        actor = Actor(ActorKind.SYSTEM, f"{current.code}@{current.version}"[:64], _SHOWN)
        try:
            await moves.make(moves.planned(row, act, actor, **await plan))
        except Conflict:
            # Somebody was faster, or something of the case is no longer as it was: a person goes on from there.
            log.info("case_not_moved_by_rule", application_no=row["application_no"], act=act.value)
