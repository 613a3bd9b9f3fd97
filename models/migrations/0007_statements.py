"""A day's payments are summed from the index alone; the rows beside it hold the requests and are ten times as wide."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0006_reconciliation")]

    initial = False

    operations = [
        ops.RunSQL(
            [
                "DROP INDEX IF EXISTS payment_paid",
                (
                    "CREATE INDEX payment_paid ON payment (paid_at) INCLUDE (id, bill_id, account_id, amount_fen)"
                    " WHERE status = 'SUCCEEDED'"
                ),
            ]
        ),
    ]
