"""Money is integer fen (分). Yuan texts exist only at Alipay's and the bill files' edge and go through here."""

from __future__ import annotations

import re
from decimal import Decimal

_MOST_DIGITS = 13
_YUAN = re.compile(r"-?\d{1,13}(\.\d{1,2})?")


def yuan_text(amount_fen: int) -> str:
    """Print fen as yuan with two decimals: 6850 -> "68.50"."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{yuan}.{fen:02d}"


def parse_yuan(text: str) -> int:
    """Read a yuan text with at most two decimals as fen, exactly. Raises ValueError."""
    yuan, _, fen = text.partition(".")
    if len(fen) == 2 and len(yuan) <= _MOST_DIGITS and yuan.isdecimal() and fen.isdecimal():
        return int(yuan + fen)  # how nearly all of them are printed
    cleaned = text.strip()
    if not _YUAN.fullmatch(cleaned):
        raise ValueError("not an amount in yuan")
    return int(Decimal(cleaned) * 100)


def shown(amount_fen: int) -> str:
    """Print fen for people: 6850 -> "68.50元"."""
    return f"{yuan_text(amount_fen)}元"
