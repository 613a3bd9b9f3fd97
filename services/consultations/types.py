"""What crosses the consultations' door; frozen. Texts are plain here and encrypted in every row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Words = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
Title = Annotated[str, Meta(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
Reason = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Key = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose staff answers, and what it is about."""

    division_code: str
    department_code: str = ""
    item_code: str = ""
    title: str = ""


class NewConsultation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question; a case of one's own or an item says who answers. `key` makes a repeat find the first."""

    text: Words
    title: Title = ""
    application_no: Annotated[str, Meta(max_length=50)] = ""
    item_code: Annotated[str, Meta(max_length=64)] = ""
    key: Key = ""


class NewMessage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Words added to an own thread. `key` makes a repeat find the first."""

    text: Words
    key: Key = ""


class MessageView(Struct, frozen=True, kw_only=True):
    """One message as the person sees it."""

    id: str
    author: str
    kind: str
    text: str
    sent_at: str


class ConsultationLine(Struct, frozen=True, kw_only=True):
    """A thread in the person's list."""

    consultation_no: str
    title: str
    status: str
    status_text: str
    application_no: str
    item_code: str
    unread: int
    asked_at: str
    answered_at: str | None


class ConsultationList(Struct, frozen=True, kw_only=True):
    """A page of own threads, newest first."""

    data: list[ConsultationLine]
    next_cursor: str | None


class ConsultationView(ConsultationLine, frozen=True, kw_only=True):
    """An own thread with its newest messages, oldest of them first."""

    messages: list[MessageView]
    may_write: bool


class StaffMessage(MessageView, frozen=True, kw_only=True):
    """One message as staff see it, with what became of an answer."""

    delivery: str
    delivery_text: str


class StaffLine(Struct, frozen=True, kw_only=True):
    """A thread in the staff's queue."""

    consultation_no: str
    title: str
    status: str
    status_text: str
    person: str
    provider: str
    application_no: str
    item_code: str
    division_code: str
    department_code: str
    officer: str
    asked_at: str
    answered_at: str | None
    version: int


class StaffQueue(Struct, frozen=True, kw_only=True):
    """A page of threads in scope."""

    data: list[StaffLine]
    next_cursor: str | None


class StaffThread(StaffLine, frozen=True, kw_only=True):
    """A thread with its messages; `chat_until` says until when an answer goes into the platform's chat."""

    messages: list[StaffMessage]
    chat_until: str | None
    acts: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What somebody wrote at a platform, opened. `kind` is text, image or other; `key` is the same for repeats."""

    provider: str
    app_id: str
    subject: str = field(repr=False)
    kind: str
    text: str = field(repr=False)
    key: str
    written_at: datetime
    opens_quietly: bool = False
    """The person has only opened the chat: nothing waits for an answer."""
