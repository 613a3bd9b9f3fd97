"""Texts of threads: encrypted in rows and events, plain in views. Pure but for the cipher."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from app.clock import rfc3339, rfc3339_or_none
from app.crypto import FieldCipher, FieldUnreadable
from app.db import Row
from services.consultations.states import CHAT_WINDOW, SENT_TEXT, STATUS_TEXT, Author, Sent, Status
from services.consultations.types import ConsultationLine, MessageView, StaffLine, StaffMessage, Written

CONTENT = "consultation_message.content"
ON_THE_WAY = "platform_message.content"
"""The column name under which notify's push door encrypts what it hands on."""
LONGEST = 2_000
_AUTHORS = {Author.CITIZEN: "我", Author.STAFF: "工作人员", Author.SYSTEM: "系统"}


def opened(cipher: FieldCipher, text: str) -> Written | None:
    """Open what the push door has handed on; None where it does not open or is no message."""
    try:
        return msgspec.convert(cipher.decrypt_json(ON_THE_WAY, base64.b64decode(text, validate=True)), Written)
    except (FieldUnreadable, binascii.Error, msgspec.ValidationError):
        return None


def text_of(cipher: FieldCipher, row: Row) -> str:
    """Return a message's text in clear."""
    return cipher.decrypt(CONTENT, row["content_cipher"])


def message_view(cipher: FieldCipher, row: Row) -> MessageView:
    """Show a message to its person."""
    return MessageView(
        id=row["id"].hex,
        author=_AUTHORS[Author(row["author_kind"])],
        kind=row["kind"],
        text=text_of(cipher, row),
        sent_at=rfc3339(row["created_at"]),
    )


def staff_message(cipher: FieldCipher, row: Row) -> StaffMessage:
    """Show a message to staff."""
    by_staff = row["author_kind"] == Author.STAFF
    delivery = row["delivery"]
    return StaffMessage(
        id=row["id"].hex,
        author=row["author"] if by_staff else "群众" if row["author_kind"] == Author.CITIZEN else "系统",
        kind=row["kind"],
        text=text_of(cipher, row),
        sent_at=rfc3339(row["created_at"]),
        delivery=delivery,
        delivery_text=SENT_TEXT[Sent(delivery)] if delivery else "",
    )


def line(row: Row) -> ConsultationLine:
    """Show a thread in its person's list."""
    return ConsultationLine(**line_facts(row))


def line_facts(row: Row) -> dict[str, Any]:
    """Return the fields of a thread that its person sees."""
    return {
        "consultation_no": row["consultation_no"],
        "title": row["title"],
        "status": row["status"],
        "status_text": STATUS_TEXT[Status(row["status"])],
        "application_no": row["application_no"],
        "item_code": row["item_code"],
        "unread": row["unread"],
        "asked_at": rfc3339(row["asked_at"]),
        "answered_at": rfc3339_or_none(row["answered_at"]),
    }


def staff_facts(row: Row, person: str) -> dict[str, Any]:
    """Return the fields of a thread that staff see; the person is masked."""
    facts = {name: value for name, value in line_facts(row).items() if name != "unread"}
    own = ("provider", "division_code", "department_code", "officer", "version")
    return facts | {name: row[name] for name in own} | {"person": person}


def staff_line(row: Row, person: str) -> StaffLine:
    """Show a thread in the staff's queue."""
    return StaffLine(**staff_facts(row, person))


def chat_until(row: Row) -> str | None:
    """Return until when the platform's chat takes an answer."""
    return rfc3339_or_none(row["chatted_at"] and row["chatted_at"] + CHAT_WINDOW)
