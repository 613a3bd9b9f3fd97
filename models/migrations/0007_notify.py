"""Notices: permissions remember who told of them, a case finds what was told about it."""

from __future__ import annotations

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0006_payments")]

    initial = False

    operations = [
        ops.AlterField(
            model_name="Notice",
            name="status",
            field=fields.CharField(default="QUEUED", description="QUEUED SENT INBOX_ONLY FAILED", max_length=12),
        ),
        ops.AlterField(
            model_name="NoticeAttempt",
            name="outcome",
            field=fields.CharField(description="STARTED SENT DELIVERED REFUSED FAILED UNKNOWN LATER", max_length=16),
        ),
        ops.AddField(
            model_name="Subscription",
            name="reported_at",
            field=fields.DatetimeField(null=True, description="when the phone told of it"),
        ),
        ops.AddField(
            model_name="Subscription",
            name="pushed_at",
            field=fields.DatetimeField(null=True, description="when the platform told of it"),
        ),
        ops.RunSQL("CREATE INDEX notice_of_subject ON notice (subject_no) WHERE subject_no <> ''"),
    ]
