"""The template desk: staff make versions of templates, see them as on the phone, try them out and put them in use.

Handlers call it; it asks the repository and the shelf. It sends nothing itself: a test is a notice as any other.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from app import clock, db
from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, NotFound
from app.ids import new_id
from notify import notices_repository
from notify.notices_repository import NewNotice
from notify.ports import NoticeTable
from notify.render import INBOX_LENGTH, TITLE_LENGTH, filled
from notify.templates import Shelf, Template, template_of
from notify.templating import checking, repository
from notify.templating.comparing import Comparison
from notify.templating.ports import Announce, Audit, Testers
from notify.templating.rendering import Fit, preview, samples
from notify.templating.types import (
    Content,
    Editor,
    Preview,
    TemplateAct,
    TemplateLine,
    TemplateList,
    TemplateView,
    TrialSent,
    content_of,
)
from notify.tokens import moment_of

_STALE = "模板已被他人更改，请刷新后再试"


class TemplateDesk:
    """Use cases of templates.

    Args:
        events: the events of the house that concern a citizen; an EVENT template answers one of them.
        sign: the SMS sign where a binding names none.
    """

    def __init__(
        self,
        shelf: Shelf,
        table: NoticeTable,
        *,
        audit: Audit,
        testers: Testers,
        announce: Announce,
        comparison: Comparison,
        events: Collection[str],
        sign: str = "",
    ) -> None:
        self._shelf, self._audit, self._testers, self._announce = shelf, audit, testers, announce
        self._events, self._sign = frozenset(events), sign
        self._fits: Mapping[str, Fit] = {name: channel.fitted for (name, _), channel in table.channels.items()}
        self.comparison = comparison

    async def overview(self, editor: Editor) -> TemplateList:
        """List every version of every code, newest first. Raises: Forbidden."""
        _require(editor.may_look)
        return TemplateList(data=[_line(row) for row in await repository.list_versions()])

    async def versions(self, editor: Editor, code: str) -> list[TemplateView]:
        """Return the versions of a code, newest first. Raises: Forbidden, NotFound."""
        _require(editor.may_look)
        rows = await repository.list_versions(code)
        if not rows:
            raise NotFound("模板不存在")
        return [self._view(row) for row in rows]

    async def version(self, editor: Editor, code: str, version: int) -> TemplateView:
        """Return one version. Raises: Forbidden, NotFound."""
        _require(editor.may_look)
        row = await repository.find_version(code, version)
        if row is None:
            raise NotFound("模板版本不存在")
        return self._view(row)

    async def draft(self, editor: Editor, code: str, used_for: str, content: Content) -> TemplateView:
        """Make a draft: a new code, or the next version of one.

        Raises: Forbidden, InvalidRequest naming the faulty fields, Conflict `draft_exists`.
        """
        _require(editor.may_edit)
        kept = await self._declared(code, used_for, content)
        async with db.transaction() as tx:
            rows = await repository.lock_code(tx, code)
            if any(row["status"] == "DRAFT" for row in rows):
                raise Conflict("该模板已有草稿，请在草稿上修改", code="draft_exists")
            version, at = max((row["version"] for row in rows), default=0) + 1, clock.now()
            self._check(code, used_for, kept, rows)
            await repository.add_draft(tx, code, version, used_for, kept, editor.username, at)
            await self._audit.record(_act(editor, "drafted", code, version), tx)
        return await self._changed(code, version)

    async def edit(self, editor: Editor, code: str, version: int, edit: str, content: Content) -> TemplateView:
        """Replace a draft's content; a statutory one has one author.

        Raises: as `draft`, Forbidden `not_author`, NotFound, Conflict `stale_version`, `not_a_draft`.
        """
        _require(editor.may_edit)
        known = await repository.find_version(code, version)
        kept = content if known is None else await self._declared(code, known["used_for"], content)
        async with db.transaction() as tx:
            rows = await repository.lock_code(tx, code)
            row = _seen(rows, version, edit)
            if row["status"] != "DRAFT":
                raise Conflict("只能修改草稿；请另存为新版本", code="not_a_draft")
            if (row["statutory"] or kept.statutory) and row["edited_by"] != editor.username:
                # Else somebody could have another save their words once more, and then confirm them.
                raise Forbidden("法定告知模板的草稿只能由起草人修改", code="not_author")
            self._check(code, row["used_for"], kept, [each for each in rows if each["version"] != version])
            at = max(clock.now(), row["edited_at"])
            await repository.change_draft(tx, code, version, kept, editor.username, at)
            await self._audit.record(_act(editor, "edited", code, version), tx)
        return await self._changed(code, version)

    async def enable(self, editor: Editor, code: str, version: int, edit: str) -> TemplateView:
        """Put a version in use; the one before is retired. A statutory one takes a second person.

        Raises: Forbidden `second_person`, NotFound, Conflict `stale_version`. Idempotent: yes.
        """
        _require(editor.may_edit or editor.may_confirm)
        async with db.transaction() as tx:
            row = _seen(await repository.lock_code(tx, code), version, edit)
            if row["status"] == "ENABLED":
                return await self.version(editor, code, version)
            if row["statutory"] and not (editor.may_confirm and row["edited_by"] != editor.username):
                raise Forbidden("法定告知模板须由另一名审批人或管理员启用", code="second_person")
            if not row["statutory"]:
                _require(editor.may_edit)
            await repository.enable(tx, code, version, clock.now())
            await self._audit.record(_act(editor, "enabled", code, version, statutory=row["statutory"]), tx)
        return await self._changed(code, version)

    async def retire(self, editor: Editor, code: str, version: int, edit: str) -> TemplateView:
        """Take a version out of use, or throw a draft away. A statutory template in use is only ever replaced.

        Raises: Forbidden, NotFound, Conflict `stale_version`, `statutory_template`. Idempotent: yes.
        """
        _require(editor.may_edit)
        async with db.transaction() as tx:
            row = _seen(await repository.lock_code(tx, code), version, edit)
            if row["status"] == "ENABLED" and row["statutory"]:
                raise Conflict("法定告知模板只能以新版本替换，不能停用", code="statutory_template")
            if row["status"] != "RETIRED":
                await repository.retire(tx, code, version)
                await self._audit.record(_act(editor, "retired", code, version), tx)
        return await self._changed(code, version)

    async def preview(self, editor: Editor, code: str, used_for: str, content: Content) -> Preview:
        """Show what the phone would show, whether or not it may be saved like this. Raises: Forbidden."""
        _require(editor.may_look)
        template = _template(code, used_for, await self._declared(code, used_for, content))
        return preview(template, samples(template), self._fits, self._sign)

    async def shown(self, template: Template, variables: Mapping[str, str]) -> Preview:
        """Show a template with values, as on the phone; for those who push it."""
        return preview(template, variables, self._fits, self._sign)

    async def try_out(self, editor: Editor, code: str, version: int, token: str = "") -> TrialSent:
        """Send a version with its samples to the test recipients of the settings, and to nobody else.

        Args:
            token: of the form; the same again sends nothing more.

        Raises: Forbidden, NotFound, InvalidRequest (a form too old), Conflict `no_tester`.
        """
        _require(editor.may_edit)
        row = await repository.find_version(code, version)
        if row is None:
            raise NotFound("模板版本不存在")
        people = await self._testers.ids()
        if not people:
            raise Conflict("没有测试接收人：请先以测试手机号登录小程序并绑定手机号", code="no_tester")
        token = token or new_id().hex
        made = _trial(_as_template(row), token, people, editor.username)
        async with db.transaction() as tx:
            if await notices_repository.record_many(tx, made):
                notices_repository.enqueue_delivery(tx, made)
                act = _act(editor, "tried", code, version, recipients=len(people))
                await self._audit.record(act, tx)
        return TrialSent(recipients=len(people))

    def check_values(self, template: Template, variables: Mapping[str, str]) -> list[FieldFault]:
        """List which given values do not fit the channels of a template, by the variable's path."""
        return checking.value_faults(template, variables, self._fits)

    async def _declared(self, code: str, used_for: str, content: Content) -> Content:
        """An event has the variables that it has: those of the shipped template, whatever the form says."""
        if used_for != "EVENT":
            return content
        rows = await repository.list_versions(code)
        shipped = next((row for row in rows if row["edited_by"] == ""), None)
        return content if shipped is None else msgspec.structs.replace(content, variables=_content(shipped).variables)

    def _check(self, code: str, used_for: str, content: Content, rows: Sequence[db.Row]) -> None:
        found = []
        if any(row["used_for"] != used_for for row in rows):
            found.append(FieldFault("used_for", "用途与该模板已有版本不同"))
        if used_for == "EVENT" and code not in self._events:
            found.append(FieldFault("code", "不是系统中的事件"))
        if used_for != "EVENT" and code in self._events:
            found.append(FieldFault("code", "该代码是系统事件，用途应为事件通知"))
        was_statutory = any(row["statutory"] for row in rows)
        found += checking.faults(_template(code, used_for, content), self._fits, was_statutory)
        if found:
            raise InvalidRequest("模板不能保存，请按提示修改", faults=tuple(found))

    async def _changed(self, code: str, version: int) -> TemplateView:
        self._shelf.forget()
        await self._announce("templates")
        row = await repository.find_version(code, version)
        assert row is not None, "a version is never deleted"
        return self._view(row)

    def _view(self, row: db.Row) -> TemplateView:
        content = _content(row)
        return TemplateView(
            line=_line(row), content=content, warnings=self.comparison.warnings(content.bindings.get("WECHAT"))
        )


def _require(allowed: bool) -> None:
    if not allowed:
        raise Forbidden(code="role_required")


def _seen(rows: Sequence[db.Row], version: int, edit: str) -> db.Row:
    row = next((each for each in rows if each["version"] == version), None)
    if row is None:
        raise NotFound("模板版本不存在")
    if _token(row["edited_at"]) != edit:
        raise Conflict(_STALE, code="stale_version")
    return row


def _token(edited_at: datetime | None) -> str:
    return "" if edited_at is None else edited_at.strftime("%Y%m%d%H%M%S%f")


def _content(row: db.Row) -> Content:
    return content_of(_as_template(row))


def _as_template(row: db.Row) -> Template:
    names = Template.__struct_fields__
    return template_of({name: value for name, value in row.items() if name in names})


def _template(code: str, used_for: str, content: Content) -> Template:
    plain = {name: getattr(content, name) for name in Content.__struct_fields__}
    return Template(code=code, used_for=used_for, **plain)  # type: ignore[arg-type]  # one of the three uses


def _line(row: db.Row) -> TemplateLine:
    return TemplateLine(
        **{name: row[name] for name in ("code", "version", "title", "used_for", "topic", "statutory", "urgent")},
        **{name: row[name] for name in ("status", "edited_by")},
        channels=msgspec.json.decode(row["channels"]),
        edited_at=clock.rfc3339_or_none(row["edited_at"]),
        enabled_at=clock.rfc3339_or_none(row["enabled_at"]),
        edit=_token(row["edited_at"]),
    )


def _act(editor: Editor, verb: str, code: str, version: int, **details: object) -> TemplateAct:
    return TemplateAct(
        editor.username, f"template.{verb}", "template", f"{code}:{version}"[:50], details, editor.address
    )


def _trial(template: Template, token: str, people: Sequence[uuid.UUID], by: str) -> list[NewNotice]:
    values, at = samples(template), moment_of(token)
    return [
        NewNotice(
            dedupe_key=f"trial:{token}:{citizen_id.hex}",
            occurred_at=at,
            citizen_id=citizen_id,
            code=template.code,
            version=template.version,
            title=filled(f"【测试】{template.title}", values, TITLE_LENGTH),
            text=filled(template.inbox_text, values, INBOX_LENGTH),
            variables=values,
            subject_no="",
            has_channels=bool(template.channels),
            pushed_by=by,
            expires_at=template.expires_at(at),
        )
        for citizen_id in people
    ]
