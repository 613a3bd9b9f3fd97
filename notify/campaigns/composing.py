"""What staff write into a campaign: whether it fits its template and channels, and how it looks on the phone."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime

from app import clock
from app.errors import FieldFault, InvalidRequest
from notify.campaigns.states import is_quiet, schedule_fault
from notify.campaigns.types import Blank, CampaignDraft, ChannelPreview, Choice, PreviewLine
from notify.neutral import UnfitValue
from notify.ports import NoticeChannel, NoticeTable
from notify.render import INBOX_LENGTH, TITLE_LENGTH, filled, filled_all
from notify.templates import Shelf, Template

CHANNEL_TEXT = {"WECHAT": "微信订阅消息", "ALIPAY": "支付宝消息", "SMS": "短信", "INBOX": "站内消息", "": "—"}


class Composing:
    """Reads drafts against the templates for mass pushes.

    Args:
        table: the channels, which say what fits.
    """

    def __init__(self, shelf: Shelf, table: NoticeTable) -> None:
        self._shelf, self._table = shelf, table

    async def choices(self) -> list[Choice]:
        """Return the templates that may be pushed to many, with what is to be filled in."""
        return [
            Choice(each.code, each.title, [Blank(one.name, one.title, one.sample) for one in each.variables])
            for each in await self._shelf.used_for("CAMPAIGN")
        ]

    async def template(self, code: str) -> Template:
        """Return the enabled template for mass pushes of a code. Raises: InvalidRequest."""
        found = await self._shelf.newest(code)
        if found is None or found.used_for != "CAMPAIGN":
            raise InvalidRequest(faults=(FieldFault("template_code", "没有这个群发模板"),))
        return found

    async def checked(self, draft: CampaignDraft) -> tuple[Template, datetime | None]:
        """Return the template of a draft and its moment, once everything fits. Raises: InvalidRequest."""
        template = await self.template(draft.template_code)
        faults = [*self._faults(template, draft.variables)]
        if _is_strange(draft.title):
            faults.append(FieldFault("title", "包含不允许的字符"))
        scheduled_at: datetime | None = None
        try:
            scheduled_at = clock.parse_rfc3339(draft.scheduled_at) if draft.scheduled_at else None
        except ValueError:
            faults.append(FieldFault("scheduled_at", "发送时间格式不正确"))
        if scheduled_at and (sentence := schedule_fault(scheduled_at, clock.now())):
            faults.append(FieldFault("scheduled_at", sentence))
        audience = draft.audience
        if audience.age_from is not None and audience.age_to is not None and audience.age_from > audience.age_to:
            faults.append(FieldFault("audience.age_to", "年龄上限不能小于下限"))
        if faults:
            raise InvalidRequest(faults=tuple(faults))
        return template, scheduled_at

    def preview(self, template: Template, variables: Mapping[str, str]) -> list[ChannelPreview]:
        """Return what people would see, channel by channel; what is not filled in yet shows as its sample."""
        written = {one.name: variables.get(one.name) or one.sample for one in template.variables}
        shown = complete(written, clock.now())
        seen = [
            ChannelPreview(
                channel="INBOX",
                channel_text=CHANNEL_TEXT["INBOX"],
                title=filled(template.title, shown, TITLE_LENGTH),
                lines=[PreviewLine("", filled(template.inbox_text, shown, INBOX_LENGTH))],
            )
        ]
        for name in template.channels:
            binding = template.binding(name)
            if binding is None:
                continue
            values = filled_all(binding.fields, shown)
            channel = self._channel(name)
            try:
                values = channel.fitted(values) if channel else values
            except UnfitValue as fault:
                values[fault.key] = "（内容不符合该渠道要求）"
            text = [PreviewLine("", filled(binding.text.replace("${", "{"), shown))] if binding.text else []
            lines = text or [PreviewLine(*pair) for pair in values.items()]
            seen.append(
                ChannelPreview(
                    channel=name, channel_text=CHANNEL_TEXT[name], title=binding.title or template.title, lines=lines
                )
            )
        return seen

    def _faults(self, template: Template, variables: Mapping[str, str]) -> list[FieldFault]:
        known = {one.name: one for one in template.variables}
        faults = [FieldFault(f"variables.{name}", "模板没有这一项") for name in variables if name not in known]
        for name, one in known.items():
            value = variables.get(name, "").strip()
            if not value:
                faults.append(FieldFault(f"variables.{name}", f"请填写{one.title}"))
            elif _is_strange(value):
                faults.append(FieldFault(f"variables.{name}", f"{one.title}包含不允许的字符"))
            elif one.longest and len(value) > len(one.longest):
                faults.append(FieldFault(f"variables.{name}", f"{one.title}不能超过{len(one.longest)}字"))
        return faults or self._unfit(template, complete(variables, clock.now()))

    def _unfit(self, template: Template, variables: Mapping[str, str]) -> list[FieldFault]:
        faults = []
        if len(filled(template.inbox_text, variables)) > INBOX_LENGTH:
            faults.append(FieldFault("variables", f"站内消息不能超过{INBOX_LENGTH}字"))
        for name in template.channels:
            binding, channel = template.binding(name), self._channel(name)
            if binding is None or channel is None:
                continue
            try:
                channel.fitted(filled_all(binding.fields, variables))
            except UnfitValue as fault:
                faults.append(FieldFault("variables", f"{CHANNEL_TEXT[name]}的“{fault.key}”不符合渠道要求"))
        return faults

    def _channel(self, name: str) -> NoticeChannel | None:
        return next((channel for (known, _), channel in self._table.channels.items() if known == name), None)


def complete(variables: Mapping[str, str], moment: datetime) -> dict[str, str]:
    """Add what every template may name besides: the day and the time of sending, in Beijing."""
    local = clock.to_beijing(moment)
    return {"date": f"{local:%Y-%m-%d}", "time": f"{local:%Y-%m-%d %H:%M}", **variables}


def warnings_of(template: Template | None, scheduled_at: datetime | None, *, is_exact: bool) -> list[str]:
    """Return what an author should think of; none of it forbids anything."""
    found = []
    if template is not None and not (template.urgent or template.statutory) and is_quiet(scheduled_at or clock.now()):
        found.append("发送时间在夜间静默时段（21:00至次日8:00），多数用户将在次日早晨收到")
    if not is_exact:
        found.append("受众人数为估算值，实际人数以生成名单时为准")
    return found


def _is_strange(text: str) -> bool:
    """Tell whether a text holds control characters, or ones that turn what stands beside them around."""
    return any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") for sign in text)
