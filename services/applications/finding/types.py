"""What a list of cases may be asked for, and the reach of a filter within somebody's scope. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.identifiers import division_prefix
from services.accounts.types import CitizenProfile
from services.applications.states import Status
from services.applications.types import CaseSummary
from services.staff.types import StaffCaller

EVERY = "ANY"
"""The status that stands for open and closed cases together."""
MOST_UNMASKED = 2_000
"""An export with personal data holds so many cases at most: nobody needs a whole county's people in one file."""


FIRST_YEAR, LAST_YEAR = 2000, 2099
"""Days of submission that a filter may name."""


class Urgency(StrEnum):
    """How near or past its deadline a case is."""

    OVERDUE = "overdue"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases; what is empty filters nothing.

    Attributes:
        status: one status, EVERY, or empty for everything open.
        division_code, department_code: within the scope; a city stands for its counties.
        submitted_from, submitted_until: Beijing days, both inclusive.
        held: mine or unclaimed; paid: paid, unpaid or free.
        platform: WECHAT, ALIPAY or WINDOW; words: a part of the item's name.
    """

    status: str = ""
    item_code: str = ""
    division_code: str = ""
    department_code: str = ""
    submitted_from: date | None = None
    submitted_until: date | None = None
    urgency: str = ""
    held: str = ""
    paid: str = ""
    platform: str = ""
    words: str = ""

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The statuses that are meant."""
        if self.status == EVERY:
            return tuple(status for status in Status if status is not Status.DRAFT)
        if self.status:
            return (Status(self.status),)
        return tuple(status for status in Status if status not in (Status.DRAFT, Status.CLOSED))

    @property
    def newest_first(self) -> bool:
        """An archive is read from its end, a queue from its beginning."""
        return self.status in (EVERY, Status.CLOSED)


@dataclass(frozen=True, slots=True)
class Reach:
    """Prefixes of division codes, and departments (none = all of them); no prefix: nothing at all."""

    divisions: tuple[str, ...]
    departments: tuple[str, ...]


def reach_of(staff: StaffCaller, wanted: CaseFilter) -> Reach:
    """Narrow somebody's scope to the division and department of a filter; what is outside finds nothing."""
    divisions = _narrowed(staff.divisions, division_prefix(wanted.division_code)) if wanted.division_code else None
    departments = staff.departments
    if wanted.department_code:
        if departments and wanted.department_code not in departments:
            return Reach((), ())
        departments = (wanted.department_code,)
    return Reach(staff.divisions if divisions is None else divisions, departments)


def _narrowed(prefixes: Iterable[str], wanted: str) -> tuple[str, ...]:
    if any(wanted.startswith(prefix) for prefix in prefixes):
        return (wanted,)
    return tuple(prefix for prefix in prefixes if prefix.startswith(wanted))


@dataclass(frozen=True, slots=True)
class ExportedCase:
    """A case of an export; `applicant` is there where personal data were asked for, with a reason."""

    case: CaseSummary
    applicant: CitizenProfile | None = None
