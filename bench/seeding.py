"""Fills the bench's database by SQL: citizens with their cases, drafts ready to submit, orders that wait for money.

Numbers and ids follow from the row number, so that requests can be made without reading anything back.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from app import db
from app.crypto import FieldCipher, parse_keys
from app.settings import Settings
from services.applications.moves import FormVault
from services.catalogue.service import CatalogueService

CITIZENS = 20_000
APPLICATIONS = 100_000
AMOUNT_FEN = 4000
PAYER = "bench-openid"
_DAYS = {"WECHAT": "20250101", "ALIPAY": "20250102"}
_UNPAID_DAY = "20250103"
_ITEM_FILE = "id-card-reissue-xiaodian.json"


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was seeded, as far as requests need it."""

    item_code: str
    drafts: int
    orders: int


def citizen_id(number: int) -> uuid.UUID:
    """Return the id of a citizen (0 … CITIZENS - 1), as the statements below make it."""
    return uuid.UUID(hashlib.md5(f"citizen{number}".encode(), usedforsecurity=False).hexdigest())


def owner_of(number: int) -> uuid.UUID:
    """Return the citizen of a case or draft."""
    return citizen_id(number % CITIZENS)


def application_no(number: int) -> str:
    """Return the number of a case (0 … APPLICATIONS - 1)."""
    return f"1420250101{number:010d}"


def draft_no(number: int) -> str:
    """Return the number of a draft."""
    return f"1420250102{number:010d}"


def out_trade_no(number: int, channel: str = "WECHAT") -> str:
    """Return the number of a waiting order."""
    return f"P{_DAYS[channel]}{number:010d}"


def bill_no(number: int) -> str:
    """Return the number of a bill that nobody has begun to pay; its payer is `owner_of`, named by `openid`."""
    return f"B{_UNPAID_DAY}{number:010d}"


def shipment_no(number: int) -> str:
    """Return the number of a parcel that SF has and has not picked up yet."""
    return f"SJ20250104{number:012d}"


def openid(citizen: uuid.UUID) -> str:
    """Return a citizen's name at WeChat."""
    return f"o{citizen.hex[:27]}"


async def seed(settings: Settings, data: Path, drafts: int, orders: int) -> Seeded:
    """Write everything; about ten seconds."""
    item = msgspec.json.decode((data / "items" / _ITEM_FILE).read_bytes())
    answers = item["form"]["examples"][0]
    await db.start(settings.database_url, pool_max=2)
    try:
        terms = await CatalogueService().open_item(item["item_code"])
    finally:
        await db.stop()
    cipher = FieldCipher(parse_keys(settings.field_keys), next(iter(parse_keys(settings.hash_key).values())))
    stored = FormVault(cipher).close(answers, terms)
    link = await asyncpg.connect(settings.database_url)
    try:
        await link.execute(_CITIZENS, CITIZENS)
        case = (item["item_code"], item["name"], item["division_code"], item["department_code"], CITIZENS)
        await link.execute(_CASES, *case, stored.form, stored.form_cipher, APPLICATIONS, timeout=120)
        await link.execute(_DRAFTS, *case, stored.form, stored.form_cipher, drafts)
        for statement in _BELONGINGS:
            await link.execute(statement, timeout=120)
        for channel in _DAYS:
            await _orders(link, item, channel, orders)
        place = (item["name"], item["department_code"], item["division_code"])
        await link.execute(_BILLS, *place, AMOUNT_FEN, CITIZENS, orders, _UNPAID_DAY)
        await link.execute("UPDATE bill SET status = 'UNPAID' WHERE bill_no LIKE 'B' || $1 || '%'", _UNPAID_DAY)
        await link.execute(_PARCELS, item["department_code"], item["division_code"], CITIZENS, orders)
        for statement in _NOTES_OF_PARCELS:
            await link.execute(statement)
        await link.execute(_IDENTITIES, settings.wechat_app_id)
        await link.execute(_LEDGER)
        await link.execute("VACUUM ANALYZE")
        await link.execute("CHECKPOINT")
    finally:
        await link.close()
    return Seeded(item["item_code"], drafts, orders)


async def _orders(link: asyncpg.Connection, item: dict[str, Any], channel: str, orders: int) -> None:
    account = await link.fetchrow("SELECT id, app_id, mch_id FROM payment_account WHERE channel = $1", channel)
    assert account is not None
    place = (item["name"], item["department_code"], item["division_code"])
    await link.execute(_BILLS, *place, AMOUNT_FEN, CITIZENS, orders, _DAYS[channel])
    await link.execute(_PAYMENTS, account["id"], account["app_id"], account["mch_id"], PAYER, channel, _DAYS[channel])


_CITIZENS = """
INSERT INTO citizen (id, created_at, updated_at, status, real_name_level, name_masked, id_number_masked, phone_masked,
                     preferences)
SELECT md5('citizen' || n)::uuid, now(), now(), 'ACTIVE', 'L3', '张*', '1401**********0012', '138****0001', '{}'
FROM generate_series(0, $1::int - 1) AS n
"""
_IDENTITIES = """
INSERT INTO identity (id, created_at, citizen_id, provider, app_id, subject, signed_in_at)
SELECT id, now(), id, 'WECHAT', $1, 'o' || substr(replace(id::text, '-', ''), 1, 27), now() FROM citizen
"""
_COLUMNS = """
INSERT INTO application (id, created_at, updated_at, application_no, citizen_id, provider, item_code, item_version,
                         item_name, division_code, department_code, status, outcome, version, form, form_cipher,
                         applicant_shown, fee_fen, reason, submitted_at, received_at, accepted_at, decided_at,
                         closed_at, promised_due_on, legal_due_on, due_is_provisional)
"""
_CASES = f"""{_COLUMNS}
SELECT uuidv7(), begun, begun, '1420250101' || lpad(n::text, 10, '0'), md5('citizen' || n % $5::int)::uuid,
       CASE WHEN n % 3 = 0 THEN 'ALIPAY' ELSE 'WECHAT' END, $1, 1, $2, $3, $4,
       CASE WHEN closed THEN 'CLOSED' ELSE 'ACCEPTED' END, CASE WHEN closed THEN 'GRANTED' ELSE '' END, 4, $6::jsonb,
       $7, '张*', 4000, '', begun, begun, begun, CASE WHEN closed THEN begun END, CASE WHEN closed THEN begun END,
       begun::date + 20, begun::date + 60, false
FROM generate_series(0, $8::int - 1) AS n,
     LATERAL (SELECT n % 10 < 7 AS closed, now() - n % 300 * interval '1 hour' AS begun)
"""
_DRAFTS = f"""{_COLUMNS}
SELECT uuidv7(), now(), now(), '1420250102' || lpad(n::text, 10, '0'), md5('citizen' || n % $5::int)::uuid, 'WECHAT',
       $1, 1, $2, $3, $4, 'DRAFT', '', 1, $6::jsonb, $7, '', 0, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, false
FROM generate_series(0, $8::int - 1) AS n
"""
_BELONGINGS = (
    """
INSERT INTO upload (id, created_at, citizen_id, purpose, content_type, size_bytes, sha256, storage_key)
SELECT id, now(), citizen_id, 'material', 'image/jpeg', 48213, md5(application_no) || md5(application_no),
       'uploads/' || application_no FROM application
""",
    """
INSERT INTO application_material (id, created_at, application_id, material_code, page, upload_id)
SELECT uuidv7(), now(), id, 'M02', 1, id FROM application
""",
    """
INSERT INTO timeline_entry (id, occurred_at, application_id, event, from_status, to_status, title, told, actor_kind,
                            actor_id, actor_shown, dedupe_key)
SELECT uuidv7(), submitted_at, id, 'application.submitted', 'DRAFT', 'SUBMITTED', '提交申请', '', 'CITIZEN', '', '',
       'application.submitted:2' FROM application WHERE submitted_at IS NOT NULL
""",
)
_BILLS = """
INSERT INTO bill (id, created_at, updated_at, bill_no, payment_code, citizen_id, subject_kind, subject_no, purpose,
                  title, lines, department_code, division_code, amount_fen, status, version)
SELECT uuidv7(), now(), now(), 'B' || $7::text || lpad(n::text, 10, '0'), '14' || $7::text || lpad(n::text, 10, '0'),
       md5('citizen' || n % $5::int)::uuid, 'APPLICATION', '14' || $7::text || lpad(n::text, 10, '0'), 'fee', $1, '[]',
       $2, $3, $4, 'PAYING', 2
FROM generate_series(0, $6::int - 1) AS n
"""
_PAYMENTS = """
INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id, mch_id, sub_mch_id,
                     payer_subject, amount_fen, status, provider_status, provider_trade_no, request_body,
                     prepay_reference, expires_at, asked_count, ask_after)
SELECT uuidv7(), now(), now(), 'P' || substr(bill_no, 2), id, $5, $1::uuid, $2, $3, '', $4, amount_fen,
       'AWAITING', '', '', '\\x7b7d', 'wx-prepay', now() + interval '30 minutes', 0, now() + interval '10 minutes'
FROM bill WHERE bill_no LIKE 'B' || $6::text || '%'
"""
_LEDGER = """
INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no, occurred_at)
SELECT uuidv7(), now(), 'bill.issued:' || bill_no, side.account, side.sign * amount_fen, bill_no, bill_no, now()
FROM bill, (VALUES ('receivable', 1), ('revenue', -1)) AS side (account, sign)
"""
_PARCELS = """
INSERT INTO shipment (id, created_at, updated_at, shipment_no, subject_no, citizen_id, division_code, department_code,
                      leg, courier, carrier, waybill_no, status, cargo, sender, receiver_shown, custody, version,
                      booked_at, last_event_at, ask_after, asked_count)
SELECT uuidv7(), now(), now(), 'SJ20250104' || lpad(n::text, 12, '0'), '1420250101' || lpad(n::text, 10, '0'),
       md5('citizen' || n % $3::int)::uuid, $2, $1, 'OUTBOUND', 'SF', 'shunfeng', 'SF7' || lpad(n::text, 12, '0'),
       'CREATED', '居民身份证', '{}', '张* 138****0001', 'WINDOW', 2, now(), now(), now() + interval '6 hours', 0
FROM generate_series(0, $4::int - 1) AS n
"""
_NOTES_OF_PARCELS = (
    """
INSERT INTO shipment_waybill (id, created_at, shipment_id, carrier, waybill_no, kind)
SELECT uuidv7(), now(), id, carrier, waybill_no, 'MAIN' FROM shipment
""",
    """
INSERT INTO tracking_event (id, occurred_at, received_at, shipment_id, event_key, code, state, text, place, confirmed)
SELECT uuidv7(), booked_at, now(), id, md5(shipment_no), 'BOOKED', 'CREATED', '顺丰速运已接单', '', true FROM shipment
""",
)
