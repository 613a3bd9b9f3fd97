"""Applications (办件) with materials, uploads and the append-only timeline."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from app.ids import new_id
from models.base import Table


class Application(Table):
    """One case. `form` holds the answers that are not sensitive, `form_cipher` the sensitive ones, encrypted as one."""

    application_no = fields.CharField(max_length=50, unique=True)
    citizen_id = fields.UUIDField()
    provider = fields.CharField(max_length=16, description="where it was filed: WECHAT, ALIPAY, WINDOW")
    item_code = fields.CharField(max_length=64)
    item_version = fields.IntField()
    item_name = fields.CharField(max_length=200)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18)
    status = fields.CharField(max_length=16, default="DRAFT")
    outcome = fields.CharField(max_length=16, default="")
    version = fields.IntField(default=1)
    form = fields.JSONField(default=dict)
    form_cipher = fields.BinaryField(null=True)
    applicant_shown = fields.CharField(max_length=64, default="", description="masked name for staff lists")
    fee_fen = fields.BigIntField(default=0)
    fee_paid_at = fields.DatetimeField(null=True)
    reason = fields.CharField(max_length=500, default="", description="of correction, refusal or termination")
    submitted_at = fields.DatetimeField(null=True)
    received_at = fields.DatetimeField(null=True, description="when the materials last came in; five days run from it")
    correction_due_at = fields.DatetimeField(null=True, description="when a case in correction ends by silence")
    accepted_at = fields.DatetimeField(null=True)
    decided_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    promised_due_on = fields.DateField(null=True)
    legal_due_on = fields.DateField(null=True)
    due_is_provisional = fields.BooleanField(default=False)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "application"
        indexes = (
            ("citizen_id", "id"),
            ("division_code", "status", "id"),
            ("status", "promised_due_on"),
        )


class ApplicationPause(Table):
    """One interval that is not counted (特别程序); the due dates are computed from these rows."""

    application_id = fields.UUIDField(db_index=True)
    name = fields.CharField(max_length=100)
    begun_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "application_pause"
        constraints = (
            UniqueConstraint(
                fields=("application_id",), name="application_pause_one_open", condition="ended_at IS NULL"
            ),
        )


class ApplicationMaterial(Table):
    """One material of a case, satisfied by an upload."""

    application_id = fields.UUIDField(db_index=True)
    material_code = fields.CharField(max_length=64)
    page = fields.IntField(default=1)
    upload_id = fields.UUIDField()

    class Meta:
        table = "application_material"
        unique_together = (("application_id", "material_code", "page"),)


class Upload(Table):
    """A file that a citizen sent, re-encoded and named by its digest; readable by its owner and the staff in charge."""

    citizen_id = fields.UUIDField(db_index=True)
    purpose = fields.CharField(max_length=32)
    content_type = fields.CharField(max_length=64)
    size_bytes = fields.IntField()
    sha256 = fields.CharField(max_length=64)
    storage_key = fields.CharField(max_length=200)

    class Meta:
        table = "upload"


class TimelineEntry(Model):
    """One step of a case: what, when, who, and what the citizen was told. Append-only; partitioned by month."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    occurred_at = fields.DatetimeField()
    application_id = fields.UUIDField()
    event = fields.CharField(max_length=64)
    from_status = fields.CharField(max_length=16, default="")
    to_status = fields.CharField(max_length=16, default="")
    title = fields.CharField(max_length=64, description="Chinese, for the citizen")
    told = fields.CharField(max_length=500, default="", description="what the citizen was told")
    actor_kind = fields.CharField(max_length=12, description="CITIZEN, STAFF, SYSTEM, PROVIDER")
    actor_id = fields.CharField(max_length=64, default="")
    actor_shown = fields.CharField(max_length=64, default="")
    dedupe_key = fields.CharField(max_length=128)

    class Meta:
        table = "timeline_entry"
        unique_together = (("application_id", "dedupe_key", "occurred_at"),)
        indexes = (("application_id", "occurred_at"),)
