"""What crosses the door of the template desk: the editor's content, views, previews, and the member of staff who acts.

Moments are RFC 3339 with +08:00 in the views; `edit` is the token of an edit, to be given back with the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec

from notify.templates import Binding, Template, Variable

Use = Literal["EVENT", "PUSH", "CAMPAIGN"]
ChannelName = Literal["WECHAT", "ALIPAY", "SMS"]
Topic = Literal["case", "payment", "delivery", "licence", "consultation", "policy", "account"]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,30}$(?!\n)")]
EditToken = Annotated[str, msgspec.Meta(max_length=40)]
USES: Mapping[Use, str] = {"EVENT": "事件通知", "PUSH": "个别推送", "CAMPAIGN": "群发"}
TOPICS: Mapping[Topic, str] = {
    "case": "办件进度",
    "payment": "缴费退费",
    "delivery": "证照寄送",
    "licence": "电子证照",
    "consultation": "咨询答复",
    "policy": "政策通知",
    "account": "账号安全",
}
CHANNELS: Mapping[ChannelName, str] = {"WECHAT": "微信订阅消息", "ALIPAY": "支付宝消息", "SMS": "短信"}
STATUSES = {"DRAFT": "草稿", "ENABLED": "启用", "RETIRED": "已停用"}
ON_UNKNOWN = {"REPEAT": "稍后在同一渠道重发", "NEXT": "改用下一渠道", "STOP": "不再发送"}


@dataclass(frozen=True, slots=True)
class Editor:
    """The member of staff who acts, in the words of this room."""

    username: str
    may_look: bool
    may_edit: bool
    may_confirm: bool
    """May enable, as the second person, what somebody else has written."""
    address: str = ""


@dataclass(frozen=True, slots=True)
class TemplateAct:
    """One act of staff on a template or with one, for the audit trail. `details` hold no personal data."""

    actor: str
    action: str
    object_kind: str
    object_no: str
    details: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an editor writes of a template."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    inbox_text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    channels: Annotated[list[ChannelName], msgspec.Meta(max_length=3)] = []
    bindings: dict[ChannelName, Binding] = {}
    variables: Annotated[list[Variable], msgspec.Meta(max_length=30)] = []
    topic: Topic = "case"
    urgent: bool = False
    statutory: bool = False
    on_unknown: Literal["REPEAT", "NEXT", "STOP"] = "REPEAT"
    lifetime_hours: Annotated[int, msgspec.Meta(ge=1, le=8760)] | None = None


class NewVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft to make: a new code, or the next version of one."""

    code: Code
    used_for: Use
    content: Content


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft's new content, over the edit that it was based on."""

    edit: EditToken
    content: Content


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act on a version, over the edit that was seen."""

    edit: EditToken


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test send; the same token again sends nothing more."""

    token: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?$(?!\n)")] = ""


class TemplateLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list: one version."""

    code: str
    version: int
    title: str
    used_for: Use
    topic: Topic
    channels: list[str]
    statutory: bool
    urgent: bool
    status: str
    edited_by: str
    edited_at: str | None
    enabled_at: str | None
    edit: str


class TemplateList(msgspec.Struct, frozen=True, kw_only=True):
    """Every template, the versions of a code together; they are few, so there is never a next page."""

    data: list[TemplateLine]
    next_cursor: None = None


class TemplateView(msgspec.Struct, frozen=True, kw_only=True):
    """One version in full. `warnings`: what the platforms say differently from it."""

    line: TemplateLine
    content: Content
    warnings: list[str]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a message as the phone shows it; `is_cut`: shortened to the platform's limit."""

    key: str
    value: str
    is_cut: bool


class ChannelPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel shows. `problem`: why it cannot be sent like this."""

    channel: str
    name: str
    title: str
    lines: list[Shown]
    text: str
    page: str
    problem: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone will show, channel by channel in the order of tries, the inbox last."""

    data: list[ChannelPreview]


class TrialSent(msgspec.Struct, frozen=True, kw_only=True):
    """How many test recipients get the message."""

    recipients: int


def content_of(template: Template) -> Content:
    """Return what an editor may change of a template."""
    return Content(**{name: getattr(template, name) for name in Content.__struct_fields__})
