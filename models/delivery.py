"""Delivery (双向快递): the citizen's choice per case, parcels of both legs, and append-only tracking events."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from app.ids import new_id
from models.base import Table


class DeliveryChoice(Table):
    """How the citizen wants the result of one case; the address is a snapshot."""

    subject_no = fields.CharField(max_length=50, unique=True)
    citizen_id = fields.UUIDField()
    method = fields.CharField(max_length=16, description="COURIER, COUNTER, LOCKER, ELECTRONIC")
    division_code = fields.CharField(max_length=12, default="")
    receiver_cipher = fields.BinaryField(null=True)
    receiver_shown = fields.CharField(max_length=128, default="")
    payer = fields.CharField(max_length=12, default="", db_default="", description="FREE, ONLINE, ON_DELIVERY")
    level = fields.CharField(max_length=12, default="STANDARD", db_default="STANDARD", description="STANDARD, EXPRESS")
    in_person = fields.BooleanField(default=False, db_default=False, description="hand over to the person only")
    place_code = fields.CharField(max_length=32, default="", db_default="", description="collection point")
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
    division_code = fields.CharField(max_length=12, default="", db_default="", description="of the body at our end")
    department_code = fields.CharField(max_length=18, default="", db_default="")
    leg = fields.CharField(max_length=8, default="OUTBOUND", description="OUTBOUND, INBOUND")
    is_own = fields.BooleanField(default=False, db_default=False, description="sent by the citizen: followed only")
    attempt = fields.SmallIntField(default=1, db_default=1, description="second and later: sent again")
    replaces_no = fields.CharField(max_length=32, default="", db_default="", description="the parcel sent before it")
    courier = fields.CharField(max_length=16, description="whom we ask: SF, EMS, KUAIDI100, KDNIAO")
    carrier = fields.CharField(max_length=24, default="", db_default="", description="who carries, in 快递100's codes")
    product = fields.CharField(
        max_length=16, default="", db_default="", description="the courier's; '' = its usual one"
    )
    to_division_code = fields.CharField(max_length=12, default="", db_default="", description="of the citizen's end")
    refused_by = fields.CharField(max_length=200, default="", db_default="", description="courier:carrier, with spaces")
    level = fields.CharField(max_length=12, default="STANDARD", db_default="STANDARD", description="STANDARD, EXPRESS")
    waybill_no = fields.CharField(max_length=40, default="", db_index=True)
    order_ref = fields.CharField(max_length=80, default="", db_default="", description="the courier's own order number")
    status = fields.CharField(max_length=24, default="REQUESTED")
    cargo = fields.CharField(max_length=64)
    sender: fields.JSONField[dict[str, Any]] = fields.JSONField(
        default=dict, description="contact of the body at our end; of an inbound parcel it is the receiver"
    )
    receiver_cipher = fields.BinaryField(null=True, description="the citizen's contact; forgotten after a time")
    receiver_shown = fields.CharField(max_length=128, default="", description="the citizen's contact, masked")
    receiver_hash = fields.CharField(
        max_length=64, default="", db_default="", description="keyed; stays when forgotten"
    )
    redacted_at = fields.DatetimeField(null=True)
    in_person = fields.BooleanField(default=False, db_default=False, description="hand over to the person only")
    payer = fields.CharField(max_length=12, default="FREE", db_default="FREE", description="FREE, ONLINE, ON_DELIVERY")
    postage_fen = fields.IntField(default=0, db_default=0, description="what the citizen is asked for, with ONLINE")
    bill_no = fields.CharField(max_length=32, default="", db_default="")
    paid_at = fields.DatetimeField(null=True)
    pickup_from = fields.DatetimeField(null=True)
    pickup_until = fields.DatetimeField(null=True)
    custody = fields.CharField(max_length=16, default="WINDOW", description="WINDOW COURIER CITIZEN LOST")
    version = fields.IntField(default=1)
    booking_tried_at = fields.DatetimeField(null=True, description="set before the first try: later ones ask first")
    ordering_until = fields.DatetimeField(null=True, description="somebody is talking to the courier about the order")
    booked_at = fields.DatetimeField(null=True)
    cancel_wanted_at = fields.DatetimeField(null=True)
    cancel_reason = fields.CharField(max_length=200, default="", db_default="")
    label_key = fields.CharField(max_length=200, default="", db_default="", description="PDF in the file store")
    label_fault = fields.CharField(max_length=100, default="", db_default="", description="why it has no label yet")
    dispatch_no = fields.CharField(max_length=32, default="", db_default="", db_index=True)
    handed_over_at = fields.DatetimeField(null=True)
    handed_over_by = fields.CharField(max_length=64, default="", db_default="")
    picked_up_at = fields.DatetimeField(null=True)
    promised_at = fields.DatetimeField(null=True, description="预计送达, where the courier says so")
    courier_phone_shown = fields.CharField(max_length=24, default="", db_default="", description="masked")
    collect_hint = fields.CharField(max_length=100, default="", db_default="", description="locker or station")
    signed_as = fields.CharField(max_length=16, default="", db_default="", description="SELF AGENT OTHER LOCKER …")
    freight_fen = fields.IntField(null=True, description="what the courier says that it charges us")
    weight_grams = fields.IntField(null=True)
    followed_at = fields.DatetimeField(null=True, description="the courier was asked for pushes")
    follow_after = fields.DatetimeField(null=True, description="not before this is it asked again")
    follow_count = fields.SmallIntField(default=0, db_default=0)
    refreshed_at = fields.DatetimeField(null=True, description="when the citizen last had it asked about")
    last_event_at = fields.DatetimeField(null=True)
    trouble_told_at = fields.DatetimeField(null=True, description="the citizen was last told of an exception")
    delivered_at = fields.DatetimeField(null=True)
    ask_after = fields.DatetimeField(null=True)
    asked_count = fields.IntField(default=0)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "shipment"
        unique_together = (("subject_no", "leg", "cargo", "attempt"),)
        indexes = (("ask_after",),)


class ShipmentWaybill(Table):
    """A number that a parcel travels under: its main one, a child, the paper signed on receipt, the way back."""

    shipment_id = fields.UUIDField(db_index=True)
    carrier = fields.CharField(max_length=24)
    waybill_no = fields.CharField(max_length=40)
    kind = fields.CharField(max_length=12, default="MAIN", description="MAIN CHILD SIGN_BACK RETURN FORMER")

    class Meta:
        table = "shipment_waybill"
        unique_together = (("carrier", "waybill_no"),)


class TrackingEvent(Model):
    """One event of a parcel as the courier told it. Append-only; partitioned by month of the event."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    occurred_at = fields.DatetimeField()
    received_at = fields.DatetimeField(auto_now_add=True)
    shipment_id = fields.UUIDField()
    event_key = fields.CharField(max_length=64)
    code = fields.CharField(max_length=16)
    state = fields.CharField(max_length=24, default="", description="empty: the code is not in the table")
    undoes = fields.CharField(max_length=64, default="", db_default="", description="codes that it takes back")
    signed_as = fields.CharField(max_length=16, default="", db_default="", description="who took the parcel")
    text = fields.CharField(max_length=300, default="")
    place = fields.CharField(max_length=100, default="")
    confirmed = fields.BooleanField(default=False, description="signed, or heard by our own question")

    class Meta:
        table = "tracking_event"
        unique_together = (("shipment_id", "event_key", "occurred_at"),)
        indexes = (("shipment_id", "occurred_at"),)


class Mailing(Table):
    """Originals that a case needs at the window (申请材料寄送): asked for, sent, received in which condition."""

    subject_no = fields.CharField(max_length=50, unique=True)
    citizen_id = fields.UUIDField(db_index=True)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18)
    contents: fields.JSONField[list[dict[str, str]]] = fields.JSONField(
        default=list, description="material codes and names, without personal data"
    )
    status = fields.CharField(max_length=12, default="ASKED", description="ASKED SENT RECEIVED BROUGHT WAIVED ENDED")
    asked_at = fields.DatetimeField()
    shipment_no = fields.CharField(max_length=32, default="", description="the parcel under way")
    received_at = fields.DatetimeField(null=True)
    received_by = fields.CharField(max_length=64, default="")
    condition = fields.CharField(max_length=12, default="", description="INTACT DAMAGED INCOMPLETE WRONG")
    condition_note = fields.CharField(max_length=300, default="")
    version = fields.IntField(default=1)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "mailing"
        indexes = (("status", "division_code", "id"),)


class ShipmentTask(Table):
    """Something about a parcel that a person must settle: one open task per parcel and kind."""

    shipment_id = fields.UUIDField()
    shipment_no = fields.CharField(max_length=32)
    subject_no = fields.CharField(max_length=50, db_index=True)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18, default="")
    kind = fields.CharField(max_length=16, description="EXCEPTION REJECTED RETURNED LOST DAMAGED SILENT SIGNED …")
    reason = fields.CharField(max_length=200, default="")
    opened_at = fields.DatetimeField()
    opened_by = fields.CharField(max_length=64, default="", description="who declared it; empty: the parcel's course")
    officer = fields.CharField(max_length=64, default="", description="who took it up")
    closed_at = fields.DatetimeField(null=True)
    closed_by = fields.CharField(max_length=64, default="", description="empty: the parcel went on by itself")
    outcome = fields.CharField(max_length=24, default="")
    note = fields.CharField(max_length=300, default="")

    class Meta:
        table = "shipment_task"
        constraints = (
            UniqueConstraint(
                fields=("shipment_id", "kind"), name="shipment_task_one_open", condition="closed_at IS NULL"
            ),
        )
        indexes = (("division_code", "closed_at", "id"),)
