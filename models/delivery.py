"""Delivery (双向快递): the citizen's choice per case, shipments, and append-only tracking events."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.ids import new_id
from models.base import Table


class DeliveryChoice(Table):
    """How the citizen wants the result of one case; the address is a snapshot."""

    subject_no = fields.CharField(max_length=50, unique=True)
    citizen_id = fields.UUIDField()
    method = fields.CharField(max_length=16, description="COURIER, COUNTER, ELECTRONIC")
    division_code = fields.CharField(max_length=12, default="")
    receiver_cipher = fields.BinaryField(null=True)
    receiver_shown = fields.CharField(max_length=128, default="")
    locked_at = fields.DatetimeField(null=True, description="set when a shipment was made from it")
    together_no = fields.CharField(
        max_length=50, default="", db_default="", description="what it shares one parcel with: a package case"
    )
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "delivery_choice"


class Shipment(Table):
    """One parcel, one leg. `shipment_no` is our number and the courier's idempotency key."""

    shipment_no = fields.CharField(max_length=32, unique=True)
    subject_no = fields.CharField(max_length=50, db_index=True)
    citizen_id = fields.UUIDField(db_index=True)
    division_code = fields.CharField(max_length=12, default="", db_default="", description="of the body that sends it")
    department_code = fields.CharField(max_length=18, default="", db_default="")
    leg = fields.CharField(max_length=8, default="OUTBOUND")
    courier = fields.CharField(max_length=16)
    waybill_no = fields.CharField(max_length=40, default="", db_index=True)
    status = fields.CharField(max_length=24, default="REQUESTED")
    cargo = fields.CharField(max_length=64)
    sender: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    receiver_cipher = fields.BinaryField()
    receiver_shown = fields.CharField(max_length=128, default="")
    custody = fields.CharField(max_length=16, default="WINDOW", description="WINDOW COURIER CITIZEN LOST")
    version = fields.IntField(default=1)
    booking_tried_at = fields.DatetimeField(null=True, description="set before the first try: later ones ask first")
    booked_at = fields.DatetimeField(null=True)
    last_event_at = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    ask_after = fields.DatetimeField(null=True)
    asked_count = fields.IntField(default=0)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "shipment"
        unique_together = (("subject_no", "leg", "cargo"),)
        indexes = (("ask_after",),)


class TrackingEvent(Model):
    """One event of a parcel as the courier told it. Append-only; partitioned by month of the event."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    occurred_at = fields.DatetimeField()
    received_at = fields.DatetimeField(auto_now_add=True)
    shipment_id = fields.UUIDField()
    event_key = fields.CharField(max_length=64)
    code = fields.CharField(max_length=16)
    state = fields.CharField(max_length=24, default="", description="empty: the code is not in the table")
    text = fields.CharField(max_length=300, default="")
    place = fields.CharField(max_length=100, default="")
    confirmed = fields.BooleanField(default=False, description="heard by our own question, not only by a push")

    class Meta:
        table = "tracking_event"
        unique_together = (("shipment_id", "event_key", "occurred_at"),)
        indexes = (("shipment_id", "occurred_at"),)
