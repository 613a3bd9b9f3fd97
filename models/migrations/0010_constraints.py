"""The constraints of the models' tables: the library leaves them out when it makes a table together with them.

What a former release may have left behind is put right where that is safe; money and people are for a person, so two
open orders of one bill or two citizens of one ID number stop the migration and are named by number, not by content.
"""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops

_REFUSE = """DO $$
DECLARE found text;
BEGIN
    SELECT string_agg({shown}, ', ') INTO found FROM (
        SELECT {key} FROM {table} WHERE {condition} GROUP BY {key} HAVING count(*) > 1 LIMIT 20) twice;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION '{sentence}: %', found;
    END IF;
END $$"""
_OPEN = "status IN ('CREATED', 'AWAITING')"
_UNIQUE = (
    ("payment_one_open_per_bill", "payment (bill_id)", _OPEN),
    ("citizen_one_per_id_number", "citizen (id_number_hash)", "status <> 'MERGED'"),
    ("address_one_default", "address (citizen_id)", "is_default"),
    ("service_item_one_published", "service_item (item_code)", "status = 'PUBLISHED'"),
    ("application_pause_one_open", "application_pause (application_id)", "ended_at IS NULL"),
)
_POSITIVE = ("bill", "payment", "refund")


class Migration(migrations.Migration):
    dependencies = [("models", "0009_applications_in_depth")]

    initial = False

    operations = [
        ops.RunSQL(
            [
                _REFUSE.format(
                    shown="bill_id::text",
                    key="bill_id",
                    table="payment",
                    condition=_OPEN,
                    sentence="bills with two open orders; close all but one of each with run.py payments ask",
                ),
                _REFUSE.format(
                    shown="left(id_number_hash, 8)",
                    key="id_number_hash",
                    table="citizen",
                    condition="status <> 'MERGED' AND id_number_hash IS NOT NULL",
                    sentence="citizens who proved the same ID number; merge them first",
                ),
                (
                    "UPDATE address a SET is_default = false WHERE is_default AND EXISTS (SELECT 1 FROM address b"
                    " WHERE b.citizen_id = a.citizen_id AND b.is_default AND b.id > a.id)"
                ),
                (
                    "UPDATE service_item a SET status = 'WITHDRAWN' WHERE status = 'PUBLISHED' AND EXISTS (SELECT 1"
                    " FROM service_item b WHERE b.item_code = a.item_code AND b.status = 'PUBLISHED'"
                    " AND b.version > a.version)"
                ),
                (
                    "UPDATE application_pause a SET ended_at = b.begun_at FROM application_pause b"
                    " WHERE a.ended_at IS NULL AND b.application_id = a.application_id AND b.ended_at IS NULL"
                    " AND b.id > a.id"
                ),
                *(
                    f"CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {columns} WHERE {condition}"
                    for name, columns, condition in _UNIQUE
                ),
                *(
                    f"ALTER TABLE {table} ADD CONSTRAINT {table}_amount_positive CHECK (amount_fen > 0)"
                    for table in _POSITIVE
                ),
            ]
        ),
    ]
