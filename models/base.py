"""Columns that every table shares."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from app.ids import new_id


class Table(Model):
    """A row with a time-ordered id and the moment (UTC) it was made."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        abstract = True
