"""Indexes and constraints of express delivery that models cannot say, and what former parcels say in the new columns."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0013_express")]

    initial = False

    operations = [
        ops.RunSQL(
            [
                "UPDATE shipment SET carrier = 'shunfeng',"
                " payer = CASE WHEN sender->>'pays' = 'RECEIVER' THEN 'ON_DELIVERY' ELSE 'FREE' END",
                "INSERT INTO shipment_waybill (id, created_at, shipment_id, carrier, waybill_no, kind)"
                " SELECT gen_random_uuid(), created_at, id, carrier, waybill_no, 'MAIN' FROM shipment"
                " WHERE waybill_no <> '' ON CONFLICT DO NOTHING",
                "CREATE UNIQUE INDEX shipment_task_one_open ON shipment_task (shipment_id, kind) WHERE closed_at IS NULL",
                "CREATE UNIQUE INDEX collection_one_open ON collection (subject_no)"
                " WHERE status IN ('PREPARING', 'READY')",
                "CREATE UNIQUE INDEX collection_one_in_a_box ON collection (place_code, box)"
                " WHERE status = 'READY' AND box <> ''",
                "CREATE INDEX collection_ready ON collection (keep_until) WHERE status = 'READY'",
                "CREATE INDEX shipment_task_open ON shipment_task (division_code, department_code, opened_at)"
                " WHERE closed_at IS NULL",
                "CREATE INDEX shipment_waybill_by_no ON shipment_waybill (waybill_no)",
                "CREATE UNIQUE INDEX piece_one_live ON piece (subject_no, kind, code) WHERE holder <> 'VOID'",
                "CREATE INDEX shipment_to_redact ON shipment ((COALESCE(last_event_at, created_at)))"
                " WHERE redacted_at IS NULL",
                "CREATE INDEX delivery_choice_to_redact ON delivery_choice (updated_at)"
                " WHERE receiver_cipher IS NOT NULL",
                "CREATE INDEX delivery_choice_together ON delivery_choice (together_no) WHERE together_no <> ''",
                "CREATE INDEX shipment_to_follow ON shipment (follow_after) WHERE follow_after IS NOT NULL",
                "CREATE INDEX shipment_carried ON shipment (courier, (coalesce(picked_up_at, handed_over_at)))"
                " WHERE coalesce(picked_up_at, handed_over_at) IS NOT NULL",
                "CREATE INDEX courier_statement_line_by_waybill ON courier_statement_line (waybill_no)"
                " WHERE waybill_no <> ''",
                "CREATE INDEX courier_statement_line_by_parcel ON courier_statement_line (shipment_no)"
                " WHERE shipment_no <> ''",
                "CREATE UNIQUE INDEX courier_statement_line_of_parcel ON courier_statement_line"
                " (statement_id, line, shipment_no, waybill_no)",
            ]
        ),
    ]
