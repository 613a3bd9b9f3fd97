"""Consultations (咨询): threads between citizens and staff, by customer-service message or in the mini-program."""

from __future__ import annotations

from tortoise import fields

from models.base import Table


class Consultation(Table):
    """One thread. `citizen_id` is empty while the platform's person has never signed in here."""

    consultation_no = fields.CharField(max_length=24, unique=True)
    citizen_id = fields.UUIDField(null=True, db_index=True)
    identity_id = fields.UUIDField(null=True)
    provider = fields.CharField(max_length=16, description="WECHAT, ALIPAY; where it was begun")
    app_id = fields.CharField(max_length=32, default="")
    subject = fields.CharField(max_length=128, default="", description="the platform's name for the person")
    application_no = fields.CharField(max_length=50, default="")
    item_code = fields.CharField(max_length=64, default="")
    division_code = fields.CharField(max_length=12, default="", description="whose staff answers; empty = province")
    department_code = fields.CharField(max_length=18, default="")
    title = fields.CharField(max_length=64, default="")
    status = fields.CharField(max_length=12, default="OPEN", description="OPEN (waits for staff) ANSWERED CLOSED")
    officer = fields.CharField(max_length=64, default="")
    asked_at = fields.DatetimeField(description="the person's newest message; the platform's 48 hours run from it")
    answered_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    unread = fields.IntField(default=0, description="answers that the person has not seen")
    version = fields.IntField(default=1)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "consultation"
        indexes = (("status", "division_code", "id"), ("provider", "app_id", "subject"))


class ConsultationMessage(Table):
    """One message of a thread, encrypted. `dedupe_key` is the platform's message number or the client's key."""

    consultation_id = fields.UUIDField()
    author_kind = fields.CharField(max_length=8, description="CITIZEN, STAFF, SYSTEM")
    author = fields.CharField(max_length=64, default="")
    kind = fields.CharField(max_length=8, default="text", description="text, image, other")
    content_cipher = fields.BinaryField()
    dedupe_key = fields.CharField(max_length=128)
    delivery = fields.CharField(
        max_length=12, default="", description="of answers: QUEUED SENT (customer message) NOTICED UNKNOWN"
    )
    delivered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "consultation_message"
        unique_together = (("consultation_id", "dedupe_key"),)
        indexes = (("consultation_id", "id"),)
