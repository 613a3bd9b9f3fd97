"""Fiscal receipts (财政电子票据), runs of the daily reconciliation (对账) and the differences that they found."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

from models.base import Table


class FiscalReceipt(Table):
    """One electronic receipt of the fiscal platform: of a payment (BLUE), or of a refund that takes it back (RED)."""

    bill_id = fields.UUIDField()
    kind = fields.CharField(max_length=4, description="BLUE, RED")
    refund_no = fields.CharField(max_length=64, default="", description="of a red one")
    receipt_code = fields.CharField(max_length=16, description="票据代码")
    receipt_number = fields.CharField(max_length=16, description="票据号码")
    check_code = fields.CharField(max_length=16, description="校验码")
    amount_fen = fields.BigIntField()
    url = fields.CharField(max_length=512)
    issued_at = fields.DatetimeField()

    class Meta:
        table = "fiscal_receipt"
        unique_together = (("bill_id", "kind", "refund_no"),)


class ReconciliationRun(Table):
    """One day of one merchant account compared three ways; a repeated run writes the same row again."""

    account_code = fields.CharField(max_length=32)
    channel = fields.CharField(max_length=12)
    business_on = fields.DateField(description="day in Beijing")
    status = fields.CharField(max_length=12, description="RUNNING DONE FAILED")
    fault = fields.CharField(max_length=200, default="")
    fault_line = fields.IntField(null=True, description="line of the bill file")
    paid_count = fields.BigIntField(default=0)
    paid_fen = fields.BigIntField(default=0)
    refund_count = fields.BigIntField(default=0)
    refund_fen = fields.BigIntField(default=0)
    fee_fen = fields.BigIntField(default=0)
    flow_fen = fields.BigIntField(default=0, description="net of the fund flow bill")
    our_paid_count = fields.BigIntField(default=0)
    our_paid_fen = fields.BigIntField(default=0)
    our_refund_count = fields.BigIntField(default=0)
    our_refund_fen = fields.BigIntField(default=0)
    fiscal_count = fields.BigIntField(default=0)
    fiscal_fen = fields.BigIntField(default=0)
    discrepancy_count = fields.IntField(default=0)
    started_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "reconciliation_run"
        constraints = (UniqueConstraint(fields=("account_code", "business_on"), name="reconciliation_run_once_a_day"),)


class Discrepancy(Table):
    """One difference that a run found, of a named kind, with what became of it."""

    account_code = fields.CharField(max_length=32)
    business_on = fields.DateField()
    kind = fields.CharField(max_length=24)
    reference_no = fields.CharField(max_length=64, description="our order or refund number, or the provider's")
    bill_no = fields.CharField(max_length=32, default="")
    department_code = fields.CharField(max_length=18, default="")
    division_code = fields.CharField(max_length=12, default="")
    ours_fen = fields.BigIntField(null=True)
    theirs_fen = fields.BigIntField(null=True)
    details = fields.JSONField(default=dict)
    status = fields.CharField(max_length=12, default="OPEN", description="OPEN REPAIRED RESOLVED")
    repair = fields.CharField(max_length=32, default="", description="what was tried by itself")
    note = fields.CharField(max_length=200, default="")
    resolved_by = fields.CharField(max_length=64, default="")
    resolved_at = fields.DatetimeField(null=True)

    class Meta:
        table = "discrepancy"
        unique_together = (("account_code", "kind", "reference_no", "business_on"),)
