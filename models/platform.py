"""What every door needs: stored answers of repeated writes, and the inbox of provider events."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from app.ids import new_id
from models.base import Table


class IdempotencyRecord(Table):
    """The answer to a write under a client's Idempotency-Key, kept for 24 hours."""

    owner = fields.CharField(max_length=64, description="citizen or staff id")
    key = fields.CharField(max_length=128)
    request_hash = fields.CharField(max_length=64)
    response_status = fields.IntField(null=True, description="null while the first request is under way")
    response_body = fields.BinaryField(null=True)
    response_headers = fields.JSONField(default=dict)
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency_record"
        unique_together = (("owner", "key"),)


class InboxEvent(Model):
    """One provider event, once: its row commits with the event's effects.

    Partitioned by month of the provider's own event time, which repeats carry unchanged.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    occurred_at = fields.DatetimeField()
    received_at = fields.DatetimeField(auto_now_add=True)
    provider = fields.CharField(max_length=16)
    event_key = fields.CharField(max_length=160)
    reference_no = fields.CharField(max_length=64, default="")
    outcome = fields.CharField(max_length=24, default="")

    class Meta:
        table = "inbox_event"
        unique_together = (("provider", "event_key", "occurred_at"),)
        indexes = (("reference_no",),)


class RunnerBeat(Model):
    """One row a job runner: when it last showed that it works."""

    runner = fields.CharField(max_length=64, primary_key=True)
    beat_at = fields.DatetimeField()

    class Meta:
        table = "runner_beat"


class CalendarDay(Model):
    """One day that the published plan of holidays (放假安排) names, for years that the library does not know yet."""

    day = fields.DateField(primary_key=True)
    is_working = fields.BooleanField()
    source = fields.CharField(max_length=100)

    class Meta:
        table = "calendar_day"


class ProviderMinute(Table):
    """What calls to one provider came to within one minute, over all processes; kept for some days."""

    provider = fields.CharField(max_length=24)
    minute_at = fields.DatetimeField()
    succeeded = fields.IntField(default=0)
    failed = fields.IntField(default=0)
    refused = fields.IntField(default=0, description="not made: the breaker was open")
    slowest_ms = fields.IntField(default=0)
    last_code = fields.CharField(max_length=64, default="", description="of the newest failure")

    class Meta:
        table = "provider_minute"
        unique_together = (("provider", "minute_at"),)
