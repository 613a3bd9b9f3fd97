"""Department systems (部门业务系统): who they are, what they have sent, what waits to be sent to them."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.base import Table


class DepartmentSystem(Table):
    """One system that pulls cases and pushes their progress, with the departments it may see."""

    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)
    departments = fields.JSONField(default=list)
    item_codes = fields.JSONField(default=list, description="empty = every item of its departments")
    event_url = fields.CharField(max_length=300, default="", description="where events go; empty = it pulls only")
    status = fields.CharField(max_length=12, default="ACTIVE")

    class Meta:
        table = "department_system"


class SystemKey(Table):
    """One key of a system, for its requests or for our events to it, never both; several at once while keys change."""

    key_id = fields.CharField(max_length=64, unique=True)
    system_id = fields.UUIDField(db_index=True)
    algorithm = fields.CharField(max_length=16, description="hmac-sha256, ed25519")
    secret_cipher = fields.BinaryField(null=True, description="shared secret or own private key, encrypted")
    public_key = fields.TextField(default="", description="PEM of an Ed25519 key")
    signs_events = fields.BooleanField(default=False, description="whether our events to it are signed with this")
    retired_at = fields.DatetimeField(null=True)

    class Meta:
        table = "system_key"


class SystemNonce(Model):
    """A nonce that a system has used; the same again is a replay."""

    key = fields.CharField(max_length=128, primary_key=True, description="key id and nonce")
    used_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "system_nonce"


class SystemMessage(Table):
    """One of the three case messages (受理, 过程, 结果) that a system pushed, once by its own number."""

    system_id = fields.UUIDField()
    message_no = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=12, description="ACCEPTANCE, PROCESS, RESULT")
    application_no = fields.CharField(max_length=50, db_index=True)
    content = fields.JSONField()
    content_sha256 = fields.CharField(max_length=64)
    outcome = fields.CharField(max_length=64, default="", description="status of the case after it")
    answer = fields.JSONField(default=dict, description="what was answered; the same message gets it again")

    class Meta:
        table = "system_message"
        unique_together = (("system_id", "message_no"),)


class SystemEvent(Table):
    """One event for a system: waiting, sent, or given up after the last try."""

    system_id = fields.UUIDField()
    event_no = fields.CharField(max_length=64, unique=True)
    kind = fields.CharField(max_length=48)
    subject_no = fields.CharField(max_length=50)
    content = fields.JSONField()
    occurred_at = fields.DatetimeField(description="when it happened; events of one case go out in this order")
    status = fields.CharField(max_length=12, default="WAITING", description="WAITING, SENT, FAILED, SKIPPED")
    attempts = fields.IntField(default=0)
    next_try_at = fields.DatetimeField()
    first_tried_at = fields.DatetimeField(null=True, description="tries end a day after it")
    sent_at = fields.DatetimeField(null=True)
    last_error = fields.CharField(max_length=200, default="")

    class Meta:
        table = "system_event"
        indexes = (("status", "next_try_at"), ("system_id", "subject_no", "occurred_at"))
