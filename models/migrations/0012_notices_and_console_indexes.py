"""Indexes of notices, campaigns and the console that models cannot say."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0011_notices_and_console")]

    initial = False

    operations = [
        ops.RunSQL(
            [
                "DROP INDEX notice_to_try",
                "CREATE INDEX notice_to_try ON notice (next_try_at) WHERE next_try_at IS NOT NULL AND campaign_id IS NULL",
                "CREATE INDEX notice_of_campaign_to_try ON notice (campaign_id, next_try_at)"
                " WHERE next_try_at IS NOT NULL AND campaign_id IS NOT NULL",
                "CREATE INDEX notice_of_campaign ON notice (campaign_id, status, id) WHERE campaign_id IS NOT NULL",
                "CREATE INDEX notice_failed ON notice (occurred_at DESC) WHERE status = 'FAILED'",
                "CREATE INDEX consultation_message_to_send ON consultation_message (created_at)"
                " WHERE delivery IN ('QUEUED', 'SENDING')",
                "CREATE INDEX consultation_waiting ON consultation (division_code, asked_at) WHERE status = 'OPEN'",
                "CREATE INDEX subscription_held ON subscription (notice_id) WHERE status = 'HELD'",
                "CREATE INDEX provider_minute_recent ON provider_minute (minute_at)",
                "CREATE INDEX citizen_merged_into ON citizen (merged_into_id) WHERE merged_into_id IS NOT NULL",
                "CREATE INDEX audit_entry_by_action ON audit_entry (action text_pattern_ops, seq)",
                "UPDATE shipment s SET division_code = a.division_code, department_code = a.department_code"
                " FROM application a WHERE a.application_no = s.subject_no",
                "UPDATE shipment s SET division_code = p.division_code FROM package_case p"
                " WHERE p.package_no = s.subject_no",
                "CREATE INDEX shipment_on_board ON shipment (status, division_code, department_code, updated_at)",
                "CREATE INDEX audit_entry_by_moment ON audit_entry (occurred_at, seq)",
                "CREATE INDEX application_submitted_day ON application (submitted_at)"
                " INCLUDE (division_code, department_code) WHERE submitted_at IS NOT NULL",
                "CREATE INDEX application_decided_day ON application (decided_at)"
                " INCLUDE (division_code, department_code) WHERE decided_at IS NOT NULL",
                "CREATE INDEX notice_attempt_day ON notice_attempt USING brin (created_at)",
                "CREATE INDEX consultation_of_case ON consultation (application_no) WHERE application_no <> ''",
            ]
        ),
    ]
