"""One run a day of an account, held by the database."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_collecting_body")]

    initial = False

    operations = [
        ops.RunSQL(
            [
                # Named in the model since 0004, but a table that is made with it does not get it.
                "CREATE UNIQUE INDEX IF NOT EXISTS reconciliation_run_once_a_day"
                " ON reconciliation_run (account_code, business_on)",
            ]
        ),
    ]
