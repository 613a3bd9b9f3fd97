"""What crosses the door of the staff room: who is calling with which rights, sign-in answers, audit acts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from app.errors import Forbidden, NotFound


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
    is_setup: bool = False
    """Signed in with a first or expired password, or without a second factor: may only put that right."""

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

    @property
    def covers_province(self) -> bool:
        """Tell whether nothing narrows the caller's scope: what is of the whole province is theirs."""
        return not self.departments and self.covers("140000")

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


class SetupStep(StrEnum):
    """What somebody has to put right before they may do anything else."""

    PASSWORD = "password"
    TOTP = "totp"


class StaffSignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a sign-in; `expires_in` is the absolute end in seconds, idle sessions end before.

    Where `setup` names steps, the session is good for these steps only.
    """

    access_token: str
    csrf_token: str
    expires_in: int
    staff: StaffView
    setup: list[SetupStep] = []


@dataclass(frozen=True, slots=True)
class Terms:
    """How long sessions and passwords last (SJT_STAFF_*); `password_days` 0: passwords do not expire."""

    idle: timedelta = timedelta(minutes=15)
    lifetime: timedelta = timedelta(hours=10)
    password_days: int = 90


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request of staff came from: network address, and the browser as it names itself."""

    address: str = ""
    agent: str = ""


class TotpOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A TOTP secret that counts once a code of it has come back; `uri` is what the QR code holds."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "TotpOffer()"


class SetupView(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to be put right, in order; empty: everything is."""

    username: str
    display_name: str
    steps: list[SetupStep]
    totp_offered: bool


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """One live session as its owner sees it."""

    id: str
    address: str
    agent: str
    kind: str
    signed_in_at: str
    last_seen_at: str
    is_this_one: bool


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own account: how old its secrets are."""

    staff: StaffView
    password_set_at: str
    password_expires_at: str | None
    totp_set_at: str | None


class MemberStatus(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as administrators see it; divisions are codes in full."""

    username: str
    display_name: str
    roles: list[Role]
    divisions: list[str]
    departments: list[str]
    status: MemberStatus
    is_locked: bool
    password_is_first: bool
    has_totp: bool
    password_set_at: str
    signed_in_at: str | None
    created_at: str
    created_by: str
    sessions: int
    version: int


class MemberPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of accounts."""

    data: list[MemberView]
    next_cursor: str | None


class FirstPassword(msgspec.Struct, frozen=True, kw_only=True):
    """An account with the password that its owner changes at the first sign-in; shown this once."""

    username: str
    first_password: str
    valid_days: int
    member: MemberView

    def __repr__(self) -> str:
        return f"FirstPassword({self.username})"


Username = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
DivisionCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$")]
DepartmentCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{18}$")]
DisplayName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class MemberTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who somebody is and what they may do where: division codes in full, departments empty for all of them."""

    display_name: DisplayName
    roles: Annotated[list[Role], msgspec.Meta(min_length=1, max_length=8)]
    divisions: Annotated[list[DivisionCode], msgspec.Meta(min_length=1, max_length=50)]
    departments: Annotated[list[DepartmentCode], msgspec.Meta(max_length=50)] = []


class NewStaff(MemberTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to make."""

    username: Username


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """Which accounts to list: part of a name, a role, a status."""

    text: str = ""
    role: str = ""
    status: str = ""


class StaffRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account as it is written in a file: division codes in full (140100), roles by name."""

    username: Username
    display_name: DisplayName
    roles: list[Role]
    divisions: list[DivisionCode]
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


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain as it is read; `details` never hold personal data."""

    seq: int
    occurred_at: str
    actor: str
    address: str
    action: str
    object_kind: str
    object_no: str
    details: dict[str, Any]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the trail, the newest first."""

    data: list[AuditRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which acts to list; an action that ends in a dot stands for all that begin so; `before` itself is left out."""

    actor: str = ""
    action: str = ""
    object_no: str = ""
    since: datetime | None = None
    before: datetime | None = None


class AuditCheckView(msgspec.Struct, frozen=True, kw_only=True):
    """How far the check of the chain came, and what it found."""

    status: str
    checked_seq: int
    head_seq: int
    newest_seq: int
    broken_at_seq: int | None
    reason: str
    started_by: str
    started_at: str | None
    checked_at: str | None
