"""Sending parcels (寄件): which courier and who pays as rows, a day's batches, and the couriers' monthly statements."""

from __future__ import annotations

from tortoise import fields

from models.base import Table


class CourierRule(Table):
    """One line of the choice of courier: where it applies, whom it names, what it costs. Lowest position first."""

    rule_code = fields.CharField(max_length=32, unique=True)
    position = fields.IntField(default=100)
    division_code = fields.CharField(max_length=12, default="", description="of the body at our end; '' = any")
    to_division_code = fields.CharField(max_length=12, default="", description="of the citizen's end; '' = any")
    leg = fields.CharField(max_length=8, default="", description="OUTBOUND, INBOUND; '' = both")
    level = fields.CharField(max_length=12, default="", description="STANDARD, EXPRESS; '' = both")
    courier = fields.CharField(max_length=16)
    carrier = fields.CharField(max_length=24, default="", description="with an aggregator: who shall carry")
    product = fields.CharField(max_length=16, default="", description="the courier's product code; '' = its usual one")
    cost_fen = fields.IntField(default=0, description="what one parcel costs; the cheaper wins among equals")
    days = fields.SmallIntField(default=0, description="usual days on the road")
    enabled = fields.BooleanField(default=True)
    changed_by = fields.CharField(max_length=64, default="")
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "courier_rule"


class PostageRule(Table):
    """One line of who pays: free for an item or division, or which ways the citizen may pay, and how much."""

    rule_code = fields.CharField(max_length=32, unique=True)
    position = fields.IntField(default=100)
    division_code = fields.CharField(max_length=12, default="", description="of the body at our end; '' = any")
    item_code = fields.CharField(max_length=64, default="", description="'' = any")
    leg = fields.CharField(max_length=8, default="", description="OUTBOUND, INBOUND; '' = both")
    level = fields.CharField(max_length=12, default="", description="STANDARD, EXPRESS; '' = both")
    payers = fields.JSONField(default=list, description="FREE, ONLINE, ON_DELIVERY: what may be chosen, usual first")
    postage_fen = fields.IntField(default=0, description="with ONLINE")
    enabled = fields.BooleanField(default=True)
    changed_by = fields.CharField(max_length=64, default="")
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "postage_rule"


class Dispatch(Table):
    """A batch of parcels that a body sends on one day with one courier (交寄批次)."""

    dispatch_no = fields.CharField(max_length=32, unique=True)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18, default="")
    courier = fields.CharField(max_length=16)
    day = fields.DateField()
    status = fields.CharField(max_length=12, default="PREPARING", description="PREPARING READY HANDED_OVER CANCELLED")
    total = fields.IntField(default=0)
    labelled = fields.IntField(default=0)
    failed = fields.IntField(default=0)
    made_by = fields.CharField(max_length=64)
    handed_over_at = fields.DatetimeField(null=True)
    handed_over_by = fields.CharField(max_length=64, default="")
    collector = fields.CharField(max_length=32, default="", description="the courier's staff number, never a name")
    reason = fields.CharField(max_length=200, default="", description="of closing it with parcels missing")
    version = fields.IntField(default=1)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "dispatch"
        indexes = (("division_code", "day", "id"),)


class CourierStatement(Table):
    """A courier's statement of a month (对账单) as it was uploaded, and what the comparison found."""

    statement_no = fields.CharField(max_length=32, unique=True)
    courier = fields.CharField(max_length=16)
    month = fields.DateField(description="its first day")
    sha256 = fields.CharField(max_length=64)
    uploaded_by = fields.CharField(max_length=64)
    status = fields.CharField(max_length=12, default="READING", description="READING COMPARED REPLACED")
    fault = fields.CharField(max_length=100, default="")
    lines = fields.IntField(default=0)
    charged_fen = fields.BigIntField(default=0)
    matched = fields.IntField(default=0)
    differing = fields.IntField(default=0)
    compared_at = fields.DatetimeField(null=True)

    class Meta:
        table = "courier_statement"
        unique_together = (("courier", "month", "sha256"),)


class CourierStatementLine(Table):
    """One line of a statement, or one parcel that the statement leaves out, with the difference if there is one."""

    statement_id = fields.UUIDField()
    line = fields.IntField(description="in the file; 0: not in it")
    waybill_no = fields.CharField(max_length=40, default="")
    shipment_no = fields.CharField(max_length=32, default="")
    carried_on = fields.DateField(null=True)
    weight_grams = fields.IntField(null=True)
    charged_fen = fields.IntField(null=True)
    expected_fen = fields.IntField(null=True)
    difference = fields.CharField(max_length=24, default="", description="empty: as we have it")
    settled_at = fields.DatetimeField(null=True)
    settled_by = fields.CharField(max_length=64, default="")
    note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "courier_statement_line"
        indexes = (("statement_id", "difference", "line"),)
