"""Every query about accounts as administrators see and change them. Called by members.py; decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app import db
from app.db import Row, Transaction
from services.staff.role_rules import Scope
from services.staff.types import MemberFilter


async def list_members(
    scope: Scope, wanted: MemberFilter, now: datetime, idle: timedelta, after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """List the accounts within a scope, the newest first."""
    return await db.fetch_all(
        _LIST, now, now - idle, list(scope.divisions), list(scope.departments), after, limit,
        f"%{_escaped(wanted.text)}%", wanted.role, wanted.status,
    )  # fmt: skip


async def find_member(username: str, now: datetime, idle: timedelta) -> Row | None:
    """Find an account."""
    return await db.fetch_row(_ONE, now, now - idle, username)


async def lock_administrators(tx: Transaction) -> list[str]:
    """Name the active administrators and keep their accounts from changing until the transaction ends."""
    rows = await tx.fetch_all(
        "SELECT username FROM staff_member WHERE status = 'ACTIVE' AND roles ? 'administrator' ORDER BY id FOR UPDATE"
    )
    return [row["username"] for row in rows]


async def change(
    tx: Transaction,
    staff_id: uuid.UUID,
    version: int,
    name: str,
    roles: Sequence[str],
    divisions: Sequence[str],
    departments: Sequence[str],
) -> bool:
    """Change name, roles and scope; False where somebody else has changed the account since."""
    lists = (msgspec.json.encode(list(listed)).decode() for listed in (roles, divisions, departments))
    return (
        await tx.execute(
            "UPDATE staff_member SET display_name = $3, roles = $4::jsonb, divisions = $5::jsonb,"
            " departments = $6::jsonb, version = version + 1 WHERE id = $1 AND version = $2",
            staff_id,
            version,
            name,
            *lists,
        )
        == 1
    )


async def set_status(tx: Transaction, staff_id: uuid.UUID, version: int, status: str) -> bool:
    """Switch an account off or on; False where somebody else has changed it since."""
    return (
        await tx.execute(
            "UPDATE staff_member SET status = $3, version = version + 1 WHERE id = $1 AND version = $2",
            staff_id,
            version,
            status,
        )
        == 1
    )


async def reset_password(
    tx: Transaction, staff_id: uuid.UUID, version: int, new_hash: str, now: datetime, *, forget_totp: bool
) -> bool:
    """Set a first password, unlock the account and perhaps forget its second factor; False as with `change`."""
    return await tx.execute(_RESET, staff_id, version, new_hash, now, forget_totp) == 1


async def unknown_places(divisions: Sequence[str], departments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return those of the given codes that no division and no department has."""
    row = await db.fetch_row(
        "SELECT ARRAY(SELECT unnest($1::text[]) EXCEPT SELECT code FROM division WHERE kind = 'current') AS divisions,"
        " ARRAY(SELECT unnest($2::text[]) EXCEPT SELECT code FROM department) AS departments",
        list(divisions),
        list(departments),
    )
    return (list(row["divisions"]), list(row["departments"])) if row is not None else ([], [])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_COLUMNS = """
SELECT m.id, m.username, m.display_name, m.roles, m.divisions, m.departments, m.status, m.password_is_first,
       m.totp_cipher IS NOT NULL AS has_totp, m.password_set_at, m.signed_in_at, m.created_at, m.created_by, m.version,
       m.locked_until IS NOT NULL AND m.locked_until > $1 AS is_locked, m.password_hash, m.former_hashes,
       (SELECT count(*) FROM staff_session s WHERE s.staff_id = m.id AND s.revoked_at IS NULL
           AND s.expires_at > $1 AND s.last_seen_at > $2) AS sessions
FROM staff_member m
"""

_ONE = f"{_COLUMNS} WHERE m.username = $3"

_LIST = f"""{_COLUMNS}
WHERE ($5::uuid IS NULL OR m.id < $5)
  AND jsonb_array_length(m.divisions) > 0
  AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements_text(m.divisions) AS own (prefix)
      WHERE NOT EXISTS (SELECT 1 FROM unnest($3::text[]) AS seen (prefix) WHERE starts_with(own.prefix, seen.prefix)))
  AND ($4::text[] = '{{}}' OR (jsonb_array_length(m.departments) > 0 AND m.departments <@ to_jsonb($4::text[])))
  AND (m.username ILIKE $7 OR m.display_name ILIKE $7)
  AND ($8 = '' OR m.roles ? $8)
  AND ($9 = '' OR m.status = $9)
ORDER BY m.id DESC LIMIT $6
"""

_RESET = """
UPDATE staff_member SET
    former_hashes = jsonb_path_query_array(to_jsonb(ARRAY[password_hash]) || former_hashes, '$[0 to 4]'),
    password_hash = $3, password_is_first = TRUE, password_set_at = $4, failed_count = 0, locked_until = NULL,
    totp_cipher = CASE WHEN $5 THEN NULL ELSE totp_cipher END,
    totp_pending_cipher = NULL,
    totp_set_at = CASE WHEN $5 THEN NULL ELSE totp_set_at END,
    version = version + 1
WHERE id = $1 AND version = $2
"""
