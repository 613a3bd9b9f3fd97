"""Accounts: used phone proofs, one default address a person, and the indexes of revocation and expiry."""

from __future__ import annotations

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint


class Migration(migrations.Migration):
    dependencies = [("models", "0002_partitions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PhoneProof",
            fields=[
                ("proof_hash", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("citizen_id", fields.UUIDField()),
                ("used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "phone_proof",
                "app": "models",
                "pk_attr": "proof_hash",
                "table_description": "A phone proof that was used: Alipay's payload is the same bytes every time, so nobody else may bring it again.",
            },
            bases=["Model"],
        ),
        ops.AddConstraint(
            model_name="Address",
            constraint=UniqueConstraint(fields=("citizen_id",), name="address_one_default", condition="is_default"),
        ),
        ops.RunSQL("CREATE INDEX citizen_session_revoked ON citizen_session (revoked_at) WHERE revoked_at IS NOT NULL"),
        ops.RunSQL("CREATE INDEX citizen_session_expiry ON citizen_session (expires_at)"),
        ops.RunSQL("CREATE INDEX refresh_token_expiry ON refresh_token (expires_at)"),
        ops.RunSQL("CREATE INDEX citizen_merge_recent ON citizen_merge (created_at)"),
    ]
