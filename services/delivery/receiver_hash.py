"""What stays of a contact that is forgotten: a keyed hash, by which an address that somebody shows is known again."""

from __future__ import annotations

from app.crypto import FieldCipher
from services.delivery.types import RECEIVER_COLUMN, Contact


def receiver_hash(cipher: FieldCipher, contact: Contact) -> str:
    """Return the hash of name, phone and address; equal for equal contacts under one key."""
    return cipher.lookup(RECEIVER_COLUMN, f"{contact.name}\n{contact.phone}\n{contact.address}")
