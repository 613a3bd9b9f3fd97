"""What crosses the door of the staff room: who is calling with which rights, sign-in answers, audit acts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from app.errors import Forbidden, NotFound
from app.identifiers import division_prefix as division_prefix


class Role(StrEnum):
    """What a member of staff may do; the scope says where."""

    WINDOW = "window"
    REVIEWER = "reviewer"
    CASHIER = "cashier"
    DISPATCHER = "dispatcher"
    PUBLISHER = "publisher"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


UNMASKING = frozenset({Role.WINDOW, Role.REVIEWER, Role.APPROVER})
"""The roles that work on a case itself; who counts money, sends parcels, publishes or audits reads masked data."""


@dataclass(frozen=True, slots=True)
class StaffCaller:
    """The member of staff who is calling.

    `divisions` are prefixes of division codes ("14" the province, "1401" a city, "140105" a county); `departments`
    are credit codes, empty for every department of those divisions.
    """

    staff_id: uuid.UUID
    session_id: uuid.UUID
    username: str
    display_name: str
    roles: frozenset[Role]
    divisions: tuple[str, ...]
    departments: tuple[str, ...]
    csrf_token: str = field(repr=False)

    def may(self, *roles: Role) -> bool:
        """Tell whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)

    def require_role(self, *roles: Role) -> None:
        """Refuse a caller who has none of these roles. Raises: Forbidden `role_required`."""
        if not self.may(*roles):
            raise Forbidden(code="role_required")

    @property
    def may_unmask(self) -> bool:
        """Tell whether the caller's work needs people's data in clear, within their scope; others see masked data.

        Whoever uncovers a value still leaves an audit row for it.
        """
        return self.may(*UNMASKING)

    def covers(self, division_code: str, department_code: str = "") -> bool:
        """Tell whether a case of this division (and department) is within the caller's scope."""
        in_division = bool(division_code) and division_code.startswith(self.divisions)
        return in_division and (not self.departments or not department_code or department_code in self.departments)

    def require_scope(self, division_code: str, department_code: str = "") -> None:
        """Refuse what is out of scope, without telling that it exists. Raises: NotFound."""
        if not self.covers(division_code, department_code):
            raise NotFound


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff whom somebody names, as the one who shall have a case; scope as with StaffCaller."""

    username: str
    display_name: str
    roles: frozenset[Role]
    divisions: tuple[str, ...]
    departments: tuple[str, ...]

    def may(self, *roles: Role) -> bool:
        """Tell whether the colleague has one of these roles."""
        return not self.roles.isdisjoint(roles)

    def covers(self, division_code: str, department_code: str) -> bool:
        """Tell whether a case of this division and department is within the colleague's scope."""
        in_division = division_code.startswith(self.divisions)
        return in_division and (not self.departments or department_code in self.departments)


class StaffView(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff as shown to themselves."""

    id: str
    username: str
    display_name: str
    roles: list[Role]
    divisions: list[str]
    departments: list[str]


class StaffSignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a sign-in; `expires_in` is the absolute end in seconds, idle sessions end before."""

    access_token: str
    csrf_token: str
    expires_in: int
    staff: StaffView


class StaffRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account as it is written in a file: division codes in full (140100), roles by name."""

    username: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    display_name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    roles: list[Role]
    divisions: list[Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$")]]
    departments: list[str] = []


class StaffCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """The first password and TOTP secret of an account, for the person who hands them out."""

    username: str
    display_name: str
    password: str
    totp_secret: str

    def __repr__(self) -> str:
        return f"StaffCredentials({self.username})"


@dataclass(frozen=True, slots=True)
class Act:
    """One act to be audited. `details` are small JSON values, never personal data.

    Attributes:
        actor: username, or `system`.
        action: verb in the past tense with its room, as `case.approved`.
        object_kind, object_no: what it was done to, as `application` and its printed number.
        address: network address it came from.
    """

    actor: str
    action: str
    object_kind: str = ""
    object_no: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of the whole chain found; `head_hash` is worth writing down elsewhere."""

    entries: int
    intact: bool
    broken_at_seq: int | None
    reason: str
    head_seq: int
    head_hash: str
