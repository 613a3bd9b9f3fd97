"""The collecting body of a bill as it is printed; what the hourly check of the ledger looks up by time."""

from __future__ import annotations

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0004_payments_in_depth")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Bill",
            name="agency_name",
            field=fields.CharField(default="", db_default="", description="collecting body (执收单位)", max_length=100),
        ),
        ops.RunSQL(
            [
                "CREATE INDEX bill_confirmed ON bill (confirmed_at) WHERE confirmed_at IS NOT NULL",
                "CREATE INDEX refund_reversed ON refund (reversed_at) WHERE reversed_at IS NOT NULL",
            ]
        ),
    ]
