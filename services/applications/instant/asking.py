"""The applicant's side of instant approval: why it was decided so, and the wish for a person; and the staff's answer.

Called by handlers of citizens and of staff.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from app import clock, db
from app.db import Row
from app.errors import Conflict, Forbidden, NotFound, StaleVersion
from app.tokens import Caller
from services.applications import moves, own, repository
from services.applications.instant import repository as decisions
from services.applications.instant.service import INPUTS_COLUMN
from services.applications.instant.types import CheckView, DecisionView, ExplanationView, InputSeen, InputView, Verdict
from services.applications.parts import Parts
from services.applications.routing.guard import covers_body, require_sight
from services.applications.states import Edge, Outcome, Status
from services.applications.types import Actor, ActorKind
from services.applications.views import moment
from services.staff.types import Act as StaffAct
from services.staff.types import Role, StaffCaller

_BEFORE_DECISION = frozenset(
    {
        Status.SUBMITTED,
        Status.RETURNED,
        Status.RECEIVED,
        Status.CORRECTION,
        Status.ACCEPTED,
        Status.SUSPENDED,
    }
)
_REREADS = 3
_VERDICT_TEXT = {Verdict.GRANT: "自动核验全部通过", Verdict.PERSON: "转由工作人员办理"}
_SOURCE_TEXT = {
    "form": "申请表",
    "person": "实名认证信息",
    "materials": "申请材料",
    "licences": "电子证照",
    "fee": "缴费记录",
}


class Asking:
    """Explanations, and the right to a person."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def explanation(self, caller: Caller, application_no: str) -> ExplanationView:
        """Explain how an own case was or will be decided; doubts read as "a person looks", never as a refusal.

        Raises: NotFound.
        """
        held = await own.find(self._parts.people, caller, application_no)
        return await self._explained(held.row, shows_values=False)

    async def explanation_for_staff(self, staff: StaffCaller, application_no: str, address: str) -> ExplanationView:
        """Explain a case to the officer in charge, with the values that were seen; the look is audited.

        Raises: NotFound, Forbidden.
        """
        staff.require_role(Role.WINDOW, Role.REVIEWER, Role.APPROVER)
        row = await self._seen(staff, application_no)
        act = StaffAct(staff.username, "case.rule_inputs_viewed", "application", application_no, {}, address)
        await self._parts.audit.record(act)
        return await self._explained(row, shows_values=True)

    async def ask_for_person(self, caller: Caller, application_no: str) -> ExplanationView:
        """Have a person decide an own case, or look again at what a rule has granted. Idempotent.

        The person names no version: a case that moved on meanwhile by itself, as one just granted does, is read again.
        Raises: NotFound, StaleVersion, Conflict `not_automatic` where no rule decides.
        """
        for _ in range(_REREADS):
            with suppress(StaleVersion):
                return await self._ask(caller, application_no)
        return await self._ask(caller, application_no)

    async def _ask(self, caller: Caller, application_no: str) -> ExplanationView:
        held = await own.find(self._parts.people, caller, application_no)
        row = held.row
        standing = await decisions.standing(application_no)
        if standing is None or standing["person_asked_at"] is None:
            before = row["status"] in _BEFORE_DECISION
            if not ((before and await self._is_automatic(row)) or await self._was_granted_by_rule(row)):
                raise Conflict("该办件由工作人员办理，不适用智慧审批", code="not_automatic")
            now = clock.now()
            move = moves.along(
                row,
                Edge(Status(row["status"]), "application.person_asked", "申请人要求人工办理"),
                held.actor,
                told="已转由工作人员办理" if before else "已请工作人员复核自动作出的决定",
                sets={"person_asked_at": now},
                at=now,
            )
            row = await moves.make(move, act=held.trace("person_asked"), audit=self._parts.audit)
        return await self._explained(row, shows_values=False)

    async def answer(self, staff: StaffCaller, application_no: str, opinion: str, address: str) -> ExplanationView:
        """Tell the applicant what a person found who looked at a grant by rule again.

        Raises: NotFound, Forbidden, StaleVersion, Conflict `not_asked`.
        """
        staff.require_role(Role.REVIEWER, Role.APPROVER)
        row = await self._seen(staff, application_no)
        if not covers_body(staff, row):
            raise Forbidden("该办件由其他机关办理", code="intake_only")
        standing = await decisions.standing(application_no)
        if standing is None or standing["person_asked_at"] is None or await decisions.is_reviewed(row["id"]):
            raise Conflict("申请人没有待答复的人工复核要求", code="not_asked")
        now = clock.now()
        act = StaffAct(staff.username, "case.rule_reviewed", "application", application_no, {}, address)

        async def keep(tx: db.Transaction) -> None:
            await decisions.add_review(tx, row["id"], opinion, staff.username, now)

        move = moves.along(
            row,
            Edge(Status(row["status"]), "application.reviewed", "人工复核答复"),
            Actor(ActorKind.STAFF, staff.username, staff.display_name),
            told=opinion,
            at=now,
            also=keep,
        )
        return await self._explained(await moves.make(move, act=act, audit=self._parts.audit), shows_values=False)

    async def _explained(self, row: Row, *, shows_values: bool) -> ExplanationView:
        standing = await decisions.standing(row["application_no"])
        assert standing is not None
        listed = await decisions.list_decisions(row["id"])
        granted, automatic = await self._was_granted_by_rule(row), await self._is_automatic(row)
        asked_at = standing["person_asked_at"]
        may_ask = asked_at is None and (granted or (automatic and row["status"] in _BEFORE_DECISION))
        return ExplanationView(
            application_no=row["application_no"],
            by_rule=granted,
            may_ask_for_person=may_ask,
            person_asked_at=moment(asked_at),
            summary=_summary(granted, automatic, bool(listed), asked_at is not None),
            decisions=[self._decision(each, shows_values) for each in listed],
        )

    def _decision(self, row: Row, shows_values: bool) -> DecisionView:
        stored = self._parts.cipher.decrypt_json(INPUTS_COLUMN, row["inputs_cipher"])
        verdict = Verdict(row["verdict"])
        rule = msgspec.json.decode(row["record"]) if row["record"] else {}
        checks = msgspec.json.decode(row["explanation"], type=list[CheckView])
        return DecisionView(
            decided_at=clock.rfc3339(row["created_at"]),
            verdict=verdict,
            verdict_text=_VERDICT_TEXT[verdict],
            rule_code=row["rule_code"],
            rule_version=row["rule_version"],
            rule_name=rule.get("name", ""),
            rule_sha256=row["rule_sha256"],
            checks=checks if shows_values else [msgspec.structs.replace(check, doubt="") for check in checks],
            inputs=[_input(msgspec.convert(each, InputSeen), shows_values) for each in stored],
        )

    async def _is_automatic(self, row: Row) -> bool:
        if row["status"] == Status.DRAFT:
            return False
        item = await self._parts.catalogue.item(row["item_code"], row["item_version"])
        return item.record.automatic

    async def _was_granted_by_rule(self, row: Row) -> bool:
        if row["outcome"] != Outcome.GRANTED:
            return False
        steps = await repository.list_steps(row["id"])
        decided = [step for step in steps if step["event"] == "application.approved"]
        return bool(decided) and decided[-1]["actor_kind"] == "SYSTEM"

    async def _seen(self, staff: StaffCaller, application_no: str) -> Row:
        row = await repository.find_case(application_no)
        if row is None or row["status"] == Status.DRAFT:
            raise NotFound("未找到该办件")
        require_sight(staff, row)
        return row


def _summary(granted: bool, automatic: bool, judged: bool, asked: bool) -> str:
    if granted:
        return "本决定由系统依据规则自动核验作出，您可以要求由工作人员复核。"
    if asked:
        return "已按您的要求由工作人员办理。"
    if not automatic:
        return "本事项由工作人员办理，不适用智慧审批。"
    return "系统不能自动核验全部情形，已转由工作人员办理。" if judged else "正在等待自动核验。"


def _input(seen: InputSeen, shows_value: bool) -> InputView:
    return InputView(
        title=seen.title,
        source_text=_SOURCE_TEXT[seen.source.partition(".")[0]],
        seen_at=seen.seen_at,
        value=seen.value if shows_value else None,
    )
