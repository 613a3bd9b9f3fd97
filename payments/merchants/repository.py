"""Rows of merchant accounts and of the keys that sign to them. Decides nothing; no secret is ever in them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from app import db
from app.ids import new_id
from payments.merchants.ports import Witness
from payments.merchants.records import FETCH_CERTIFICATES, Merchant, PlatformKey, StoredKey
from payments.types import Account

_STAMP = """
SELECT coalesce((SELECT md5(string_agg(a::text, '|' ORDER BY a.id)) FROM payment_account a), '') AS accounts,
       coalesce((SELECT md5(string_agg(k::text, '|' ORDER BY k.id)) FROM payment_account_key k), '') AS keys,
       (SELECT array_agg(DISTINCT key_reference) FROM payment_account) AS refs
"""
_MERCHANTS = """
SELECT id, code, channel, mode, app_id, mch_id, sub_mch_id, sub_app_id, department_code, division_code, key_reference,
       serial_no, fetches_certificates, enabled
FROM payment_account ORDER BY code
"""
_ACCOUNT = "code channel app_id mch_id mode sub_mch_id sub_app_id department_code division_code".split()
_OWN = "key_reference serial_no fetches_certificates enabled".split()
_AT_THE_ADDRESS = """
 account_id IN (SELECT other.id FROM payment_account own JOIN payment_account other ON other.channel = own.channel
 AND CASE own.channel WHEN 'WECHAT' THEN other.mch_id = own.mch_id ELSE other.app_id = own.app_id END
 WHERE own.code = $1)
"""
_SAVE = """
INSERT INTO payment_account (id, created_at, code, channel, mode, app_id, mch_id, sub_mch_id, sub_app_id,
                             department_code, division_code, key_reference, serial_no, fetches_certificates, enabled)
VALUES ($1, now(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (code) DO UPDATE SET department_code = $9, division_code = $10, key_reference = $11, serial_no = $12,
                                 fetches_certificates = $13, enabled = $14
RETURNING id
"""
_SAVE_KEY = """
INSERT INTO payment_account_key (id, created_at, account_id, key_id, pem, active, expires_at)
VALUES ($1, now(), $2, $3, $4, true, $5)
"""
_KEEP = " ON CONFLICT (account_id, key_id) DO NOTHING"
_REVIVE = " ON CONFLICT (account_id, key_id) DO UPDATE SET active = true"


async def current_stamp() -> tuple[str, tuple[str, ...]]:
    """Return what differs once any row was changed, and the key references in use."""
    row = await db.fetch_row(_STAMP)
    assert row is not None, "an answer without FROM has one row"
    return f"{row['accounts']}:{row['keys']}", tuple(sorted(row["refs"] or ()))


async def list_merchants() -> list[Merchant]:
    """Return all accounts by code, disabled ones too, with their keys."""
    keys: defaultdict[uuid.UUID, list[StoredKey]] = defaultdict(list)
    for row in await db.fetch_all(
        "SELECT account_id, key_id, pem, active, expires_at FROM payment_account_key ORDER BY id"
    ):
        key = PlatformKey(row["key_id"], row["pem"], row["expires_at"])
        keys[row["account_id"]].append(StoredKey(key=key, active=row["active"]))
    return [
        Merchant(
            id=row["id"],
            account=Account(**{name: row[name] for name in _ACCOUNT}),
            keys=tuple(keys[row["id"]]),
            **{name: row[name] for name in _OWN},
        )
        for row in await db.fetch_all(_MERCHANTS)
    ]


async def record_merchants(merchants: Sequence[tuple[Merchant, Mapping[str, Any]]], witness: Witness) -> None:
    """Write accounts with their keys and what was changed of them, all or none.

    The identity of an account that exists (channel, numbers, apps) stays as it is. Idempotent: yes, by code.
    """
    async with db.transaction() as tx:
        for merchant, _ in merchants:
            account = merchant.account
            row = await tx.fetch_row(
                _SAVE,
                merchant.id,
                account.code,
                account.channel,
                account.mode,
                account.app_id,
                account.mch_id,
                account.sub_mch_id,
                account.sub_app_id,
                account.department_code,
                account.division_code,
                merchant.key_reference,
                merchant.serial_no,
                merchant.fetches_certificates,
                merchant.enabled,
            )
            assert row is not None, "an upsert that always returns its row"
            for key in merchant.active_keys:
                await tx.execute(_SAVE_KEY + _KEEP, new_id(), row["id"], key.key_id, key.pem, key.expires_at)
        for merchant, changes in merchants:
            await witness(tx, "merchant.imported", merchant.account.code, changes)


async def record_key(merchant: Merchant, key: PlatformKey, witness: Witness) -> None:
    """Believe a key beside the present ones; a retired one of this id is believed again. Idempotent: yes, by key id."""
    async with db.transaction() as tx:
        await tx.execute(_SAVE_KEY + _REVIVE, new_id(), merchant.id, key.key_id, key.pem, key.expires_at)
        await witness(tx, "merchant.key_added", merchant.account.code, {"key_id": key.key_id})


async def record_retired(code: str, key_id: str, witness: Witness) -> int:
    """Stop believing a key at the address of an account; return how many rows that were. Idempotent: yes."""
    async with db.transaction() as tx:
        count = await tx.execute(
            f"UPDATE payment_account_key SET active = false WHERE active AND key_id = $2 AND {_AT_THE_ADDRESS}",
            code,
            key_id,
        )
        if count:
            await witness(tx, "merchant.key_retired", code, {"key_id": key_id})
    return count


async def record_enabled(code: str, enabled: bool, witness: Witness) -> bool:
    """Let an account take new orders or not; False when it was so already or there is none."""
    async with db.transaction() as tx:
        count = await tx.execute(
            "UPDATE payment_account SET enabled = $2 WHERE code = $1 AND enabled <> $2", code, enabled
        )
        if count:
            await witness(tx, "merchant.enabled" if enabled else "merchant.disabled", code, {})
    return bool(count)


async def record_certificates(account_id: uuid.UUID, keys: Sequence[PlatformKey]) -> int:
    """Keep fetched certificates beside the present ones and let go of ended ones; return how many are new.

    One that staff retired stays retired. Idempotent: yes, by serial number.
    """
    async with db.transaction() as tx:
        new = 0
        for key in keys:
            new += await tx.execute(_SAVE_KEY + _KEEP, new_id(), account_id, key.key_id, key.pem, key.expires_at)
        await tx.execute(
            "UPDATE payment_account_key SET active = false WHERE account_id = $1 AND active AND expires_at < now()",
            account_id,
        )
    return new


async def request_certificates(code: str) -> None:
    """Have the certificates of an account fetched by a job; one that waits already is enough."""
    async with db.transaction() as tx:
        tx.enqueue(FETCH_CERTIFICATES, {"code": code}, dedupe_key=f"{FETCH_CERTIFICATES}:{code}")
