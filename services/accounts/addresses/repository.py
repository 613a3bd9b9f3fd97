"""The queries of the address book; each write is one transaction that holds the citizen's row and settles their home.

Called by service.py beside it. Contents arrive encrypted.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app import db
from app.db import Row, Transaction
from app.ids import new_id
from services.accounts.wish_repository import settle_home

_COLUMNS = "id, division_code, content_cipher, is_default"


@dataclass(frozen=True, slots=True)
class StoredAddress:
    """An address as stored: the content encrypted, a masked line for lists."""

    division_code: str
    content_cipher: bytes = field(repr=False)
    shown: str


async def list_addresses(citizen_id: uuid.UUID) -> Sequence[Row]:
    """List a citizen's addresses, the default first, then the newest."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM address WHERE citizen_id = $1 ORDER BY is_default DESC, id DESC", citizen_id
    )


async def find_address(citizen_id: uuid.UUID, address_id: uuid.UUID) -> Row | None:
    """Read one of the citizen's own addresses."""
    return await db.fetch_row(
        f"SELECT {_COLUMNS} FROM address WHERE id = $2 AND citizen_id = $1", citizen_id, address_id
    )


async def add_address(
    citizen_id: uuid.UUID, address: StoredAddress, *, is_default: bool, most: int, number_home: str, now: datetime
) -> Row | None:
    """Add an address; the first one becomes the default. None where the book holds `most` already."""
    async with db.transaction() as tx:
        held = await _hold_book(tx, citizen_id)
        if held >= most:
            return None
        default = is_default or held == 0
        if default:
            await _clear_default(tx, citizen_id)
        row = await tx.fetch_row(
            "INSERT INTO address (id, created_at, updated_at, citizen_id, division_code, content_cipher, shown,"
            f" is_default) VALUES ($1, $2, $2, $3, $4, $5, $6, $7) RETURNING {_COLUMNS}",
            new_id(),
            now,
            citizen_id,
            address.division_code,
            address.content_cipher,
            address.shown,
            default,
        )
        await settle_home(tx, citizen_id, number_home)
        return row


async def change_address(
    citizen_id: uuid.UUID,
    address_id: uuid.UUID,
    address: StoredAddress,
    *,
    make_default: bool,
    number_home: str,
    now: datetime,
) -> Row | None:
    """Replace an address' content and perhaps make it the default. None where it is not the citizen's. Idempotent."""
    async with db.transaction() as tx:
        await _hold_book(tx, citizen_id)
        if make_default:
            await _clear_default(tx, citizen_id)
        row = await tx.fetch_row(
            "UPDATE address SET division_code = $3, content_cipher = $4, shown = $5, updated_at = $6,"
            f" is_default = is_default OR $7 WHERE id = $2 AND citizen_id = $1 RETURNING {_COLUMNS}",
            citizen_id,
            address_id,
            address.division_code,
            address.content_cipher,
            address.shown,
            now,
            make_default,
        )
        await settle_home(tx, citizen_id, number_home)
        return row


async def delete_address(citizen_id: uuid.UUID, address_id: uuid.UUID, number_home: str) -> bool:
    """Delete an address; after the default the newest that is left takes its place. False where there is none."""
    async with db.transaction() as tx:
        await _hold_book(tx, citizen_id)
        gone = await tx.fetch_row(
            "DELETE FROM address WHERE id = $2 AND citizen_id = $1 RETURNING is_default", citizen_id, address_id
        )
        if gone is not None and gone["is_default"]:
            await tx.execute(
                "UPDATE address SET is_default = true WHERE id ="
                " (SELECT id FROM address WHERE citizen_id = $1 ORDER BY id DESC LIMIT 1)",
                citizen_id,
            )
        await settle_home(tx, citizen_id, number_home)
        return gone is not None


async def _hold_book(tx: Transaction, citizen_id: uuid.UUID) -> int:
    """Let other changes of the same book wait; return how many addresses it has."""
    await tx.execute("SELECT id FROM citizen WHERE id = $1 FOR UPDATE", citizen_id)
    row = await tx.fetch_row("SELECT count(*) AS held FROM address WHERE citizen_id = $1", citizen_id)
    return int(row["held"]) if row is not None else 0


async def _clear_default(tx: Transaction, citizen_id: uuid.UUID) -> None:
    await tx.execute("UPDATE address SET is_default = false WHERE citizen_id = $1 AND is_default", citizen_id)
