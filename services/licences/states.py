"""The status of a licence (电子证照) as data, and what may become of it. Pure.

Source: status codes as one ministry's licence standard lists them (01 有效 … 07 吊销, 99 其他).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from app.errors import InvalidTransition


class LicenceStatus(StrEnum):
    """PREPARING is ours: the number is given, the document not yet made."""

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
TRANSITIONS: Mapping[tuple[LicenceStatus, Change], LicenceStatus] = {
    (LicenceStatus.VALID, Change.SUSPEND): LicenceStatus.SUSPENDED,
    (LicenceStatus.SUSPENDED, Change.RESTORE): LicenceStatus.VALID,
    (LicenceStatus.VALID, Change.REVOKE): LicenceStatus.REVOKED,
    (LicenceStatus.SUSPENDED, Change.REVOKE): LicenceStatus.REVOKED,
    (LicenceStatus.VALID, Change.CANCEL): LicenceStatus.CANCELLED,
    (LicenceStatus.VALID, Change.WITHDRAW): LicenceStatus.WITHDRAWN,
    (LicenceStatus.SUSPENDED, Change.WITHDRAW): LicenceStatus.WITHDRAWN,
}


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
