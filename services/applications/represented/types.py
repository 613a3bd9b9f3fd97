"""What crosses the door about cases for others. Persons are masked; an enterprise is public."""

from __future__ import annotations

from msgspec import Struct

from services.applications.types import ApplicationSummary


class RepresentedSummary(Struct, frozen=True, kw_only=True):
    """A line of the list: the case, for whom it is, and who filed it."""

    application: ApplicationSummary
    principal_shown: str
    enterprise_uscc: str
    agent_shown: str


class RepresentedPage(Struct, frozen=True, kw_only=True):
    """A page of cases for others, newest first."""

    data: list[RepresentedSummary]
    next_cursor: str | None


class PartiesView(Struct, frozen=True, kw_only=True):
    """Everybody who has a part in a case, for the officer in charge."""

    application_no: str
    applicant_shown: str
    enterprise_name: str
    enterprise_uscc: str
    agent_shown: str
    mandate_no: str
    mandate_until_on: str | None
    assisted_by: str
