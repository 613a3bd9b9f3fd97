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
    package_no = fields.CharField(
        max_length=50, default="", db_default="", description="the package case (一件事) it is a part of"
    )
    enterprise_id = fields.UUIDField(null=True, description="the enterprise for which citizen_id files")
    agent_id = fields.UUIDField(null=True, description="the citizen who acts for citizen_id or the enterprise")
    mandate_id = fields.UUIDField(null=True, description="by which authority the agent acts")
    assisted_by = fields.CharField(
        max_length=64, default="", db_default="", description="member of staff who helped to file (帮办)"
    )
    item_code = fields.CharField(max_length=64)
    item_version = fields.IntField()
    item_name = fields.CharField(max_length=200)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18)
    intake_division_code = fields.CharField(
        max_length=12, default="", db_default="", description="受理地: where it was handed in"
    )
    officer = fields.CharField(max_length=64, default="", db_default="", description="username of who has claimed it")
    claimed_at = fields.DatetimeField(null=True)
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
    due_soon_on = fields.DateField(null=True, description="from this day on the promised day is near (yellow card)")
    due_is_provisional = fields.BooleanField(default=False)
    extension_days = fields.IntField(
        default=0, db_default=0, description="working days added to both due days by decision (延长审批)"
    )
    overdue_reason = fields.CharField(max_length=500, default="", db_default="", description="told to the citizen")
    corrections = fields.IntField(default=0, db_default=0, description="correction notices so far; the law knows one")
    correction_points = fields.JSONField(default=list, db_default="[]", description="what the last notice lists")
    person_asked_at = fields.DatetimeField(null=True, description="the citizen wants a person to decide")
    rated_at = fields.DatetimeField(null=True)
    draft_reminded_at = fields.DatetimeField(null=True, description="when its end was told; void once it is touched")
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "application"
        indexes = (
            ("citizen_id", "id"),
            ("division_code", "status", "id"),
            ("status", "promised_due_on"),
            ("department_code", "updated_at", "id"),
        )


class ApplicationPause(Table):
    """One interval that is not counted (特别程序); the due dates are computed from these rows."""

    application_id = fields.UUIDField(db_index=True)
    name = fields.CharField(max_length=100)
    reason = fields.CharField(max_length=500, default="", db_default="")
    expected_days = fields.IntField(null=True, description="working days that it should take, as told in writing")
    result = fields.CharField(max_length=500, default="", db_default="")
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
    """One material of a case and what satisfies it: a file, a licence, an earlier material, a promise, later supply."""

    application_id = fields.UUIDField(db_index=True)
    material_code = fields.CharField(max_length=64)
    material_name = fields.CharField(max_length=200, default="", db_default="")
    page = fields.IntField(default=1)
    source = fields.CharField(
        max_length=12, default="UPLOAD", db_default="UPLOAD", description="UPLOAD LICENCE SHARED EARLIER PROMISE LATER"
    )
    upload_id = fields.UUIDField(null=True)
    reference = fields.CharField(
        max_length=64, default="", db_default="", description="licence or earlier case it comes from"
    )
    reference_hash = fields.CharField(
        max_length=64, default="", db_default="", description="digest of what was seen there"
    )
    seen_at = fields.DatetimeField(null=True, description="when the licence or the shared data was looked at")
    due_on = fields.DateField(null=True, description="by when it is supplied (容缺受理)")
    supplied_at = fields.DatetimeField(null=True)

    class Meta:
        table = "application_material"
        unique_together = (("application_id", "material_code", "page"),)
        indexes = (("upload_id",), ("source", "due_on"))


class Upload(Table):
    """A file that a citizen sent, re-encoded and named by its digest; readable by its owner and the staff in charge."""

    citizen_id = fields.UUIDField(db_index=True)
    purpose = fields.CharField(max_length=32)
    content_type = fields.CharField(max_length=64)
    size_bytes = fields.IntField()
    sha256 = fields.CharField(max_length=64)
    storage_key = fields.CharField(max_length=200)
    pages = fields.IntField(default=1, db_default=1)
    scanned_at = fields.DatetimeField(null=True, description="when the virus scan let it pass")

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
