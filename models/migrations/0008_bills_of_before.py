"""Bills from before there was a fiscal platform: it issues their codes now, and confirms those that were paid."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0007_statements")]

    initial = False

    operations = [
        ops.RunSQL(
            [
                # Made up here and unknown there. Such bills name no collecting body; issuing twice is issuing once.
                (
                    "UPDATE bill SET payment_code = NULL WHERE agency_name = '' AND confirmed_at IS NULL"
                    " AND status <> 'VOID'"
                ),
                (
                    "UPDATE bill SET fiscal_ask_after = now() WHERE status IN ('PAID', 'REFUNDING')"
                    " AND confirmed_at IS NULL AND fiscal_ask_after IS NULL"
                ),
            ]
        ),
    ]
