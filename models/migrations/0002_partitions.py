"""What models cannot say: monthly partitions, partial indexes, the search column, the head of the audit chain."""

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


_STATEMENTS = (
    "INSERT INTO audit_head (id, seq, entry_hash) VALUES (1, 0, '')",
    "CREATE INDEX payment_to_ask ON payment (ask_after) WHERE ask_after IS NOT NULL",
    "CREATE INDEX refund_to_ask ON refund (ask_after) WHERE ask_after IS NOT NULL",
    "CREATE INDEX shipment_to_ask ON shipment (ask_after) WHERE ask_after IS NOT NULL",
    "CREATE INDEX citizen_session_revoked ON citizen_session (revoked_at) WHERE revoked_at IS NOT NULL",
    "CREATE INDEX citizen_session_expiry ON citizen_session (expires_at)",
    "CREATE INDEX refresh_token_expiry ON refresh_token (expires_at)",
    "CREATE INDEX citizen_merge_recent ON citizen_merge (created_at)",
    "ALTER TABLE service_item ADD COLUMN lexemes tsvector GENERATED ALWAYS AS (array_to_tsvector(string_to_array(search_text, ' '))) STORED",
    "CREATE INDEX service_item_lexemes ON service_item USING gin (lexemes) WHERE status = 'PUBLISHED'",
    "CREATE INDEX service_item_topics ON service_item USING gin (topics jsonb_path_ops) WHERE status = 'PUBLISHED'",
    "CREATE INDEX application_open ON application (id) INCLUDE (status, division_code, department_code) WHERE status NOT IN ('DRAFT', 'CLOSED')",
    "CREATE INDEX application_received ON application (received_at) WHERE status = 'SUBMITTED'",
    "CREATE INDEX application_correction_due ON application (correction_due_at) WHERE status = 'CORRECTION'",
    "CREATE INDEX application_draft_age ON application (updated_at) WHERE status = 'DRAFT'",
    "CREATE INDEX application_provisional ON application (id) WHERE due_is_provisional",
    "CREATE INDEX application_material_upload ON application_material (upload_id)",
    "CREATE INDEX payment_by_provider_no ON payment (provider_trade_no) WHERE provider_trade_no <> ''",
    "CREATE INDEX notice_of_subject ON notice (subject_no) WHERE subject_no <> ''",
)


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    initial = False

    operations = [
        ops.RunSQL([sql for table, plan in _TABLES.items() for sql in _partitioned(table, *plan)] + list(_STATEMENTS)),
    ]
