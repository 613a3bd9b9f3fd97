"""Makes staff accounts from a file of records, once; first passwords and TOTP secrets go to a file of the operator's.

Called by run.py and demo mode. Accounts that exist are left alone: afterwards the database is the truth.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from app import clock, db
from app.crypto import FieldCipher
from app.errors import SettingsError
from app.identifiers import division_prefix
from services.staff import repository
from services.staff.audit import AuditTrail
from services.staff.own_account import TOTP_COLUMN
from services.staff.repository import NewMember
from services.staff.second_factor import Passwords, new_password, new_totp_secret
from services.staff.types import Act, StaffCredentials, StaffRecord


def read_records(source: Path) -> list[StaffRecord]:
    """Read a staff file. Raises: SettingsError naming the fault."""
    try:
        return msgspec.json.decode(source.read_bytes(), type=list[StaffRecord])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{source.name} 无法读取：{error}") from error


async def import_staff(
    source: Path, credentials_file: Path, cipher: FieldCipher, audit: AuditTrail
) -> list[StaffCredentials]:
    """Add the accounts that are missing; return the credentials of all accounts that the operator's file knows.

    The file (mode 600) is written before the accounts, so that no account is ever left without its password; an
    account that must be made again (new database) gets the credentials which the file already holds.
    Idempotent. Raises: SettingsError.
    """
    records = read_records(source)
    existing = await repository.list_usernames()
    missing = [record for record in records if record.username not in existing]
    known = _read_credentials(credentials_file)
    fresh = {record.username: _new_credentials(record) for record in missing if record.username not in known}
    known |= fresh
    if fresh:
        await asyncio.to_thread(_write_credentials, credentials_file, list(known.values()))
    passwords = Passwords()
    for record in missing:
        await _add(record, known[record.username], passwords, cipher, audit)
    return list(known.values())


async def _add(
    record: StaffRecord, credentials: StaffCredentials, passwords: Passwords, cipher: FieldCipher, audit: AuditTrail
) -> None:
    member = NewMember(
        username=record.username,
        display_name=record.display_name,
        password_hash=await passwords.hashed(credentials.password),
        totp_cipher=cipher.encrypt(TOTP_COLUMN, credentials.totp_secret),
        roles=[role.value for role in record.roles],
        divisions=[division_prefix(code) for code in record.divisions],
        departments=record.departments,
    )
    async with db.transaction() as tx:
        if await repository.add_member(tx, member, clock.now()):
            details = {"roles": member.roles, "divisions": member.divisions}
            await audit.record(Act("system", "staff.added", "staff", record.username, details), tx)


def _new_credentials(record: StaffRecord) -> StaffCredentials:
    return StaffCredentials(
        username=record.username,
        display_name=record.display_name,
        password=new_password(),
        totp_secret=new_totp_secret(),
    )


def _read_credentials(file: Path) -> dict[str, StaffCredentials]:
    if not file.exists():
        return {}
    try:
        listed = msgspec.json.decode(file.read_bytes(), type=list[StaffCredentials])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{file.name} 无法读取") from error
    return {entry.username: entry for entry in listed}


def _write_credentials(file: Path, listed: list[StaffCredentials]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as output:
        output.write(msgspec.json.format(msgspec.json.encode(listed), indent=2))
    unfinished.replace(file)
