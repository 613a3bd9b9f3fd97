"""Bills that nobody has paid yet are walked through by a sweep, whatever the number of those that were."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0002_partitions")]

    initial = False

    operations = [
        ops.RunSQL(["CREATE INDEX bill_unsettled ON bill (id) WHERE status IN ('UNPAID', 'PAYING')"]),
    ]
