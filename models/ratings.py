"""Ratings (好差评) and the follow-up of low ones."""

from __future__ import annotations

from tortoise import fields

from models.base import Table


class Rating(Table):
    """One rating of a closed case or package; never edited, only excluded after a check, with the reason."""

    subject_no = fields.CharField(max_length=50, unique=True, description="case or package")
    citizen_id = fields.UUIDField()
    item_code = fields.CharField(max_length=64)
    item_name = fields.CharField(max_length=200)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18)
    officer = fields.CharField(max_length=64, default="")
    grade = fields.IntField(description="5 非常满意 ... 1 非常不满意")
    tags = fields.JSONField(default=list)
    comment_cipher = fields.BinaryField(null=True)
    supplement_cipher = fields.BinaryField(null=True)
    supplemented_at = fields.DatetimeField(null=True)
    provider = fields.CharField(max_length=16)
    excluded_at = fields.DatetimeField(null=True)
    excluded_by = fields.CharField(max_length=64, default="")
    excluded_reason = fields.CharField(max_length=500, default="")

    class Meta:
        table = "rating"
        indexes = (("department_code", "id"), ("item_code", "id"), ("division_code", "id"))


class RatingFollowUp(Table):
    """What is done about a low rating: contact, correction, call-back, each by its day."""

    rating_id = fields.UUIDField(unique=True)
    status = fields.CharField(max_length=12, default="OPEN")
    version = fields.IntField(default=1)
    handler = fields.CharField(max_length=64, default="")
    is_complex = fields.BooleanField(default=False)
    contact_due_on = fields.DateField()
    correct_due_on = fields.DateField()
    contacted_at = fields.DatetimeField(null=True)
    answer = fields.CharField(max_length=1000, default="")
    answered_at = fields.DatetimeField(null=True)
    appealed_at = fields.DatetimeField(null=True)
    called_back_at = fields.DatetimeField(null=True)
    was_content = fields.BooleanField(null=True)
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "rating_follow_up"
        indexes = (("status", "contact_due_on"),)


class RatingTally(Table):
    """Public figures: how many ratings of each grade a department has for an item, kept with every rating."""

    department_code = fields.CharField(max_length=18)
    division_code = fields.CharField(max_length=12)
    item_code = fields.CharField(max_length=64)
    month = fields.CharField(max_length=7)
    grade = fields.IntField()
    total = fields.IntField(default=0)

    class Meta:
        table = "rating_tally"
        unique_together = (("department_code", "item_code", "month", "grade"),)
