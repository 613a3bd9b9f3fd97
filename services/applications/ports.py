"""What the applications room needs from its neighbours; their services fulfil it, wiring hands them in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.db import Row, Transaction
from app.tokens import Caller
from services.accounts.addresses.types import PlainAddress
from services.accounts.types import Acting, CitizenProfile, EnterpriseProfile, Level, OnBehalfOf, Represented
from services.catalogue.areas.types import ReachView
from services.catalogue.types import Item, Material, PackageTerms
from services.staff.types import Act


class Catalogue(Protocol):
    """The catalogue of items.

    Called before every submission and whenever a case needs the terms it was made under. Reads only; answers come
    from memory nearly always.
    """

    async def open_item(self, item_code: str) -> Item:
        """Return the published version of an item that takes applications.

        Raises:
            NotFound: no such item. The caller refuses the request.
            Conflict: the item is closed or suspended. The caller refuses the request.
        """

    async def item(self, item_code: str, version: int) -> Item:
        """Return the version that a case was made under, also when a newer one is published. Raises: NotFound."""

    async def item_of_body(self, basic_code: str, division_code: str, department_code: str) -> Item | None:
        """Return the published item by which another body handles the same matter; None: that body does not."""

    async def reach(self, item_code: str, division: str) -> ReachView:
        """Tell whether an item may be filed from a division (通办). Raises: NotFound, InvalidRequest (division)."""

    async def usable_item(self, item_code: str, version: int) -> Item:
        """Return the version that a draft was made under, while it may still be handed in.

        Raises:
            NotFound, Conflict `item_closed`: as `open_item`.
            Conflict `item_version_withdrawn`: the draft must be moved to the version that the error names.
        """

    async def open_package(self, package_code: str) -> PackageTerms:
        """Return the published version of a package (一件事) that takes cases. Raises: as `open_item`."""

    async def package_terms(self, package_code: str, version: int) -> PackageTerms:
        """Return the version that a package case was made under, over its items as they are now. Raises: NotFound."""


class People(Protocol):
    """The accounts room, as far as a case needs its applicant."""

    async def require_level(self, caller: Caller, least: Level) -> None:
        """Refuse callers below a real-name level. Raises: Forbidden; the caller lets it pass to the citizen."""

    async def profile(self, citizen_id: uuid.UUID) -> CitizenProfile:
        """Return a citizen in plain text, for the officer in charge and for a licence. Raises: NotFound."""

    async def profiles(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, CitizenProfile]:
        """Return citizens in plain text, in one statement, for an export that names them; unknown ones are left out."""

    async def find_citizens(self, *, phone: str = "", id_number: str = "") -> Sequence[uuid.UUID]:
        """Find active citizens by a phone number or an ID number in full. Raises: InvalidRequest for neither."""

    async def plain_address(self, citizen_id: uuid.UUID, address_id: uuid.UUID) -> PlainAddress:
        """Return an own address in plain text. Raises: NotFound; nothing may be sent anywhere then."""

    async def acting(self, caller: Caller, on_behalf_of: OnBehalfOf, item_code: str) -> Acting:
        """Say for whom the caller may begin a case. Raises: NotFound, Forbidden; no case is begun then."""

    async def may_act_for(self, caller: Caller, case: Row) -> Acting | None:
        """Say how the caller may act in a case that is not plainly their own; None: for them there is no such case."""

    async def represented(self, caller: Caller) -> Sequence[Represented]:
        """List for whom the caller may act today, and in which items."""

    async def enterprise_profile(self, enterprise_id: uuid.UUID) -> EnterpriseProfile:
        """Return an enterprise in plain text, for its own forms (一企一档). Raises: NotFound."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What another body knows: under which number it was found there, and the digest of what was seen."""

    reference: str
    sha256: str


class SharedData(Protocol):
    """Data that other bodies share (数据共享), so that nobody is asked for them twice.

    Asked when a case is handed in, for the person's own case only; the submission is the authorisation. Nothing of the
    content is kept.
    """

    async def look(
        self, citizen_id: uuid.UUID, enterprise_id: uuid.UUID | None, item_code: str, material: Material
    ) -> Seen | None:
        """Look a material up for a person or an enterprise; None where nothing is known.

        Raises: ProviderUnavailable; the applicant is asked to upload then.
        """


class Audit(Protocol):
    """The audit trail of staff."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act in the transaction of the act itself, as its last statement: no act without its trace."""
