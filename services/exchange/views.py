"""Rows of cases as department systems see them. Pure; called by the exchange's use cases only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from app import clock
from app.db import Row
from services.applications.types import ApplicantView
from services.exchange.ports import Person
from services.exchange.types import (
    AgentRecord,
    ApplicantRecord,
    ApplicationRecord,
    CaseChange,
    MaterialRecord,
    MessageTaken,
)

_STATUS_TEXT = {
    "SUBMITTED": "已提交",
    "RETURNED": "预审退回",
    "RECEIVED": "已收件",
    "CORRECTION": "待补正",
    "ACCEPTED": "已受理",
    "SUSPENDED": "已暂停",
    "APPROVED": "准予",
    "DENIED": "不予批准",
    "CERTIFYING": "制证中",
    "DELIVERING": "送达中",
    "CLOSED": "已办结",
}
_SOURCES = {"WECHAT": "微信小程序", "ALIPAY": "支付宝小程序", "WINDOW": "窗口"}
_ID_CARD, _USCC = "111", "001"
"""Kinds of documents (证件类型): 居民身份证, 统一社会信用代码."""


def change(row: Row) -> CaseChange:
    """Show a case in the list of changes."""
    return CaseChange(
        application_no=row["application_no"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        status=row["status"],
        status_text=status_text(row),
        version=row["version"],
        submitted_at=clock.rfc3339_or_none(row["submitted_at"]),
        changed_at=clock.rfc3339(row["updated_at"]),
    )


def application(
    row: Row,
    applicant: ApplicantView,
    form: dict[str, Any],
    agent: Person | None,
    materials: Sequence[Row],
    names: Mapping[str, str],
) -> ApplicationRecord:
    """Fill the application data set."""
    return ApplicationRecord(
        application_no=row["application_no"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        item_version=row["item_version"],
        division_code=row["division_code"],
        intake_division_code=row["intake_division_code"],
        department_code=row["department_code"],
        package_no=row["package_no"],
        status=row["status"],
        status_text=status_text(row),
        outcome=row["outcome"],
        version=row["version"],
        source=row["provider"],
        source_text=_SOURCES.get(row["provider"], ""),
        submitted_at=clock.rfc3339_or_none(row["submitted_at"]),
        received_at=clock.rfc3339_or_none(row["received_at"]),
        accepted_at=clock.rfc3339_or_none(row["accepted_at"]),
        promised_due_on=_day(row["promised_due_on"]),
        legal_due_on=_day(row["legal_due_on"]),
        applicant=_applicant(row, applicant),
        agent=_agent(row, applicant, agent),
        real_name_level=row["real_name_level"] or "",
        assisted_by=row["assisted_by"],
        fee_fen=row["fee_fen"],
        fee_paid=row["fee_paid_at"] is not None,
        form=form,
        materials=[_material(each, names) for each in materials],
        changed_at=clock.rfc3339(row["updated_at"]),
    )


def taken(message_no: str, row: Row) -> MessageTaken:
    """Answer a message with where the case stands."""
    return MessageTaken(
        message_no=message_no,
        application_no=row["application_no"],
        version=row["version"],
        status=row["status"],
        status_text=status_text(row),
        taken_at=clock.rfc3339(clock.now()),
    )


def status_text(row: Row) -> str:
    """Return a status in Chinese."""
    return _STATUS_TEXT.get(row["status"], "")


def _applicant(row: Row, person: ApplicantView) -> ApplicantRecord:
    enterprise = row["enterprise_name"] is not None
    kind: Literal["PERSON", "ENTERPRISE"] = "ENTERPRISE" if enterprise else "PERSON"
    return ApplicantRecord(
        kind=kind,
        name=row["enterprise_name"] if enterprise else person.name,
        document_type=_USCC if enterprise else _ID_CARD,
        document_type_text="统一社会信用代码" if enterprise else "居民身份证",
        document_no=row["enterprise_uscc"] if enterprise else person.id_number,
        mobile=person.phone,
    )


def _agent(row: Row, filer: ApplicantView, agent: Person | None) -> AgentRecord | None:
    """Name the agent; for an enterprise without one, who filed for it."""
    acting = agent if agent is not None else filer if row["enterprise_name"] is not None else None
    if acting is None:
        return None
    return AgentRecord(name=acting.name, document_type=_ID_CARD, document_no=acting.id_number, mobile=acting.phone)


def _material(row: Row, names: Mapping[str, str]) -> MaterialRecord:
    return MaterialRecord(
        material_code=row["material_code"],
        material_name=row["material_name"] or names.get(row["material_code"], ""),
        page=row["page"],
        source=row["source"],
        upload_id=str(row["upload_id"]) if row["upload_id"] else None,
        content_type=row["content_type"],
        size=row["size_bytes"],
        sha256=row["sha256"],
        reference=row["reference"],
    )


def _day(day: Any) -> str | None:
    return day.isoformat() if day is not None else None
