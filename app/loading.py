"""What commands do with the database outside any request: load the catalogue and the demonstration, audit the books.

Each function opens the database for itself and closes it again; run.py calls them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from app import db, exchange_desk
from app.broadcast import Broadcast
from app.crypto import FieldCipher, parse_keys
from app.demo_merchants import IMPORT_FILE
from app.errors import SettingsError
from app.merchant_desk import import_demonstration
from app.settings import Settings
from notify.templates import import_templates
from payments.accounts import accounts_of
from payments.auditing import LedgerAudit
from payments.repository import save_accounts
from services.applications.instant.loading import load_rules, rule_faults
from services.catalogue.intake import export, feed_import
from services.catalogue.intake.demonstration import load_demonstration
from services.catalogue.intake.importer import import_folder
from services.catalogue.intake.loader import FaultyFiles, load_catalogue, load_places
from services.catalogue.types import ImportSummary, ItemRecord
from services.delivery.collecting import loading as collection_points
from services.delivery.rules import loading as delivery_rules
from services.licences.intake import kind_faults, load_kinds
from services.staff.accounts_file import import_staff
from services.staff.audit import AuditTrail
from services.staff.members import Members
from services.staff.second_factor import Passwords
from services.staff.sessions import Sessions
from services.staff.types import FirstPassword, NewStaff, StaffCredentials, Terms

CREDENTIALS = "staff.json"


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[None]:
    await db.start(settings.database_url, pool_max=4)
    try:
        yield
    finally:
        await db.stop()


def credentials_file(settings: Settings) -> Path:
    """Name the file that holds the first passwords and TOTP secrets of staff; production does not keep it."""
    return settings.var / "keys" / CREDENTIALS


async def load_start(settings: Settings, data: Path) -> None:
    """Load what a service needs before it answers: merchant accounts, notice templates, and in demo mode the rest.

    Idempotent: a second start changes nothing.
    """
    async with _database(settings):
        await save_accounts(accounts_of(settings))
        await import_templates(data / "templates.json")
        await load_kinds(data)
        if settings.is_demo:
            await import_folder(data)
            await _load_rules(data)
            await delivery_rules.load_rules(data)
            await collection_points.load_places(data / "collection_points.json")
            await _import_staff(settings, data / "staff.json")
            await _import_merchants(settings)
            await exchange_desk.import_demonstration(settings)


async def import_catalogue(settings: Settings, data: Path) -> ImportSummary:
    """Import the items, packages and places of a data folder. Raises FaultyFiles; nothing is half imported."""
    async with _database(settings):
        await load_kinds(data)
        summary = await import_folder(data)
        await _load_rules(data)
        await delivery_rules.load_rules(data)
        if (data / "collection_points.json").is_file():
            await collection_points.load_places(data / "collection_points.json")
        return summary


async def import_feed(
    settings: Settings, files: list[Path], data: Path, feed: str, *, approved: bool, progress: Callable[[], None]
) -> ImportSummary:
    """Import feeds of the province's directory. Raises FaultyFiles; nothing is half imported."""
    async with _database(settings):
        return await feed_import.import_feed(files, data, feed, approved=approved, progress=progress)


async def export_catalogue(settings: Settings, file: Path, *, every_version: bool, progress: Callable[[], None]) -> int:
    """Write the catalogue as a feed; return the number of entries. Raises ValueError, OSError."""
    async with _database(settings):
        return await export.export(file, every_version=every_version, progress=progress)


async def _load_rules(data: Path) -> None:
    """Make the rules of a data folder the current ones. Raises: FaultyRules."""
    records = [msgspec.json.decode(path.read_bytes(), type=ItemRecord) for path in (data / "items").glob("*.json")]
    await load_rules(data / "rules", records)


async def import_staff_accounts(settings: Settings, source: Path) -> list[StaffCredentials]:
    """Make the staff accounts of a file that are missing; return the credentials that the operator's file holds."""
    async with _database(settings):
        return await _import_staff(settings, source)


async def add_staff(settings: Settings, terms: dict[str, Any]) -> FirstPassword:
    """Make one account. Raises: SanjinError naming what is wrong with it."""
    try:
        new = msgspec.convert(terms, NewStaff)
    except msgspec.ValidationError as error:
        raise SettingsError(f"账号信息有误：{error}") from error
    async with _staff_members(settings) as members:
        return await members.add_by_operator(new)


async def reset_staff(settings: Settings, username: str) -> FirstPassword:
    """Let somebody in again with a first password and a new second factor. Raises: SanjinError."""
    async with _staff_members(settings) as members:
        return await members.reset_by_operator(username)


@asynccontextmanager
async def _staff_members(settings: Settings) -> AsyncIterator[Members]:
    """Open the part of the staff room that commands use; other processes hear of its acts through Redis."""
    audit = AuditTrail(next(iter(parse_keys(settings.hash_key).values())))
    async with _database(settings), Redis.from_url(settings.redis_url, socket_connect_timeout=1) as redis:
        yield Members(Passwords(), Sessions(Broadcast(redis), Terms()), audit)


async def _import_merchants(settings: Settings) -> None:
    """Write the further merchant accounts that demo mode has made up."""
    folder = settings.var / "keys"
    audit = AuditTrail(next(iter(parse_keys(settings.hash_key).values())))
    await import_demonstration(_made_up_merchants(folder / IMPORT_FILE), folder, audit)


def _made_up_merchants(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b"[]"


async def _import_staff(settings: Settings, source: Path) -> list[StaffCredentials]:
    hash_key = next(iter(parse_keys(settings.hash_key).values()))
    cipher = FieldCipher(parse_keys(settings.field_keys), hash_key, settings.cipher)
    file = credentials_file(settings)
    return await import_staff(source, file, cipher, AuditTrail(hash_key))


def check_catalogue(data: Path) -> list[str]:
    """List every fault of a data folder, its demonstration included, without touching a database."""
    try:
        files = load_catalogue(data)
        load_demonstration(data, files)
    except FaultyFiles as faulty:
        return [str(fault) for fault in faulty.faults]
    named = [(record.item_code, result.licence_type) for record in files.items for result in record.results]
    named += [(record.item_code, material.licence_type) for record in files.items for material in record.materials]
    rules = [f"{file}: {fault}" for file, fault in rule_faults(data / "rules", files.items)]
    return rules + kind_faults(data, named) + delivery_rules.rule_faults(data)


def check_feed_files(files: list[Path], data: Path, progress: Callable[[], None]) -> list[str]:
    """List every fault of feeds over the places of a data folder, without touching a database."""
    try:
        checked = feed_import.check_feed(files, load_places(data), progress)
        if checked.packages:
            held = {record.item_code: record for record in load_catalogue(data).items}
            feed_import.check_packages(checked, files, held)
    except FaultyFiles as faulty:
        return [str(fault) for fault in faulty.faults]
    return [str(fault) for fault in checked.faults]


async def audit_ledger(settings: Settings) -> list[str]:
    """List what is wrong with the whole ledger: its sum, unbalanced transfers, and facts that are not in it."""
    async with _database(settings):
        found = await LedgerAudit().check_all()
    findings = [f"账目总和为 {found.sum_fen} 分，应为零"] if found.sum_fen else []
    findings += [f"不平衡的分录：{key}" for key in found.unbalanced]
    return findings + [f"账目中缺少：{key}" for key in found.missing]


async def audit_chain(settings: Settings) -> list[str]:
    """List what is wrong with the hash chain of the staff's acts."""
    hash_key = next(iter(parse_keys(settings.hash_key).values()))
    async with _database(settings):
        verdict = await AuditTrail(hash_key).verify()
    return [] if verdict.intact else [f"第 {verdict.broken_at_seq} 条起不完整：{verdict.reason}"]
