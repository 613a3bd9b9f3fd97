"""What crosses the door about assistances: views for both sides, the consent, and the caller who is helped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Struct

from app.identifiers import shorten
from app.tokens import Caller
from services.applications.types import Actor, ActorKind, ApplicationView

Code = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8}$(?!\n)", description="工作人员出示的帮办码")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistedCaller(Caller):
    """A citizen by whose consent a member of staff acts; every trace names both."""

    assistance_no: str
    staff_username: str
    staff_shown: str
    citizen_shown: str
    address: str

    @property
    def actor(self) -> Actor:
        """Name both persons as the timeline does, in at most 64 characters of which each has a part."""
        staff, citizen = shorten(self.staff_shown, 32), shorten(self.citizen_shown, 16)
        return Actor(ActorKind.STAFF, self.staff_username, f"帮办人员 {staff}（为 {citizen} 帮办）")


class OpenedAssistance(Struct, frozen=True, kw_only=True):
    """What the member of staff shows to the citizen: the code, in digits and as a QR picture, good for one consent."""

    assistance_no: str
    item_code: str
    item_name: str
    code: str
    qr_text: str
    qr_svg: str
    expires_at: str


class ConsentText(Struct, frozen=True, kw_only=True):
    """One wording of the consent; its digest is sent back with the consent."""

    may_submit: bool
    text: str
    sha256: str


class AssistanceOffer(Struct, frozen=True, kw_only=True):
    """What the citizen sees before they decide: who, which item, the two wordings to choose from."""

    assistance_no: str
    staff_shown: str
    item_code: str
    item_name: str
    consents: list[ConsentText]
    expires_at: str


class AssistanceView(Struct, frozen=True, kw_only=True):
    """An assistance as the citizen sees it afterwards."""

    assistance_no: str
    status: str
    status_text: str
    staff_shown: str
    item_code: str
    item_name: str
    may_submit: bool
    application_no: str
    consented_at: str | None
    expires_at: str
    ended_at: str | None


class AssistancePage(Struct, frozen=True, kw_only=True):
    """A page of assistances, newest first."""

    data: list[AssistanceView]
    next_cursor: str | None


class StaffAssistanceView(Struct, frozen=True, kw_only=True):
    """An assistance as its member of staff sees it; the case only while the consent lasts."""

    assistance: AssistanceView
    citizen_shown: str
    application: ApplicationView | None
