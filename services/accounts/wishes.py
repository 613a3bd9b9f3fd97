"""How the citizen wants to be served, and what follows from it: home division, and words about themselves.

Called by the accounts service, the address book and the sweeps. The home is the chosen one, else that of the default
address, else that of the ID number where it is of this province; pushes to many people select by it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

import msgspec

from app.crypto import FieldCipher
from app.errors import FieldFault, InvalidRequest, NotFound
from app.identifiers import id_birth_date
from services.accounts import repository, wish_repository
from services.accounts.ports import Places
from services.accounts.types import Preferences, stored_preferences

_SWEPT = 200


class Wishes:
    """Use cases of preferences.

    Args:
        tags: the words that a person may say of themselves.
    """

    def __init__(self, cipher: FieldCipher, places: Places, tags: Collection[str]) -> None:
        self._cipher = cipher
        self._places = places
        self.tags = tags

    async def read(self, citizen_id: uuid.UUID) -> Preferences:
        """Return the citizen's preferences; defaults where they never said. Raises: NotFound."""
        row = await repository.find_citizen(citizen_id)
        if row is None:
            raise NotFound("账号不存在")
        return stored_preferences(row["preferences"])

    async def replace(self, citizen_id: uuid.UUID, wishes: Preferences) -> Preferences:
        """Replace the citizen's preferences; home and tags follow in the same transaction. Idempotent.

        Raises: InvalidRequest naming an unknown division or tag, NotFound.
        """
        await self._check(wishes)
        kept = msgspec.structs.replace(wishes, tags=sorted(set(wishes.tags)))
        await wish_repository.replace(citizen_id, kept, kept.tags, await self.home_of_number(citizen_id))
        return kept

    async def home_of_number(self, citizen_id: uuid.UUID) -> str:
        """Return the division inside a citizen's ID number, as of today; "" without one or of another province."""
        row = await repository.find_citizen(citizen_id)
        if row is None:
            raise NotFound("账号不存在")
        stored = row["id_number_cipher"]
        return "" if stored is None else await self.home_in(self._cipher.decrypt("citizen.id_number", stored))

    async def home_in(self, id_number: str) -> str:
        """Return the division inside an ID number, as of today; "" of another province."""
        return await self._places.home_of(id_number[:6])

    async def fill_missing(self) -> int:
        """Fill birth year and home of some citizens who were verified before these were kept; return how many."""
        rows = await wish_repository.list_unfilled(_SWEPT)
        for row in rows:
            number = self._cipher.decrypt("citizen.id_number", row["id_number_cipher"])
            await wish_repository.fill(row["id"], id_birth_date(number).year, await self.home_in(number))
        return len(rows)

    async def _check(self, wishes: Preferences) -> None:
        faults = [
            FieldFault(f"tags[{at}]", "不在可选的人群标签中")
            for at, tag in enumerate(wishes.tags)
            if tag not in self.tags
        ]
        if wishes.division_code and await self._places.region(wishes.division_code) is None:
            faults.append(FieldFault("division_code", "行政区划不存在或已撤销"))
        if faults:
            raise InvalidRequest(faults=tuple(faults))
