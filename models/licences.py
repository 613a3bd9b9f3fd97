"""Licences (电子证照), their one-time presentation codes and the log of every show."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.base import Table


class LicenceType(Model):
    """A kind of licence as configuration: its fields, validity, what a verifier may see, when to remind."""

    code = fields.CharField(max_length=21, primary_key=True)
    name = fields.CharField(max_length=100)
    record = fields.JSONField()
    content_hash = fields.CharField(max_length=64)

    class Meta:
        table = "licence_type"


class Licence(Table):
    """One version of an issued licence; the PDF is in the file store."""

    licence_no = fields.CharField(max_length=64, unique=True, description="number for people and URLs")
    identifier = fields.CharField(max_length=128, description="GB/T 36903 with dots")
    type_code = fields.CharField(max_length=21)
    type_name = fields.CharField(max_length=100)
    serial = fields.CharField(max_length=32)
    version = fields.IntField(default=1)
    status = fields.CharField(max_length=12, default="VALID")
    citizen_id = fields.UUIDField(db_index=True)
    holder_cipher = fields.BinaryField()
    holder_shown = fields.CharField(max_length=64)
    subject_no = fields.CharField(max_length=50, description="case it came from")
    issuer_code = fields.CharField(max_length=18)
    issuer_name = fields.CharField(max_length=128)
    enterprise_id = fields.UUIDField(null=True, db_index=True)
    content_cipher = fields.BinaryField(null=True, description="fields of its type, encrypted")
    supersedes_id = fields.UUIDField(null=True)
    superseded_at = fields.DatetimeField(null=True)
    issued_on = fields.DateField()
    expires_on = fields.DateField(null=True)
    storage_key = fields.CharField(max_length=200, default="")
    sha256 = fields.CharField(max_length=64, default="")
    seal_no = fields.CharField(max_length=64, default="", db_default="", description="of the seal's certificate")
    sealed_at = fields.DatetimeField(null=True)
    seal_evidence = fields.TextField(default="", db_default="", description="the authority's signed statement")
    reminded_on = fields.DateField(null=True)

    class Meta:
        table = "licence"
        unique_together = (("identifier",), ("subject_no", "type_code", "version"))


class LicenceChange(Table):
    """One change of a licence's status or version: what, by whom, why. Append-only."""

    licence_id = fields.UUIDField(db_index=True)
    change = fields.CharField(max_length=16)
    from_status = fields.CharField(max_length=12)
    to_status = fields.CharField(max_length=12)
    reason = fields.CharField(max_length=500, default="")
    actor = fields.CharField(max_length=64)

    class Meta:
        table = "licence_change"


class Presentation(Table):
    """A one-time code (亮证码) that a holder shows; by hash only."""

    licence_id = fields.UUIDField(db_index=True)
    citizen_id = fields.UUIDField()
    code_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()
    in_advance = fields.BooleanField(
        default=True, db_default=True, description="the holder consents to the least by showing it"
    )
    used_at = fields.DatetimeField(null=True)
    verifier = fields.CharField(max_length=64, default="", db_default="")
    purpose = fields.CharField(max_length=100, default="", db_default="")
    asked_fields = fields.JSONField(default=list, db_default="[]")
    verifier_hash = fields.CharField(
        max_length=64, default="", db_default="", description="of the token that fetches the answer"
    )
    consented_at = fields.DatetimeField(null=True)
    refused_at = fields.DatetimeField(null=True)
    fetched_at = fields.DatetimeField(null=True)

    class Meta:
        table = "presentation"


class LicenceShow(Table):
    """One look at a licence, logged for its holder."""

    licence_id = fields.UUIDField(db_index=True)
    kind = fields.CharField(
        max_length=16, description="PRESENTED, ASKED, CONSENTED, REFUSED, VERIFIED, DOWNLOADED, COPIED"
    )
    by_shown = fields.CharField(max_length=64)
    purpose = fields.CharField(max_length=100, default="", db_default="")

    class Meta:
        table = "licence_show"
