"""Enterprises, those who act for others, and filing with the help of staff (帮办)."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

from models.base import Table


class Enterprise(Table):
    """An enterprise by its credit code (统一社会信用代码), which is public."""

    uscc = fields.CharField(max_length=18, unique=True)
    name = fields.CharField(max_length=200)
    profile_cipher = fields.BinaryField(null=True, description="answers that forms may be filled with (一企一档)")

    class Meta:
        table = "enterprise"


class Representative(Table):
    """A citizen who is the legal representative (法定代表人) of an enterprise, as an authority confirmed."""

    enterprise_id = fields.UUIDField()
    citizen_id = fields.UUIDField(db_index=True)
    source = fields.CharField(max_length=24, description="who confirmed it")
    confirmed_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "representative"
        constraints = (
            UniqueConstraint(
                fields=("enterprise_id", "citizen_id"), name="representative_once", condition="ended_at IS NULL"
            ),
        )


class Mandate(Table):
    """An authorisation (授权): a citizen or an enterprise lets an agent act, for some items and some time."""

    mandate_no = fields.CharField(max_length=32, unique=True)
    principal_citizen_id = fields.UUIDField(null=True, db_index=True)
    principal_enterprise_id = fields.UUIDField(null=True, db_index=True)
    granted_by = fields.UUIDField()
    agent_id = fields.UUIDField(null=True, db_index=True, description="known once the agent has taken it up")
    agent_hash = fields.CharField(max_length=64, description="of the ID number that the principal named")
    agent_shown = fields.CharField(max_length=64)
    item_codes = fields.JSONField(default=list, description="empty = every item")
    from_on = fields.DateField()
    until_on = fields.DateField()
    accepted_at = fields.DatetimeField(null=True)
    declined_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "mandate"
        indexes = (("agent_hash",),)


class Assistance(Table):
    """A member of staff helps a citizen to file one item (帮办), once the citizen has consented on their own phone."""

    assistance_no = fields.CharField(max_length=32, unique=True)
    staff_username = fields.CharField(max_length=64, db_index=True)
    citizen_id = fields.UUIDField(null=True, db_index=True)
    staff_shown = fields.CharField(max_length=64, description="display name, as the citizen and the timeline see it")
    item_code = fields.CharField(max_length=64)
    item_name = fields.CharField(max_length=200)
    code_hash = fields.CharField(max_length=64, unique=True)
    consent_text_sha256 = fields.CharField(max_length=64, default="")
    expires_at = fields.DatetimeField()
    consented_at = fields.DatetimeField(null=True)
    may_submit = fields.BooleanField(default=False, description="the consent covers handing in as well")
    declined_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    ended_by = fields.CharField(max_length=12, default="", description="CITIZEN, STAFF, SYSTEM, SUBMITTED")
    application_no = fields.CharField(max_length=50, default="")

    class Meta:
        table = "assistance"
