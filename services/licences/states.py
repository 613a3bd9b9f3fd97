"""The status of a licence (电子证照) as data, and what may become of it. Pure.

Source: status codes as one ministry's licence standard lists them (01 有效 … 07 吊销, 99 其他).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from app.errors import InvalidTransition


class LicenceStatus(StrEnum):
    """PREPARING is ours: the number is given, the document not yet made or not yet sealed."""

    PREPARING = "PREPARING"
    VALID = "VALID"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class Change(StrEnum):
    """What a body may do with a licence that it issued."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    REVOKE = "revoke"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"


class Course(StrEnum):
    """What happens to a licence by itself; nobody may ask for it."""

    ISSUE = "issue"
    SUPERSEDE = "supersede"
    EXPIRE = "expire"
    VOID = "void"


CODES: Mapping[LicenceStatus, str] = {
    LicenceStatus.VALID: "01",
    LicenceStatus.SUSPENDED: "02",
    LicenceStatus.REVOKED: "03",
    LicenceStatus.CANCELLED: "04",
    LicenceStatus.EXPIRED: "05",
    LicenceStatus.WITHDRAWN: "07",
}
TEXT: Mapping[LicenceStatus, str] = {
    LicenceStatus.PREPARING: "制证中",
    LicenceStatus.VALID: "有效",
    LicenceStatus.SUSPENDED: "暂扣",
    LicenceStatus.REVOKED: "撤销",
    LicenceStatus.CANCELLED: "注销",
    LicenceStatus.EXPIRED: "失效",
    LicenceStatus.WITHDRAWN: "吊销",
}
CHANGE_TEXT: Mapping[str, str] = {
    Change.SUSPEND: "暂扣",
    Change.RESTORE: "恢复",
    Change.REVOKE: "撤销",
    Change.CANCEL: "注销",
    Change.WITHDRAW: "吊销",
    Course.ISSUE: "签发",
    Course.SUPERSEDE: "换发新版本",
    Course.EXPIRE: "有效期届满",
    Course.VOID: "遗失毁损作废",
}
TRANSITIONS: Mapping[tuple[LicenceStatus, Change], LicenceStatus] = {
    (LicenceStatus.VALID, Change.SUSPEND): LicenceStatus.SUSPENDED,
    (LicenceStatus.SUSPENDED, Change.RESTORE): LicenceStatus.VALID,
    (LicenceStatus.VALID, Change.REVOKE): LicenceStatus.REVOKED,
    (LicenceStatus.SUSPENDED, Change.REVOKE): LicenceStatus.REVOKED,
    (LicenceStatus.VALID, Change.CANCEL): LicenceStatus.CANCELLED,
    (LicenceStatus.SUSPENDED, Change.CANCEL): LicenceStatus.CANCELLED,
    (LicenceStatus.EXPIRED, Change.CANCEL): LicenceStatus.CANCELLED,
    (LicenceStatus.VALID, Change.WITHDRAW): LicenceStatus.WITHDRAWN,
    (LicenceStatus.SUSPENDED, Change.WITHDRAW): LicenceStatus.WITHDRAWN,
}
LIVE = (LicenceStatus.VALID, LicenceStatus.SUSPENDED)
"""What a new version takes the place of: at most one of a chain is live, which the database sees to."""

VOIDABLE = (*LIVE, LicenceStatus.EXPIRED)
"""What is voided when its physical copy is lost or spoilt, and made again by its case."""


def effective(status: str, expires_on: date | None, today: date) -> LicenceStatus:
    """Return the status as it is today: a valid licence past its last day has expired."""
    if status == LicenceStatus.VALID and expires_on is not None and expires_on < today:
        return LicenceStatus.EXPIRED
    return LicenceStatus(status)


def after(status: LicenceStatus, change: Change) -> LicenceStatus:
    """Return what a change makes of a licence. Raises InvalidTransition."""
    found = TRANSITIONS.get((status, change))
    if found is None:
        raise InvalidTransition(f"证照当前为“{TEXT[status]}”，不能进行此操作", status=status, change=change)
    return found


def issued_as(predecessor: LicenceStatus | None, has_newer: bool) -> LicenceStatus:
    """Return what a prepared version becomes.

    A suspension (暂扣) outlives a new version, or whoever lost a licence for a time would ask for another; a version
    whose successor was faster counts no more.
    """
    if has_newer:
        return LicenceStatus.CANCELLED
    return LicenceStatus.SUSPENDED if predecessor is LicenceStatus.SUSPENDED else LicenceStatus.VALID


def may_follow(status: LicenceStatus) -> bool:
    """Tell whether a new licence continues this one as its next version; after an end by the body it begins anew."""
    return status in (*LIVE, LicenceStatus.EXPIRED, LicenceStatus.PREPARING)
