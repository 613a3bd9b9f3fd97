"""Bills (缴款通知), channel orders, refunds, the ledger, callbacks that contradict us, and merchant accounts."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from models.base import Table


class PaymentAccount(Table):
    """A merchant account: which department's money goes where. Secrets are named, never stored."""

    code = fields.CharField(max_length=32, unique=True)
    channel = fields.CharField(max_length=12, description="WECHAT, ALIPAY")
    mode = fields.CharField(max_length=12, default="DIRECT", description="DIRECT, PARTNER")
    app_id = fields.CharField(max_length=32)
    mch_id = fields.CharField(max_length=32, description="mch_id of WeChat Pay, seller_id of Alipay")
    sub_mch_id = fields.CharField(max_length=32, default="")
    sub_app_id = fields.CharField(max_length=32, default="")
    department_code = fields.CharField(max_length=18, default="", description="empty = any department")
    division_code = fields.CharField(max_length=12, default="", description="prefix; empty = any division")
    key_reference = fields.CharField(max_length=64, default="settings", description="folder of its secret files")
    serial_no = fields.CharField(
        max_length=64, default="", db_default="", description="of the merchant's own API certificate"
    )
    fetches_certificates = fields.BooleanField(
        default=False, db_default=False, description="signed to it by platform certificates"
    )
    enabled = fields.BooleanField(default=True)

    class Meta:
        table = "payment_account"


class PaymentAccountKey(Table):
    """A public key by which a provider signs to a merchant account; several are active while keys change."""

    account_id = fields.UUIDField()
    key_id = fields.CharField(max_length=64)
    pem = fields.TextField(description="public key or certificate")
    active = fields.BooleanField(default=True)
    expires_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payment_account_key"
        unique_together = (("account_id", "key_id"),)


class Bill(Table):
    """One fee to pay. The amount is fixed here and never comes from the client."""

    bill_no = fields.CharField(max_length=32, unique=True)
    payment_code = fields.CharField(max_length=20, unique=True, null=True, description="缴款码; null = not issued yet")
    citizen_id = fields.UUIDField()
    subject_kind = fields.CharField(max_length=16, default="APPLICATION")
    subject_no = fields.CharField(max_length=50)
    purpose = fields.CharField(max_length=64, description="one bill per subject and purpose")
    title = fields.CharField(max_length=100)
    lines = fields.JSONField(default=list)
    department_code = fields.CharField(max_length=18)
    agency_name = fields.CharField(max_length=100, default="", db_default="", description="collecting body (执收单位)")
    division_code = fields.CharField(max_length=12)
    amount_fen = fields.BigIntField()
    late_fee_fen = fields.BigIntField(default=0, db_default=0, description="滞纳金, part of amount_fen")
    status = fields.CharField(max_length=12, default="UNPAID")
    version = fields.IntField(default=1)
    due_at = fields.DatetimeField(null=True)
    paid_at = fields.DatetimeField(null=True)
    paid_payment_id = fields.UUIDField(null=True)
    confirmed_at = fields.DatetimeField(null=True, description="by the fiscal platform")
    fiscal_asked_count = fields.IntField(default=0, db_default=0)
    fiscal_ask_after = fields.DatetimeField(null=True, description="when the fiscal platform is asked; null = settled")
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "bill"
        unique_together = (("subject_no", "purpose"),)
        indexes = (("citizen_id", "id"),)
        constraints = (
            CheckConstraint(check="amount_fen > 0", name="bill_amount_positive"),
            CheckConstraint(check="late_fee_fen >= 0 AND late_fee_fen < amount_fen", name="bill_late_fee_within"),
        )


class Payment(Table):
    """One channel order of a bill (渠道订单). At most one of a bill is open; what was sent is kept to be sent again."""

    out_trade_no = fields.CharField(max_length=32, unique=True)
    bill_id = fields.UUIDField(db_index=True)
    channel = fields.CharField(max_length=12)
    account_id = fields.UUIDField()
    app_id = fields.CharField(max_length=32)
    mch_id = fields.CharField(max_length=32)
    sub_mch_id = fields.CharField(max_length=32, default="")
    payer_subject = fields.CharField(max_length=128)
    amount_fen = fields.BigIntField()
    status = fields.CharField(max_length=12, default="CREATED", description="CREATED AWAITING SUCCEEDED CLOSED")
    provider_status = fields.CharField(max_length=32, default="")
    provider_trade_no = fields.CharField(max_length=64, default="")
    request_body = fields.BinaryField(null=True, description="exact bytes sent, for a byte-identical repeat")
    prepay_reference = fields.CharField(max_length=128, default="", description="prepay_id or trade_no")
    prepay_until = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    asked_count = fields.IntField(default=0)
    ask_after = fields.DatetimeField(null=True, description="when a sweep asks the provider; null = settled")
    refund_free_at = fields.DatetimeField(null=True, description="earliest moment of the next refund call")
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "payment"
        constraints = (
            UniqueConstraint(
                fields=("bill_id",), name="payment_one_open_per_bill", condition="status IN ('CREATED', 'AWAITING')"
            ),
            CheckConstraint(check="amount_fen > 0", name="payment_amount_positive"),
        )


class Refund(Table):
    """One refund of a payment under its own number, reused on every try."""

    out_refund_no = fields.CharField(max_length=64, unique=True)
    payment_id = fields.UUIDField(db_index=True)
    bill_id = fields.UUIDField(db_index=True)
    amount_fen = fields.BigIntField()
    reason = fields.CharField(max_length=80)
    cause = fields.CharField(max_length=24, description="STAFF, SECOND_SUCCESS, LATE_SUCCESS")
    status = fields.CharField(max_length=12, default="REQUESTED")
    provider_refund_no = fields.CharField(max_length=64, default="")
    provider_status = fields.CharField(max_length=32, default="")
    requested_by = fields.CharField(max_length=64, default="")
    needs_approval = fields.BooleanField(
        default=False, db_default=False, description="by a second person before it is pushed"
    )
    approved_by = fields.CharField(max_length=64, default="", db_default="")
    approved_at = fields.DatetimeField(null=True)
    decision_note = fields.CharField(max_length=200, default="", db_default="")
    reversed_at = fields.DatetimeField(null=True, description="red-letter receipt (冲红) issued")
    fiscal_asked_count = fields.IntField(default=0, db_default=0)
    fiscal_ask_after = fields.DatetimeField(null=True, description="when the red-letter receipt is asked for")
    finished_at = fields.DatetimeField(null=True)
    asked_count = fields.IntField(default=0)
    ask_after = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "refund"
        constraints = (CheckConstraint(check="amount_fen > 0", name="refund_amount_positive"),)


class LedgerEntry(Table):
    """One side of a balanced pair in fen: every transfer has two rows whose sum is zero. Append-only."""

    transfer_key = fields.CharField(max_length=96, description="one business event, as payment.succeeded:OUT_TRADE_NO")
    account = fields.CharField(max_length=48)
    amount_fen = fields.BigIntField(description="signed; debit positive")
    bill_no = fields.CharField(max_length=32, db_index=True)
    reference_no = fields.CharField(max_length=64)
    occurred_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "ledger_entry"
        unique_together = (("transfer_key", "account"),)


class QuarantinedCallback(Table):
    """A genuine callback that contradicts our records; staff look at it."""

    provider = fields.CharField(max_length=16)
    reason = fields.CharField(max_length=32)
    reference_no = fields.CharField(max_length=64)
    expected = fields.JSONField(default=dict)
    received = fields.JSONField(default=dict)
    event_key = fields.CharField(max_length=128, unique=True)
    resolved_at = fields.DatetimeField(null=True)
    resolved_by = fields.CharField(max_length=64, default="")

    class Meta:
        table = "quarantined_callback"
