"""Custody (证照流转): each physical document, who holds it now, how it came there, and where it may be collected."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from models.base import Table


class Piece(Table):
    """One physical document: one row, so that it never has two holders. Moved by compare-and-set on `version`."""

    piece_no = fields.CharField(max_length=32, unique=True)
    subject_no = fields.CharField(max_length=50)
    citizen_id = fields.UUIDField(db_index=True)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18, default="")
    kind = fields.CharField(max_length=12, default="RESULT", description="RESULT, ORIGINAL (sent in by the citizen)")
    code = fields.CharField(max_length=64, description="of the result or material in its item")
    title = fields.CharField(max_length=100)
    copy = fields.SmallIntField(default=1, description="second and later: made again after a loss")
    licence_no = fields.CharField(max_length=64, default="")
    holder = fields.CharField(max_length=12, description="WINDOW HANDED_OVER COURIER POINT CITIZEN RETURNED LOST VOID")
    shipment_no = fields.CharField(max_length=32, default="", db_index=True, description="the parcel that it is in")
    held_since = fields.DatetimeField()
    version = fields.IntField(default=1)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "piece"
        unique_together = (("subject_no", "kind", "code", "copy"),)


class PieceChange(Table):
    """One change of a document's holder: from whom, to whom, when, why. Append-only."""

    piece_id = fields.UUIDField()
    version = fields.IntField(description="of the piece after it")
    from_holder = fields.CharField(max_length=12, default="")
    to_holder = fields.CharField(max_length=12)
    occurred_at = fields.DatetimeField()
    shipment_no = fields.CharField(max_length=32, default="")
    reason = fields.CharField(max_length=200, default="")
    actor = fields.CharField(max_length=64, default="", description="staff, or empty: the parcel's own course")

    class Meta:
        table = "piece_change"
        unique_together = (("piece_id", "version"),)


class CollectionPoint(Model):
    """Where results may be collected: a window of a hall, or a locker (自助柜)."""

    code = fields.CharField(max_length=32, primary_key=True)
    kind = fields.CharField(max_length=8, description="POINT, LOCKER")
    name = fields.CharField(max_length=128)
    division_code = fields.CharField(max_length=12, db_index=True)
    department_code = fields.CharField(max_length=18, default="", description="empty: any body of the division")
    address = fields.CharField(max_length=200)
    phone = fields.CharField(max_length=32, default="")
    hours = fields.CharField(max_length=200, default="")
    boxes = fields.IntField(default=0, description="of a locker")
    enabled = fields.BooleanField(default=True)

    class Meta:
        table = "collection_point"


class Collection(Table):
    """A result that waits to be collected; the one-time code is kept by keyed hash only."""

    subject_no = fields.CharField(max_length=50)
    citizen_id = fields.UUIDField(db_index=True)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18, default="")
    place_code = fields.CharField(max_length=32)
    box = fields.CharField(max_length=8, default="")
    status = fields.CharField(max_length=12, default="PREPARING", description="PREPARING READY COLLECTED ENDED")
    code_hash = fields.CharField(max_length=64, default="")
    code_until = fields.DatetimeField(null=True)
    code_tries = fields.SmallIntField(default=0)
    code_for = fields.CharField(max_length=16, default="", description="who asked for the code: SELF, AGENT")
    ready_at = fields.DatetimeField(null=True)
    keep_until = fields.DatetimeField(null=True, description="a locker is emptied then")
    reminded_at = fields.DatetimeField(null=True)
    collected_at = fields.DatetimeField(null=True)
    collected_by = fields.CharField(max_length=16, default="", description="SELF, AGENT")
    given_by = fields.CharField(max_length=64, default="", description="staff or the locker's system")
    version = fields.IntField(default=1)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "collection"
        constraints = (
            UniqueConstraint(
                fields=("subject_no",), name="collection_one_open", condition="status IN ('PREPARING', 'READY')"
            ),
        )
        indexes = (("place_code", "status", "id"),)
