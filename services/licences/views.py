"""Turns rows of licences into what crosses the door. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from app import clock
from app.db import Row
from services.licences.kinds import Kind
from services.licences.states import CHANGE_TEXT, CODES, TEXT, TRANSITIONS, Change, LicenceStatus, effective
from services.licences.types import (
    ChangeView,
    FieldView,
    LicenceHistory,
    LicenceSummary,
    LicenceView,
    SealCheck,
    ShowView,
    UsableLicence,
    VerifiedLicence,
)

_HOUSE = "系统"
_KIND_TEXT = {
    "VIEWED": "查看",
    "PRESENTED": "出示",
    "ASKED": "请求核验",
    "CONSENTED": "同意核验",
    "REFUSED": "拒绝核验",
    "VERIFIED": "被核验",
    "DOWNLOADED": "下载",
    "COPIED": "生成带水印副本",
}


def status_of(row: Row) -> LicenceStatus:
    """Return how a licence stands today."""
    return effective(row["status"], row["expires_on"], clock.beijing_date())


def summary(row: Row) -> LicenceSummary:
    """Return a line of a list."""
    status = status_of(row)
    return LicenceSummary(
        licence_no=row["licence_no"],
        type_name=row["type_name"],
        status=status,
        status_text=TEXT[status],
        holder_shown=row["holder_shown"],
        issuer_name=row["issuer_name"],
        issued_on=row["issued_on"].isoformat(),
        expires_on=day(row["expires_on"]),
    )


def whole(
    row: Row, kind: Kind, content: Mapping[str, str], changes: Sequence[Row], shows: Sequence[Row]
) -> LicenceView:
    """Return a licence as its holder sees it: sensitive fields masked, history and shows with it."""
    status = status_of(row)
    return LicenceView(
        licence_no=row["licence_no"],
        identifier=row["identifier"],
        type_code=row["type_code"],
        type_name=row["type_name"],
        version=row["version"],
        status=status,
        status_code=CODES[status],
        status_text=TEXT[status],
        holder_shown=row["holder_shown"],
        issuer_code=row["issuer_code"],
        issuer_name=row["issuer_name"],
        issued_on=row["issued_on"].isoformat(),
        expires_on=day(row["expires_on"]),
        application_no=row["subject_no"],
        sha256=row["sha256"],
        seal_no=row["seal_no"],
        sealed_at=moment(row["sealed_at"]),
        superseded_at=moment(row["superseded_at"]),
        fields=[
            FieldView(key=field.key, name=field.name, value=field.hidden(content[field.key]))
            for field in kind.fields
            if field.key in content
        ],
        changes=[change(each, by_name=False) for each in changes],
        shows=[_show(each) for each in shows],
    )


def history(row: Row, changes: Sequence[Row]) -> LicenceHistory:
    """Return a licence as staff in charge see it."""
    status = status_of(row)
    return LicenceHistory(
        licence_no=row["licence_no"],
        identifier=row["identifier"],
        type_name=row["type_name"],
        version=row["version"],
        status=status,
        status_text=TEXT[status],
        holder_shown=row["holder_shown"],
        issuer_name=row["issuer_name"],
        issued_on=row["issued_on"].isoformat(),
        expires_on=day(row["expires_on"]),
        application_no=row["subject_no"],
        seal_no=row["seal_no"],
        sealed_at=moment(row["sealed_at"]),
        superseded_at=moment(row["superseded_at"]),
        changes=[change(each, by_name=True) for each in changes],
        acts=[act.value for act in Change if (status, act) in TRANSITIONS],
    )


def change(row: Row, *, by_name: bool) -> ChangeView:
    """Return one step of the history; holders see the body, staff also who it was."""
    by = row["actor"] if by_name or row["actor"] == _HOUSE else "发证机关"
    return ChangeView(
        changed_at=clock.rfc3339(row["created_at"]),
        change=row["change"],
        change_text=CHANGE_TEXT[row["change"]],
        status_text=TEXT[LicenceStatus(row["to_status"])],
        reason=row["reason"],
        by=by,
    )


def verified(row: Row, at: datetime) -> VerifiedLicence:
    """Return the least that proves a licence."""
    status = status_of(row)
    return VerifiedLicence(
        type_name=row["type_name"],
        status=status,
        status_text=TEXT[status],
        holder_shown=row["holder_shown"],
        issuer_name=row["issuer_name"],
        issued_on=row["issued_on"].isoformat(),
        expires_on=day(row["expires_on"]),
        verified_at=clock.rfc3339(at),
    )


def verifier_fields(kind: Kind, keys: Sequence[str], content: Mapping[str, str]) -> list[FieldView]:
    """Return what a verifier learns of these fields: masked where the type says so."""
    return [
        FieldView(
            key=field.key,
            name=field.name,
            value=field.hidden(content[field.key]) if field.verifier == "masked" else content[field.key],
        )
        for field in kind.verifiable()
        if field.key in keys and field.key in content
    ]


def usable(row: Row) -> UsableLicence:
    """Return a licence as a case may use it."""
    return UsableLicence(
        licence_no=row["licence_no"],
        type_code=row["type_code"],
        type_name=row["type_name"],
        holder_shown=row["holder_shown"],
        issuer_name=row["issuer_name"],
        issued_on=row["issued_on"],
        expires_on=row["expires_on"],
        sha256=row["sha256"],
    )


def seal_check(row: Row, is_genuine: bool) -> SealCheck:
    """Return what is known of a document that somebody holds."""
    status = status_of(row)
    return SealCheck(
        type_name=row["type_name"],
        status=status,
        status_text=TEXT[status],
        issuer_name=row["issuer_name"],
        version=row["version"],
        seal_no=row["seal_no"],
        sealed_at=moment(row["sealed_at"]),
        seal_genuine=is_genuine,
        evidence=row["seal_evidence"],
    )


def _show(row: Row) -> ShowView:
    return ShowView(
        shown_at=clock.rfc3339(row["created_at"]),
        kind=row["kind"],
        kind_text=_KIND_TEXT[row["kind"]],
        by=row["by_shown"],
        purpose=row["purpose"],
    )


def day(value: date | None) -> str | None:
    """Print a day."""
    return None if value is None else value.isoformat()


def moment(value: datetime | None) -> str | None:
    """Print a moment."""
    return None if value is None else clock.rfc3339(value)
