"""Tables that grow without end become partitioned by month; the audit chain gets its first row."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops

_TABLES = {
    "timeline_entry": (
        "occurred_at",
        "id, occurred_at",
        (
            "CREATE UNIQUE INDEX timeline_entry_once ON timeline_entry (application_id, dedupe_key, occurred_at)",
            "CREATE INDEX timeline_entry_of_application ON timeline_entry (application_id, occurred_at)",
        ),
    ),
    "notice": (
        "occurred_at",
        "id, occurred_at",
        (
            "CREATE UNIQUE INDEX notice_once ON notice (dedupe_key, occurred_at)",
            "CREATE INDEX notice_of_citizen ON notice (citizen_id, id DESC)",
            "CREATE INDEX notice_to_try ON notice (next_try_at) WHERE next_try_at IS NOT NULL",
        ),
    ),
    "notice_attempt": (
        "created_at",
        "id, created_at",
        (
            "CREATE INDEX notice_attempt_of_notice ON notice_attempt (notice_id, created_at)",
            "CREATE INDEX notice_attempt_by_message ON notice_attempt (provider_message_no)"
            " WHERE provider_message_no <> ''",
        ),
    ),
    "tracking_event": (
        "occurred_at",
        "id, occurred_at",
        (
            "CREATE UNIQUE INDEX tracking_event_once ON tracking_event (shipment_id, event_key, occurred_at)",
            "CREATE INDEX tracking_event_of_shipment ON tracking_event (shipment_id, occurred_at)",
        ),
    ),
    "inbox_event": (
        "occurred_at",
        "id, occurred_at",
        (
            "CREATE UNIQUE INDEX inbox_event_once ON inbox_event (provider, event_key, occurred_at)",
            "CREATE INDEX inbox_event_by_reference ON inbox_event (reference_no)",
        ),
    ),
    "audit_entry": (
        "occurred_at",
        "seq, occurred_at",
        (
            "CREATE INDEX audit_entry_by_actor ON audit_entry (actor, occurred_at)",
            "CREATE INDEX audit_entry_by_object ON audit_entry (object_no)",
        ),
    ),
}


def _partitioned(table: str, by: str, key: str, indexes: tuple[str, ...]) -> list[str]:
    return [
        f"CREATE TABLE {table}_partitioned (LIKE {table} INCLUDING DEFAULTS INCLUDING COMMENTS) PARTITION BY RANGE ({by})",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table}_partitioned RENAME TO {table}",
        f"ALTER TABLE {table} ADD PRIMARY KEY ({key})",
        f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT",
        *indexes,
    ]


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    initial = False

    operations = [
        *(ops.RunSQL(sql) for table, plan in _TABLES.items() for sql in _partitioned(table, *plan)),
        ops.RunSQL("INSERT INTO audit_head (id, seq, entry_hash) VALUES (1, 0, '')"),
        ops.RunSQL("CREATE INDEX payment_to_ask ON payment (ask_after) WHERE ask_after IS NOT NULL"),
        ops.RunSQL("CREATE INDEX refund_to_ask ON refund (ask_after) WHERE ask_after IS NOT NULL"),
        ops.RunSQL("CREATE INDEX shipment_to_ask ON shipment (ask_after) WHERE ask_after IS NOT NULL"),
    ]
