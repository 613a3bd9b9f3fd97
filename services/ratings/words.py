"""The words of a rating, which are stored encrypted."""

from __future__ import annotations

from app.crypto import FieldCipher
from app.db import Row

COMMENT, SUPPLEMENT = "rating.comment", "rating.supplement"


def comment_of(cipher: FieldCipher, row: Row) -> str:
    """Return the words that came with a rating."""
    return _plain(cipher, COMMENT, row["comment_cipher"])


def supplement_of(cipher: FieldCipher, row: Row) -> str:
    """Return the words that were added later."""
    return _plain(cipher, SUPPLEMENT, row["supplement_cipher"])


def _plain(cipher: FieldCipher, column: str, value: bytes | None) -> str:
    return "" if value is None else cipher.decrypt(column, value)
