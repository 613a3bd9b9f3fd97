"""Staff of service centres and departments, their sessions, and the hash-chained audit."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.base import Table


class StaffMember(Table):
    """One member of staff with roles and scope."""

    username = fields.CharField(max_length=64, unique=True)
    display_name = fields.CharField(max_length=64)
    password_hash = fields.CharField(max_length=200)
    totp_cipher = fields.BinaryField(null=True)
    totp_last_step = fields.BigIntField(default=0, description="a code works once")
    roles = fields.JSONField(default=list)
    divisions = fields.JSONField(default=list, description="prefixes of division codes")
    departments = fields.JSONField(default=list, description="empty = every department of the divisions")
    status = fields.CharField(max_length=12, default="ACTIVE")
    failed_count = fields.IntField(default=0)
    locked_until = fields.DatetimeField(null=True)
    password_set_at = fields.DatetimeField()
    password_is_first = fields.BooleanField(
        default=False, db_default=False, description="handed out by somebody else; to be changed at once"
    )
    former_hashes = fields.JSONField(default=list, db_default="[]", description="the last passwords")
    totp_pending_cipher = fields.BinaryField(null=True, description="shown as QR, not proved yet")
    totp_set_at = fields.DatetimeField(null=True)
    signed_in_at = fields.DatetimeField(null=True)
    created_by = fields.CharField(max_length=64, default="", db_default="")
    version = fields.IntField(default=1, db_default=1)

    class Meta:
        table = "staff_member"


class StaffSession(Table):
    """One sign-in of staff; the cookie or bearer token is known by hash only."""

    staff_id = fields.UUIDField(db_index=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    csrf_token = fields.CharField(max_length=64)
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    kind = fields.CharField(
        max_length=8, default="FULL", db_default="FULL", description="FULL; SETUP may only set password and TOTP"
    )
    address = fields.CharField(max_length=64, default="", db_default="")
    agent = fields.CharField(max_length=100, default="", db_default="", description="browser, as it names itself")

    class Meta:
        table = "staff_session"


class AuditEntry(Model):
    """One act of staff. Each row's hash covers the row before it; append-only; partitioned by month."""

    seq = fields.BigIntField(primary_key=True, generated=False)
    occurred_at = fields.DatetimeField()
    actor = fields.CharField(max_length=64)
    address = fields.CharField(max_length=64, default="")
    action = fields.CharField(max_length=64)
    object_kind = fields.CharField(max_length=24)
    object_no = fields.CharField(max_length=64)
    details = fields.JSONField(default=dict)
    previous_hash = fields.CharField(max_length=64)
    entry_hash = fields.CharField(max_length=64)

    class Meta:
        table = "audit_entry"
        indexes = (("actor", "occurred_at"), ("object_no",))


class AuditHead(Model):
    """The single row that names the newest audit entry; locking it puts the chain in order."""

    id = fields.IntField(primary_key=True, generated=False)
    seq = fields.BigIntField(default=0)
    entry_hash = fields.CharField(max_length=64, default="")

    class Meta:
        table = "audit_head"


class AuditCheck(Model):
    """The single row of the check of the audit chain: how far it came, and what it found."""

    id = fields.IntField(primary_key=True, generated=False)
    status = fields.CharField(max_length=12, default="NONE", description="NONE RUNNING INTACT BROKEN")
    seq = fields.BigIntField(default=0, description="checked up to here")
    entry_hash = fields.CharField(max_length=64, default="")
    head_seq = fields.BigIntField(default=0, description="where this check ends")
    anchor_seq = fields.BigIntField(default=0, description="found intact by an earlier check; must still be there")
    anchor_hash = fields.CharField(max_length=64, default="")
    broken_at_seq = fields.BigIntField(null=True)
    reason = fields.CharField(max_length=24, default="")
    started_by = fields.CharField(max_length=64, default="")
    started_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "audit_check"
