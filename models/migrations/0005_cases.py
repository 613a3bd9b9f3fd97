"""Cases: fee, receipt and correction times, pauses; parcels: first booking try, confirmed events; indexes of sweeps."""

from __future__ import annotations

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from app.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0004_catalogue")]

    initial = False

    operations = [
        ops.AddField(model_name="Application", name="fee_paid_at", field=fields.DatetimeField(null=True)),
        ops.AddField(
            model_name="Application",
            name="received_at",
            field=fields.DatetimeField(
                null=True, description="when the materials last came in; five days run from it"
            ),
        ),
        ops.AddField(
            model_name="Application",
            name="correction_due_at",
            field=fields.DatetimeField(null=True, description="when a case in correction ends by silence"),
        ),
        ops.CreateModel(
            name="ApplicationPause",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("application_id", fields.UUIDField(db_index=True)),
                ("name", fields.CharField(max_length=100)),
                ("begun_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "application_pause",
                "app": "models",
                "pk_attr": "id",
                "constraints": [
                    UniqueConstraint(
                        fields=("application_id",), name="application_pause_one_open", condition="ended_at IS NULL"
                    )
                ],
                "table_description": "One interval that is not counted (特别程序); the due dates are computed from these rows.",
            },
            bases=["Table"],
        ),
        ops.AddField(
            model_name="Shipment",
            name="booking_tried_at",
            field=fields.DatetimeField(null=True, description="set before the first try: later ones ask first"),
        ),
        ops.AddField(
            model_name="TrackingEvent",
            name="confirmed",
            field=fields.BooleanField(default=False, description="heard by our own question, not only by a push"),
        ),
        ops.RunSQL(
            "CREATE INDEX application_open ON application (id) INCLUDE (status, division_code, department_code)"
            " WHERE status NOT IN ('DRAFT', 'CLOSED')"
        ),
        ops.RunSQL("CREATE INDEX application_received ON application (received_at) WHERE status = 'SUBMITTED'"),
        ops.RunSQL(
            "CREATE INDEX application_correction_due ON application (correction_due_at) WHERE status = 'CORRECTION'"
        ),
        ops.RunSQL("CREATE INDEX application_draft_age ON application (updated_at) WHERE status = 'DRAFT'"),
        ops.RunSQL("CREATE INDEX application_provisional ON application (id) WHERE due_is_provisional"),
        ops.RunSQL("CREATE INDEX application_material_upload ON application_material (upload_id)"),
    ]
