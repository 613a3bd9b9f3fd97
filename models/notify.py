"""Notices to people: templates, notices with their tries, and the stock of subscription permissions."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from app.ids import new_id
from models.base import Table


class NoticeTemplate(Table):
    """What one event tells a person, per channel; a new version is a new row."""

    code = fields.CharField(max_length=64, description="event name it answers, as application.accepted")
    version = fields.IntField(default=1)
    title = fields.CharField(max_length=64)
    inbox_text = fields.CharField(max_length=500, description="with {variables}")
    channels = fields.JSONField(default=list, description="order of tries, as [WECHAT, ALIPAY, SMS]")
    bindings = fields.JSONField(default=dict, description="channel → template id, fields, page")
    statutory = fields.BooleanField(default=False, description="cannot be switched off")
    status = fields.CharField(
        max_length=12, default="ENABLED", db_default="ENABLED", description="DRAFT, ENABLED, RETIRED"
    )
    used_for = fields.CharField(
        max_length=12, default="EVENT", db_default="EVENT", description="EVENT, PUSH (one person), CAMPAIGN (many)"
    )
    topic = fields.CharField(
        max_length=16, default="case", db_default="case", description="what people can switch off together"
    )
    urgent = fields.BooleanField(default=False, db_default=False, description="also at night")
    on_unknown = fields.CharField(
        max_length=12, default="REPEAT", db_default="REPEAT", description="after a time-out: REPEAT, NEXT, STOP"
    )
    lifetime_hours = fields.IntField(null=True, description="not worth telling afterwards")
    variables = fields.JSONField(default=list, db_default="[]", description="name, title, sample, longest")
    edited_by = fields.CharField(max_length=64, default="", db_default="")
    edited_at = fields.DatetimeField(null=True)
    enabled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notice_template"
        unique_together = (("code", "version"),)
        constraints = (
            UniqueConstraint(fields=("code",), name="notice_template_one_enabled", condition="status = 'ENABLED'"),
        )


class Notice(Model):
    """One thing to tell one person; it is also the line in the in-app inbox. Partitioned by month."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    occurred_at = fields.DatetimeField(description="of the event; part of the dedupe key")
    created_at = fields.DatetimeField(auto_now_add=True)
    dedupe_key = fields.CharField(max_length=160)
    citizen_id = fields.UUIDField()
    template_code = fields.CharField(max_length=64)
    template_version = fields.IntField()
    title = fields.CharField(max_length=64)
    text = fields.CharField(max_length=500)
    variables = fields.JSONField(default=dict)
    subject_kind = fields.CharField(max_length=16, default="")
    subject_no = fields.CharField(max_length=50, default="")
    status = fields.CharField(
        max_length=12, default="QUEUED", description="QUEUED SENT INBOX_ONLY FAILED SUPPRESSED EXPIRED"
    )
    reason = fields.CharField(max_length=32, default="", db_default="", description="why not sent")
    campaign_id = fields.UUIDField(null=True, description="the mass push it belongs to")
    pushed_by = fields.CharField(max_length=64, default="", db_default="", description="member of staff who sent it")
    expires_at = fields.DatetimeField(null=True, description="when it is not worth telling any more")
    sent_channel = fields.CharField(max_length=12, default="")
    next_try_at = fields.DatetimeField(null=True)
    tries = fields.IntField(default=0)
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notice"
        unique_together = (("dedupe_key", "occurred_at"),)
        indexes = (("citizen_id", "id"), ("next_try_at",))


class NoticeAttempt(Model):
    """One try on one channel. Partitioned by month."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    created_at = fields.DatetimeField(auto_now_add=True)
    notice_id = fields.UUIDField()
    channel = fields.CharField(max_length=12)
    number = fields.IntField()
    outcome = fields.CharField(max_length=16, description="STARTED SENT DELIVERED REFUSED FAILED UNKNOWN LATER")
    provider_code = fields.CharField(max_length=64, default="")
    provider_message_no = fields.CharField(max_length=64, default="")
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notice_attempt"
        indexes = (("notice_id", "created_at"), ("provider_message_no",))


class Subscription(Table):
    """One permission to send: a one-time permission is a row consumed once; a long-term one is not consumed."""

    citizen_id = fields.UUIDField()
    identity_id = fields.UUIDField()
    channel = fields.CharField(max_length=12)
    template_id = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=12, default="ONE_TIME", description="ONE_TIME, LONG_TERM")
    status = fields.CharField(max_length=12, default="IN_STOCK", description="IN_STOCK HELD CONSUMED VOID")
    notice_id = fields.UUIDField(null=True)
    changed_at = fields.DatetimeField(null=True)
    reported_at = fields.DatetimeField(null=True, description="when the phone told of it")
    pushed_at = fields.DatetimeField(null=True, description="when the platform told of it")

    class Meta:
        table = "subscription"
        indexes = (("identity_id", "template_id", "status"),)
