"""What crosses the exchange's door: who is calling, what systems send and read, and how systems are kept. Frozen.

Moments are RFC 3339 with +08:00, dates YYYY-MM-DD, money fen.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from services.exchange.messages import AcceptanceMessage, ProcessMessage, ResultMessage

__all__ = ["AcceptanceMessage", "ProcessMessage", "ResultMessage"]

_SHOWN = r"^[^\x00]*[^\x00\s][^\x00]*$"
Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=_SHOWN)]
OptionalText = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=24, pattern=r"^[^\x00/\s][^\x00/]*$", description="经办人姓名")]
Moment = Annotated[str, Meta(max_length=32, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$")]


@dataclass(frozen=True, slots=True)
class SystemCaller:
    """The department system that is calling; it sees the cases of its departments, or of some items of them."""

    system_id: uuid.UUID
    code: str
    name: str
    departments: tuple[str, ...]
    item_codes: tuple[str, ...]
    key_id: str


class Kind(StrEnum):
    """The three case messages: 受理信息, 过程信息, 结果信息."""

    ACCEPTANCE = "acceptance"
    PROCESS = "process"
    RESULT = "result"


class _Content(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="action"):
    officer: Name


class Receive(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="receive"):
    """收件: the materials are there."""


class Return(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="return"):
    """预审退回, with what is wrong."""

    reason: Text


class Accept(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="accept"):
    """受理."""


class NotAccept(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="not_accept"):
    """不予受理, with the reason."""

    reason: Text


class RequestCorrection(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="request_correction"):
    """一次性告知补正: everything that is missing."""

    reason: Text


class Review(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="review"):
    """One step of the examination (审查, 审核, 现场勘验), ending now, and what it found; the case does not move."""

    step: Annotated[str, Meta(min_length=1, max_length=32, pattern=_SHOWN, description="环节名称")]
    result: Literal["pass", "return", "other"]
    opinion: OptionalText = ""
    begun_at: Moment | None = None


class Suspend(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="suspend"):
    """进入特别程序: one that the item lists, and how many working days it should take."""

    procedure: Annotated[str, Meta(min_length=1, max_length=100, pattern=_SHOWN)]
    reason: OptionalText = ""
    expected_days: Annotated[int, Meta(ge=1, le=366)] | None = None


class Resume(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="resume"):
    """特别程序结束, with what it found."""

    outcome: OptionalText = ""


class Approve(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="approve"):
    """准予."""


class Deny(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="deny"):
    """不予批准, with the reason."""

    reason: Text


class Extend(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="extend"):
    """延长审批, as the head of the body has approved it."""

    days: Annotated[int, Meta(ge=1, le=30)]
    reason: Text


class Terminate(_Content, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="terminate"):
    """终止办理, with the reason."""

    reason: Text


Content = (
    Receive
    | Return
    | Accept
    | NotAccept
    | RequestCorrection
    | Review
    | Suspend
    | Resume
    | Extend
    | Approve
    | Deny
    | Terminate
)


class CaseMessage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message that a system pushes; `message_no` is its own number, `version` the case's that it has seen."""

    message_no: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z._-]+$")]
    kind: Kind
    application_no: Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[0-9A-Za-z-]+$")]
    version: Annotated[int, Meta(ge=1, le=2_000_000_000)]
    content: Content


class MessageTaken(Struct, frozen=True, kw_only=True):
    """What a message did; the same message gets the same answer again."""

    message_no: str
    application_no: str
    version: int
    status: str
    status_text: str
    taken_at: str


class CaseChange(Struct, frozen=True, kw_only=True):
    """A line of the list of new and changed cases; no personal data."""

    application_no: str
    item_code: str
    item_name: str
    division_code: str
    department_code: str
    status: str
    status_text: str
    version: int
    submitted_at: str | None
    changed_at: str


class CaseChanges(Struct, frozen=True, kw_only=True):
    """A page of changed cases, oldest change first. `next_cursor` is never null: the next question begins there."""

    data: list[CaseChange]
    next_cursor: str
    has_more: bool


class ApplicantRecord(Struct, frozen=True, kw_only=True):
    """The applicant (申请人): a person, or an enterprise with who filed for it."""

    kind: Literal["PERSON", "ENTERPRISE"]
    name: str
    document_type: str
    document_type_text: str
    document_no: str
    mobile: str


class AgentRecord(Struct, frozen=True, kw_only=True):
    """Who acts for the applicant (代办人)."""

    name: str
    document_type: str
    document_no: str
    mobile: str


class MaterialRecord(Struct, frozen=True, kw_only=True):
    """One material of a case: a file with its digest, or what stands for it (licence, promise, …)."""

    material_code: str
    material_name: str
    page: int
    source: str
    upload_id: str | None
    content_type: str
    size: int
    sha256: str
    reference: str


class ApplicationRecord(Struct, frozen=True, kw_only=True):
    """The national application data set (申请信息) of one case, as the body in charge gets it."""

    application_no: str
    item_code: str
    item_name: str
    item_version: int
    division_code: str
    intake_division_code: str
    department_code: str
    package_no: str
    status: str
    status_text: str
    outcome: str
    version: int
    source: str
    source_text: str
    submitted_at: str | None
    received_at: str | None
    accepted_at: str | None
    promised_due_on: str | None
    legal_due_on: str | None
    applicant: ApplicantRecord
    agent: AgentRecord | None
    real_name_level: str
    assisted_by: str
    fee_fen: int
    fee_paid: bool
    form: dict[str, Any]
    materials: list[MaterialRecord]
    changed_at: str


class SystemView(Struct, frozen=True, kw_only=True):
    """A system as its operator sees it."""

    code: str
    name: str
    departments: list[str]
    item_codes: list[str]
    event_url: str
    status: str
    keys: list[str]
    waiting: int
    failed: int


class EventView(Struct, frozen=True, kw_only=True):
    """An event for a system as its operator sees it."""

    event_no: str
    system_code: str
    kind: str
    subject_no: str
    status: str
    attempts: int
    last_error: str


@dataclass(frozen=True, slots=True)
class NewSystem:
    """A system to be known."""

    code: str
    name: str
    departments: tuple[str, ...]
    item_codes: tuple[str, ...] = ()
    event_url: str = ""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be known. `secret` as in app.signatures, shared or private; empty where only `public_key` is known."""

    key_id: str
    algorithm: str
    signs_events: bool
    secret: bytes = field(default=b"", repr=False)
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class SystemFile:
    """A material's file."""

    content_type: str
    content: bytes = field(repr=False)
