"""The queries of the rules: reading them, and writing one line with the record of who changed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from app import db
from app.ids import new_id
from services.delivery.rules.types import CourierLine, PostageLine

_SAVE_COURIER = """
INSERT INTO courier_rule (id, created_at, updated_at, rule_code, position, division_code, to_division_code, leg, level,
                          courier, carrier, product, cost_fen, days, enabled, changed_by)
VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (rule_code) DO UPDATE SET position = EXCLUDED.position, division_code = EXCLUDED.division_code,
    to_division_code = EXCLUDED.to_division_code, leg = EXCLUDED.leg, level = EXCLUDED.level,
    courier = EXCLUDED.courier, carrier = EXCLUDED.carrier, product = EXCLUDED.product, cost_fen = EXCLUDED.cost_fen,
    days = EXCLUDED.days, enabled = EXCLUDED.enabled, changed_by = EXCLUDED.changed_by,
    updated_at = EXCLUDED.updated_at
WHERE EXCLUDED.changed_by <> '' OR courier_rule.changed_by = ''
"""
"""A line that an administrator has changed is not taken back by the data file."""
_SAVE_POSTAGE = """
INSERT INTO postage_rule (id, created_at, updated_at, rule_code, position, division_code, item_code, leg, level, payers,
                          postage_fen, enabled, changed_by)
VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10, $11, $12)
ON CONFLICT (rule_code) DO UPDATE SET position = EXCLUDED.position, division_code = EXCLUDED.division_code,
    item_code = EXCLUDED.item_code, leg = EXCLUDED.leg, level = EXCLUDED.level, payers = EXCLUDED.payers,
    postage_fen = EXCLUDED.postage_fen, enabled = EXCLUDED.enabled, changed_by = EXCLUDED.changed_by,
    updated_at = EXCLUDED.updated_at
WHERE EXCLUDED.changed_by <> '' OR postage_rule.changed_by = ''
"""
Record = Callable[[db.Transaction], Awaitable[None]]


async def list_courier_rules() -> Sequence[db.Row]:
    """Return the lines of the choice of courier in their order."""
    return await db.fetch_all(
        "SELECT rule_code, position, division_code, to_division_code, leg, level, courier, carrier, product, cost_fen,"
        " days, enabled, changed_by, updated_at FROM courier_rule ORDER BY position, cost_fen, rule_code LIMIT 1000"
    )


async def list_postage_rules() -> Sequence[db.Row]:
    """Return the lines of who pays in their order."""
    return await db.fetch_all(
        "SELECT rule_code, position, division_code, item_code, leg, level, payers::text AS payers, postage_fen,"
        " enabled, changed_by, updated_at FROM postage_rule ORDER BY position, rule_code LIMIT 1000"
    )


async def save_courier_rule(rule: CourierLine, changed_by: str, at: datetime, record: Record) -> None:
    """Write one line of the choice of courier, with its record. Idempotent: yes, by code."""
    async with db.transaction() as tx:
        await tx.execute(_SAVE_COURIER, new_id(), at, *_courier_values(rule), changed_by)
        await record(tx)


async def save_postage_rule(rule: PostageLine, changed_by: str, at: datetime, record: Record) -> None:
    """Write one line of who pays, with its record. Idempotent: yes, by code."""
    async with db.transaction() as tx:
        await tx.execute(_SAVE_POSTAGE, new_id(), at, *_postage_values(rule), changed_by)
        await record(tx)


async def load(couriers: Sequence[CourierLine], postage: Sequence[PostageLine], at: datetime) -> None:
    """Write the lines of the data files; what administrators changed stays. Idempotent."""
    async with db.transaction() as tx:
        await tx.execute_many(_SAVE_COURIER, [(new_id(), at, *_courier_values(rule), "") for rule in couriers])
        await tx.execute_many(_SAVE_POSTAGE, [(new_id(), at, *_postage_values(rule), "") for rule in postage])


def _courier_values(rule: CourierLine) -> tuple[object, ...]:
    return (
        rule.rule_code,
        rule.position,
        rule.division_code,
        rule.to_division_code,
        rule.leg,
        rule.level,
        rule.courier,
        rule.carrier,
        rule.product,
        rule.cost_fen,
        rule.days,
        rule.enabled,
    )


def _postage_values(rule: PostageLine) -> tuple[object, ...]:
    return (
        rule.rule_code,
        rule.position,
        rule.division_code,
        rule.item_code,
        rule.leg,
        rule.level,
        db.json_text(rule.payers),
        rule.postage_fen,
        rule.enabled,
    )
