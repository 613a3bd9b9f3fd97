"""Staff tell one person something about a case: from templates only, seen before it is sent, audited with it.

Handlers call it. Whether somebody may push to a case is the word of the port; the notice goes the way of any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from app import clock, db
from app.errors import FieldFault, InvalidRequest
from app.events import DomainEvent
from app.ids import new_id
from notify import notices_repository
from notify.notices_repository import NewNotice
from notify.pushing.ports import Cases, Live
from notify.pushing.types import PushedCase, PushPreview, PushRequest, PushResult, PushTemplate, PushVariable
from notify.render import INBOX_LENGTH, TITLE_LENGTH, filled
from notify.templates import Shelf, Template
from notify.templating.ports import Announce, Audit
from notify.templating.service import TemplateDesk
from notify.templating.types import TemplateAct
from notify.tokens import moment_of

_UNSENDABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff{}]")
_OF_THE_CASE = ("item_name", "subject_no", "time", "date")
_SPARE = 1.5
"""A value may be somewhat longer than the longest that the template's author thought of, if it still fits."""


class Person(Protocol):
    """A member of staff, as far as this room looks."""

    @property
    def username(self) -> str:
        """The name that the audit trail keeps."""
        ...


P = TypeVar("P", bound=Person)


class Pushing(Generic[P]):
    """Use cases of direct pushes.

    Args:
        announce: tells open pages of the console that the case has changed.
        live: tells the person's open phones that the inbox has.
    """

    def __init__(
        self, shelf: Shelf, desk: TemplateDesk, cases: Cases[P], audit: Audit, announce: Announce, live: Live
    ) -> None:
        self._shelf, self._desk, self._cases, self._audit = shelf, desk, cases, audit
        self._announce, self._live = announce, live

    async def templates(self, staff: P, subject_no: str) -> tuple[PushedCase, list[PushTemplate]]:
        """Return a case and the templates that may be pushed to it. Raises: Forbidden, NotFound."""
        case = await self._cases.case(staff, subject_no)
        return case, [_offered(template) for template in await self._shelf.used_for("PUSH")]

    async def preview(self, staff: P, subject_no: str, request: PushRequest) -> PushPreview:
        """Show what the person would see. Raises: Forbidden, NotFound, InvalidRequest naming the faulty variables."""
        case = await self._cases.case(staff, subject_no)
        template = await self._template(request)
        values = self._values(template, case, request.variables, clock.now())
        return PushPreview(data=(await self._desk.shown(template, values)).data)

    async def push(self, staff: P, subject_no: str, request: PushRequest, address: str) -> PushResult:
        """Send a notice about a case to its person; the audit row commits with it.

        Raises: Forbidden, NotFound, InvalidRequest naming the faulty variables or an expired form.
        Idempotent: yes, by the token, which also says the moment.
        """
        case = await self._cases.case(staff, subject_no)
        template = await self._template(request)
        token = request.token or new_id().hex
        at = moment_of(token)
        new = _notice(template, case, self._values(template, case, request.variables, at), staff.username, token, at)
        async with db.transaction() as tx:
            is_new = await notices_repository.record_many(tx, [new]) == 1
            if is_new:
                notices_repository.enqueue_delivery(tx, [new])
                details = {"template": template.code, "version": template.version}
                act = TemplateAct(staff.username, "case.pushed", "application", case.subject_no, details, address)
                await self._audit.record(act, tx)
        if is_new:
            await self._announce(f"case:{case.subject_no}")
            await self._live(_heard(case, template))
        return PushResult(title=new.title, text=new.text, is_repeat=not is_new)

    async def _template(self, request: PushRequest) -> Template:
        template = await self._shelf.newest(request.template)
        if template is None or template.used_for != "PUSH":
            raise InvalidRequest(faults=(FieldFault("template", "没有这个可推送的模板"),))
        return template

    def _values(
        self, template: Template, case: PushedCase, given: Mapping[str, str], at: datetime
    ) -> Mapping[str, str]:
        asked = _asked(template)
        faults = [FieldFault(f"variables.{name}", "模板没有这个变量") for name in given if name not in asked]
        written = {name: given.get(name, "").strip() for name in asked}
        faults += [
            FieldFault(f"variables.{name}", fault)
            for name, text in written.items()
            if (fault := _fault(text, asked[name].most_letters))
        ]
        beijing = clock.to_beijing(at)
        values = written | {
            "item_name": case.item_name,
            "subject_no": case.subject_no,
            "time": f"{beijing:%Y-%m-%d %H:%M}",
            "date": f"{beijing:%Y-%m-%d}",
        }
        if not faults:
            faults = self._desk.check_values(template, values)
        if faults:
            raise InvalidRequest("请按提示修改后再发送", faults=tuple(faults))
        return values


def _fault(text: str, most_letters: int) -> str:
    if not text:
        return "请填写"
    if _UNSENDABLE.search(text):
        return "不能含有控制字符或花括号"
    return f"最多{most_letters}个字" if len(text) > most_letters else ""


def _asked(template: Template) -> dict[str, PushVariable]:
    return {
        each.name: PushVariable(
            name=each.name,
            title=each.title,
            sample=each.sample,
            most_letters=int(max(len(each.longest), len(each.sample)) * _SPARE),
        )
        for each in template.variables
        if each.name not in _OF_THE_CASE
    }


def _offered(template: Template) -> PushTemplate:
    return PushTemplate(
        code=template.code,
        version=template.version,
        title=template.title,
        inbox_text=template.inbox_text,
        variables=list(_asked(template).values()),
    )


def _heard(case: PushedCase, template: Template) -> DomainEvent:
    return DomainEvent(
        name="notice.created",
        subject_no=case.subject_no,
        citizen_id=case.citizen_id.hex,
        facts={"event": template.code},
    )


def _notice(
    template: Template, case: PushedCase, values: Mapping[str, str], by: str, token: str, at: datetime
) -> NewNotice:
    return NewNotice(
        dedupe_key=f"push:{token}:{case.citizen_id.hex}",
        occurred_at=at,
        citizen_id=case.citizen_id,
        code=template.code,
        version=template.version,
        title=filled(template.title, values, TITLE_LENGTH),
        text=filled(template.inbox_text, values, INBOX_LENGTH),
        variables=values,
        subject_no=case.subject_no,
        has_channels=bool(template.channels),
        pushed_by=by,
        expires_at=template.expires_at(at),
    )
