"""The queries of the template desk. A version is a row; its edit is known by its moment. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from app import db
from app.db import Row, Transaction
from app.ids import new_id
from notify.templating.types import Content

_JSON = ("channels", "bindings", "variables")
_CONTENT = Content.__struct_fields__
_COLUMNS = f"code, version, status, used_for, edited_by, edited_at, enabled_at, {', '.join(_CONTENT)}"


async def list_versions(code: str = "") -> Sequence[Row]:
    """Return every version of every code, or of one, the newest first."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM notice_template WHERE $1 = '' OR code = $1 ORDER BY code, version DESC", code
    )


async def find_version(code: str, version: int) -> Row | None:
    """Read one version."""
    return await db.fetch_row(f"SELECT {_COLUMNS} FROM notice_template WHERE code = $1 AND version = $2", code, version)


async def lock_code(tx: Transaction, code: str) -> Sequence[Row]:
    """Let other changes of a code wait, also of one that has no version yet; return its versions."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('notice_template:' || $1, 0))", code)
    return await tx.fetch_all(
        "SELECT code, version, status, used_for, statutory, edited_by, edited_at FROM notice_template WHERE code = $1"
        " ORDER BY version DESC",
        code,
    )


async def add_draft(
    tx: Transaction, code: str, version: int, used_for: str, content: Content, by: str, at: datetime
) -> None:
    """Write a new version as a draft."""
    marks = ", ".join(_mark(name, at_place) for at_place, name in enumerate(_CONTENT, 7))
    await tx.execute(
        "INSERT INTO notice_template (id, created_at, code, version, used_for, status, edited_by, edited_at,"
        f" {', '.join(_CONTENT)}) VALUES ($1, $6, $2, $3, $4, 'DRAFT', $5, $6, {marks})",
        new_id(),
        code,
        version,
        used_for,
        by,
        at,
        *_values(content),
    )


async def change_draft(tx: Transaction, code: str, version: int, content: Content, by: str, at: datetime) -> None:
    """Replace the content of a draft."""
    sets = ", ".join(f"{name} = {_mark(name, place)}" for place, name in enumerate(_CONTENT, 5))
    await tx.execute(
        f"UPDATE notice_template SET edited_by = $3, edited_at = $4, {sets} WHERE code = $1 AND version = $2"
        " AND status = 'DRAFT'",
        code,
        version,
        by,
        at,
        *_values(content),
    )


async def enable(tx: Transaction, code: str, version: int, at: datetime) -> None:
    """Put a version in the place of the enabled one."""
    await tx.execute(
        "UPDATE notice_template SET status = 'RETIRED' WHERE code = $1 AND version <> $2 AND status = 'ENABLED'",
        code,
        version,
    )
    await tx.execute(
        "UPDATE notice_template SET status = 'ENABLED', enabled_at = $3 WHERE code = $1 AND version = $2",
        code,
        version,
        at,
    )


async def retire(tx: Transaction, code: str, version: int) -> None:
    """Take a version out of use; notices that were made under it keep it."""
    await tx.execute("UPDATE notice_template SET status = 'RETIRED' WHERE code = $1 AND version = $2", code, version)


def _mark(name: str, place: int) -> str:
    return f"${place}::jsonb" if name in _JSON else f"${place}"


def _values(content: Content) -> list[Any]:
    plain: dict[str, Any] = msgspec.to_builtins(content)
    return [msgspec.json.encode(plain[name]).decode() if name in _JSON else plain[name] for name in _CONTENT]
