"""The states of an item's version as data. Pure.

A version that is not yet in force, or that a newer one has followed, stands as WITHDRAWN without a moment; one that
staff have withdrawn has `withdrawn_at` and stays so until they restore it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.errors import InvalidTransition


class VersionStatus(StrEnum):
    """Where a version stands."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    WITHDRAWN = "WITHDRAWN"


class VersionAct(StrEnum):
    """What staff may do with a version."""

    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    RESTORE = "restore"


STATUS_TEXT: Mapping[str, str] = {
    VersionStatus.DRAFT: "待发布",
    VersionStatus.PUBLISHED: "已发布",
    VersionStatus.WITHDRAWN: "未生效或已下架",
}
TRANSITIONS: Mapping[tuple[VersionStatus, VersionAct], VersionStatus] = {
    (VersionStatus.DRAFT, VersionAct.PUBLISH): VersionStatus.PUBLISHED,
    (VersionStatus.PUBLISHED, VersionAct.WITHDRAW): VersionStatus.WITHDRAWN,
    (VersionStatus.WITHDRAWN, VersionAct.RESTORE): VersionStatus.PUBLISHED,
}


def after(status: str, act: VersionAct) -> VersionStatus:
    """Return what an act makes of a version. Raises InvalidTransition."""
    found = TRANSITIONS.get((VersionStatus(status), act))
    if found is None:
        raise InvalidTransition(f"该版本当前为“{STATUS_TEXT[status]}”，不能进行此操作", status=status, act=act)
    return found
