"""Mass pushes by staff (群发): who is meant, how far it is, and counters that need no counting."""

from __future__ import annotations

from tortoise import fields

from models.base import Table


class Campaign(Table):
    """One message of staff to many people. `cursor` is the last citizen who has got a notice of it."""

    campaign_no = fields.CharField(max_length=24, unique=True)
    title = fields.CharField(max_length=64)
    template_code = fields.CharField(max_length=64)
    template_version = fields.IntField()
    variables = fields.JSONField(default=dict, description="what staff filled in")
    audience = fields.JSONField(default=dict, description="criteria; empty for a list")
    list_id = fields.UUIDField(null=True, description="the uploaded list of people")
    divisions = fields.JSONField(default=list, description="prefixes that its author covers")
    status = fields.CharField(
        max_length=12,
        default="DRAFT",
        description="DRAFT WAITING APPROVED EXPANDING SENDING PAUSED FINISHED CANCELLED",
    )
    version = fields.IntField(default=1)
    scheduled_at = fields.DatetimeField(null=True)
    rate_per_second = fields.IntField(default=100)
    estimated = fields.IntField(null=True)
    estimated_at = fields.DatetimeField(null=True)
    is_estimate_exact = fields.BooleanField(default=True)
    cursor = fields.UUIDField(null=True)
    is_expanded = fields.BooleanField(default=False)
    reason = fields.CharField(max_length=500, default="", description="of a refusal or a cancellation")
    created_by = fields.CharField(max_length=64)
    submitted_at = fields.DatetimeField(null=True)
    approved_by = fields.CharField(max_length=64, default="")
    approved_at = fields.DatetimeField(null=True)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "campaign"
        indexes = (("status", "scheduled_at"), ("created_by", "id"))


class CampaignCount(Table):
    """How many notices of a campaign stand where. Several rows (shards) a state, so that writers do not queue."""

    campaign_id = fields.UUIDField()
    shard = fields.SmallIntField()
    status = fields.CharField(max_length=12)
    channel = fields.CharField(max_length=12, default="")
    reason = fields.CharField(max_length=32, default="")
    notices = fields.BigIntField(default=0)

    class Meta:
        table = "campaign_count"
        unique_together = (("campaign_id", "shard", "status", "channel", "reason"),)


class AudienceList(Table):
    """A list of people that staff uploaded: how many lines were understood, and what was wrong with the others."""

    name = fields.CharField(max_length=100)
    uploaded_by = fields.CharField(max_length=64)
    divisions = fields.JSONField(default=list, description="prefixes that its uploader covers; nobody else is on it")
    status = fields.CharField(max_length=8, default="READING", description="READING READY BROKEN")
    fault = fields.CharField(max_length=100, default="", description="why it is BROKEN")
    sha256 = fields.CharField(max_length=64)
    lines = fields.IntField(default=0)
    matched = fields.IntField(default=0)
    unknown = fields.IntField(default=0, description="well-formed, but nobody here is meant")
    doubled = fields.IntField(default=0)
    bad_lines = fields.JSONField(default=list, description="the first 200: line number and fault, never the content")
    bad = fields.IntField(default=0)

    class Meta:
        table = "audience_list"


class AudienceMember(Table):
    """One person on an uploaded list."""

    list_id = fields.UUIDField()
    citizen_id = fields.UUIDField()

    class Meta:
        table = "audience_member"
        unique_together = (("list_id", "citizen_id"),)


class CitizenTag(Table):
    """One word about a person (退役军人, 高校毕业生): chosen by the person, or given by staff through a list."""

    citizen_id = fields.UUIDField()
    tag = fields.CharField(max_length=32)
    source = fields.CharField(max_length=8, description="SELF, STAFF")

    class Meta:
        table = "citizen_tag"
        unique_together = (("citizen_id", "tag", "source"),)
        indexes = (("tag", "citizen_id"),)
