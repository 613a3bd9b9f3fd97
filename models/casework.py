"""What staff do with cases: written documents, reviews, assignments, cards, promises, and decisions by rule."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.base import Table


class CaseDocument(Table):
    """One written document (文书) of a case; the number and the move it belongs to commit together."""

    application_id = fields.UUIDField(db_index=True)
    kind = fields.CharField(max_length=24)
    document_no = fields.CharField(max_length=64, unique=True)
    title = fields.CharField(max_length=64)
    issued_on = fields.DateField()
    issuer_code = fields.CharField(max_length=18)
    facts = fields.JSONField(default=dict, description="what is printed, without personal data")
    storage_key = fields.CharField(max_length=200, default="")
    sha256 = fields.CharField(max_length=64, default="")

    class Meta:
        table = "case_document"


class DocumentSerial(Model):
    """The last number given of a body, kind and year; locked while the next one is given."""

    key = fields.CharField(max_length=64, primary_key=True, description="issuer, kind and year")
    given = fields.IntField(default=0)

    class Meta:
        table = "document_serial"


class CaseReview(Table):
    """One step of the examination (审查, 审核, 现场勘验): who, what they found, when. Append-only."""

    application_id = fields.UUIDField(db_index=True)
    step = fields.CharField(max_length=32)
    action = fields.CharField(max_length=12, description="PASS, RETURN, OTHER")
    opinion = fields.CharField(max_length=500, default="")
    officer = fields.CharField(max_length=64)
    begun_at = fields.DatetimeField()
    ended_at = fields.DatetimeField()

    class Meta:
        table = "case_review"


class CaseAssignment(Table):
    """One change of who has a case: claim, release, assign, transfer, hand-over to another body. Append-only."""

    application_id = fields.UUIDField(db_index=True)
    kind = fields.CharField(max_length=12, description="CLAIM, RELEASE, ASSIGN, TRANSFER, HAND_OVER")
    from_officer = fields.CharField(max_length=64, default="")
    to_officer = fields.CharField(max_length=64, default="")
    from_body = fields.CharField(max_length=32, default="", description="division/department before a hand-over")
    to_body = fields.CharField(max_length=32, default="")
    reason = fields.CharField(max_length=500, default="")
    by_staff = fields.CharField(max_length=64)

    class Meta:
        table = "case_assignment"


class DueCard(Table):
    """A yellow or red card (电子监察): once per case and stage, to the officer and the chief."""

    application_id = fields.UUIDField()
    stage = fields.CharField(max_length=16, description="RECEIPT, REVIEW, DELIVERY, ...")
    colour = fields.CharField(max_length=8, description="YELLOW, RED")
    due_on = fields.DateField()
    officer = fields.CharField(max_length=64, default="")
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18)
    settled_at = fields.DatetimeField(null=True, description="when the stage ended")

    class Meta:
        table = "due_card"
        unique_together = (("application_id", "stage", "colour"),)
        indexes = (("division_code", "settled_at", "id"),)


class CasePromise(Table):
    """A signed promise (告知承诺 or 容缺承诺): the text that was shown, by hash, and what became of it."""

    application_id = fields.UUIDField(db_index=True)
    material_code = fields.CharField(max_length=64, default="", description="empty: for the whole case")
    kind = fields.CharField(max_length=8, description="PROMISE, LATER")
    text = fields.TextField()
    text_sha256 = fields.CharField(max_length=64)
    signed_by = fields.UUIDField(db_index=True)
    signed_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(null=True)
    was_false = fields.BooleanField(null=True)

    class Meta:
        table = "case_promise"
        unique_together = (("application_id", "material_code", "kind"),)


class InstantDecision(Table):
    """One run of the rules (智慧审批): which version, on which inputs, what came out and why. Append-only."""

    application_id = fields.UUIDField(db_index=True)
    case_version = fields.IntField()
    rule_code = fields.CharField(max_length=64)
    rule_version = fields.IntField()
    rule_sha256 = fields.CharField(max_length=64)
    inputs_cipher = fields.BinaryField(description="values with source and time, encrypted")
    verdict = fields.CharField(max_length=12, description="GRANT, PERSON")
    explanation = fields.JSONField(default=list)

    class Meta:
        table = "instant_decision"
        unique_together = (("application_id", "case_version"),)


class InstantRule(Table):
    """One version of a rule (智慧审批) as it was loaded; versions stay, so that a decision can be explained later."""

    rule_code = fields.CharField(max_length=64)
    rule_version = fields.IntField()
    sha256 = fields.CharField(max_length=64)
    record = fields.JSONField()
    is_current = fields.BooleanField(default=True)

    class Meta:
        table = "instant_rule"
        unique_together = (("rule_code", "rule_version"),)
