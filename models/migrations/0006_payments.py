"""Payments: cashiers find a payment by the provider's own number."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_cases")]

    initial = False

    operations = [
        ops.RunSQL("CREATE INDEX payment_by_provider_no ON payment (provider_trade_no) WHERE provider_trade_no <> ''"),
    ]
