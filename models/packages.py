"""Package cases (一件事): one merged form and one submission, with a part for every department."""

from __future__ import annotations

from tortoise import fields

from models.base import Table


class PackageCase(Table):
    """One package that a citizen files; its parts become applications of their own."""

    package_no = fields.CharField(max_length=50, unique=True)
    citizen_id = fields.UUIDField()
    provider = fields.CharField(max_length=16)
    package_code = fields.CharField(max_length=64)
    package_version = fields.IntField()
    package_name = fields.CharField(max_length=200)
    division_code = fields.CharField(max_length=12)
    status = fields.CharField(max_length=16, default="DRAFT", description="DRAFT, HANDLING, DELIVERING, CLOSED")
    version = fields.IntField(default=1)
    form = fields.JSONField(default=dict)
    form_cipher = fields.BinaryField(null=True)
    materials = fields.JSONField(default=list)
    chosen = fields.JSONField(default=list, description="optional items that the citizen added")
    reason = fields.CharField(max_length=200, default="", description="of the withdrawal")
    submitted_at = fields.DatetimeField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    promised_due_on = fields.DateField(null=True)
    rated_at = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "package_case"
        indexes = (("citizen_id", "id"), ("status", "updated_at"))


class PackagePart(Table):
    """One item of a package case: what it waits for, and the application that it became."""

    package_case_id = fields.UUIDField()
    item_code = fields.CharField(max_length=64)
    position = fields.IntField()
    depends_on = fields.JSONField(default=list)
    status = fields.CharField(
        max_length=12, default="WAITING", description="WAITING, ASKED, STARTED, DONE, FAILED, SKIPPED"
    )
    application_no = fields.CharField(max_length=50, null=True, unique=True)

    class Meta:
        table = "package_part"
        unique_together = (("package_case_id", "item_code"),)
