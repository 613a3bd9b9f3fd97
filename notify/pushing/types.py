"""What crosses the door of direct pushes: the templates to choose from, what staff fill in, what was sent."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated

import msgspec

from notify.templating.types import ChannelPreview

Value = Annotated[str, msgspec.Meta(max_length=500)]


@dataclass(frozen=True, slots=True)
class PushedCase:
    """A case within the caller's scope, and whom a push about it reaches."""

    subject_no: str
    item_name: str
    citizen_id: uuid.UUID


class PushVariable(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fill in."""

    name: str
    title: str
    sample: str
    most_letters: int


class PushTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template that may be pushed; `variables` are those that staff fill in, the rest comes from the case."""

    code: str
    version: int
    title: str
    inbox_text: str
    variables: list[PushVariable]


class PushTemplates(msgspec.Struct, frozen=True, kw_only=True):
    """Every template that may be pushed to a case; they are few, so there is never a next page."""

    data: list[PushTemplate]
    next_cursor: None = None


class PushRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A push: the same `token` (of the form, or none with an Idempotency-Key) sends once."""

    template: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    variables: Annotated[dict[str, Value], msgspec.Meta(max_length=30)] = {}
    token: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?$(?!\n)")] = ""


class PushPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What the person would see, channel by channel, the inbox last."""

    data: list[ChannelPreview]


class PushResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent; `is_repeat`: the form had been sent before, nothing more went out."""

    title: str
    text: str
    is_repeat: bool
