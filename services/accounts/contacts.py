"""How people can be reached: identities, phone and wishes of many people in one statement. Asked by the notify room."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from app import db
from app.crypto import FieldCipher, FieldUnreadable
from services.accounts import contact_repository
from services.accounts.types import PersonContacts, PlatformIdentity, Preferences, stored_preferences

_IDENTITIES = msgspec.json.Decoder(list[tuple[uuid.UUID, str, str, str]])
log = structlog.get_logger()


class ContactBook:
    """Reads contacts; identities whose consent was withdrawn at the platform are not among them."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    async def of(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, PersonContacts]:
        """Return who can be reached how, by the id that was asked; one who was merged is answered by the survivor.

        Somebody who has gone is left out.
        """
        rows = await contact_repository.list_contacts(citizen_ids)
        # Most people have said nothing, or the same few things: their wishes are read once.
        wishes = {text: stored_preferences(text) for text in {row["preferences"] for row in rows}}
        return {row["asked"]: self._contacts(row, wishes[row["preferences"]]) for row in rows}

    def _contacts(self, row: db.Row, wishes: Preferences) -> PersonContacts:
        citizen_id = row["id"]
        listed = _IDENTITIES.decode(row["identities"]) if row["identities"] is not None else []
        return PersonContacts(
            citizen_id=citizen_id,
            identities=tuple(PlatformIdentity(one, citizen_id, *rest) for one, *rest in listed),
            phone=self._phone(citizen_id, row["phone_cipher"]),
            preferences=wishes,
        )

    def _phone(self, citizen_id: uuid.UUID, stored: bytes | None) -> str:
        if stored is None:
            return ""
        try:
            return self._cipher.decrypt("citizen.phone", stored)
        except FieldUnreadable:
            # One phone that no key opens must not keep a whole batch from being told.
            log.error("phone_unreadable", citizen_id=citizen_id.hex)
            return ""
