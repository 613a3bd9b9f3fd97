"""No courier's documents describe a picture of the signature, so parcels keep no key of one."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0014_express_indexes")]

    initial = False

    operations = [ops.RemoveField(model_name="Shipment", name="proof_key")]
