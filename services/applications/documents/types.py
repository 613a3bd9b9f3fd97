"""Kinds of written documents, what a move asks for, and how documents are shown. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec import Struct


class DocumentKind(StrEnum):
    """Which written document of a case."""

    RECEIPT = "RECEIPT"
    RETURN = "RETURN"
    CORRECTION = "CORRECTION"
    ACCEPTANCE = "ACCEPTANCE"
    NON_ACCEPTANCE = "NON_ACCEPTANCE"
    SPECIAL_PROCEDURE = "SPECIAL_PROCEDURE"
    RESUMPTION = "RESUMPTION"
    EXTENSION = "EXTENSION"
    APPROVAL = "APPROVAL"
    DENIAL = "DENIAL"
    WITHDRAWAL = "WITHDRAWAL"
    TERMINATION = "TERMINATION"
    SERVICE = "SERVICE"


TITLES: Mapping[str, str] = {
    DocumentKind.RECEIPT: "收件凭证",
    DocumentKind.RETURN: "预审退回通知书",
    DocumentKind.CORRECTION: "补正告知书",
    DocumentKind.ACCEPTANCE: "受理通知书",
    DocumentKind.NON_ACCEPTANCE: "不予受理决定书",
    DocumentKind.SPECIAL_PROCEDURE: "特别程序告知书",
    DocumentKind.RESUMPTION: "恢复办理通知书",
    DocumentKind.EXTENSION: "延长审批通知书",
    DocumentKind.APPROVAL: "准予决定书",
    DocumentKind.DENIAL: "不予决定书",
    DocumentKind.WITHDRAWAL: "撤回确认书",
    DocumentKind.TERMINATION: "终止办理通知书",
    DocumentKind.SERVICE: "送达回证",
}
WORDS: Mapping[str, str] = {
    DocumentKind.RECEIPT: "收",
    DocumentKind.RETURN: "退",
    DocumentKind.CORRECTION: "补",
    DocumentKind.ACCEPTANCE: "受",
    DocumentKind.NON_ACCEPTANCE: "不受",
    DocumentKind.SPECIAL_PROCEDURE: "特",
    DocumentKind.RESUMPTION: "恢",
    DocumentKind.EXTENSION: "延",
    DocumentKind.APPROVAL: "准",
    DocumentKind.DENIAL: "不准",
    DocumentKind.WITHDRAWAL: "撤",
    DocumentKind.TERMINATION: "终",
    DocumentKind.SERVICE: "送",
}
"""The word of each kind in its numbers (发文字号)."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document that a move asks for.

    Attributes:
        paragraphs: the text below the head, ready for people and without personal data.
        facts: what later steps need to know of it, small JSON values without personal data.
    """

    kind: DocumentKind
    paragraphs: tuple[str, ...]
    facts: Mapping[str, Any] | None = None


class DocumentView(Struct, frozen=True, kw_only=True):
    """One document in a list; `sha256` is empty until its file is there."""

    document_no: str
    kind: str
    title: str
    issued_on: str
    is_ready: bool
    sha256: str


class DocumentList(Struct, frozen=True, kw_only=True):
    """The documents of one case, oldest first; there is never a next page."""

    data: list[DocumentView]
    next_cursor: None = None
