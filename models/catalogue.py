"""The catalogue (事项库): divisions, departments, service points, items with versions, packages."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from models.base import Table


class Division(Model):
    """An administrative division (行政区划); retired codes stay for ID numbers and old files."""

    code = fields.CharField(max_length=12, primary_key=True)
    name = fields.CharField(max_length=64)
    level = fields.CharField(max_length=12)
    parent_code = fields.CharField(max_length=12, default="", db_index=True)
    kind = fields.CharField(max_length=16)
    from_year = fields.IntField(null=True)
    to_year = fields.IntField(null=True)
    successor_code = fields.CharField(max_length=12, default="")

    class Meta:
        table = "division"


class Department(Model):
    """A body that decides items (实施主体), by 统一社会信用代码."""

    code = fields.CharField(max_length=18, primary_key=True)
    name = fields.CharField(max_length=128)
    short_name = fields.CharField(max_length=64, default="", db_default="")
    division_code = fields.CharField(max_length=12, db_index=True)
    phone = fields.CharField(max_length=32, default="")
    address = fields.CharField(max_length=200, default="", db_default="")

    class Meta:
        table = "department"


class ServicePoint(Model):
    """A hall or window (办事地点) with hours and coordinates."""

    code = fields.CharField(max_length=32, primary_key=True)
    name = fields.CharField(max_length=128)
    division_code = fields.CharField(max_length=12, db_index=True)
    record = fields.JSONField()

    class Meta:
        table = "service_point"


class Topic(Model):
    """A topic (主题) under which citizens look for items."""

    name = fields.CharField(max_length=32, primary_key=True)
    description = fields.CharField(max_length=200, default="")
    icon = fields.CharField(max_length=32, default="")
    position = fields.IntField(default=0)

    class Meta:
        table = "topic"


class LifeEvent(Model):
    """A life event (人生事件) under which citizens look for items and packages."""

    name = fields.CharField(max_length=32, primary_key=True)
    description = fields.CharField(max_length=200, default="")
    icon = fields.CharField(max_length=32, default="")
    position = fields.IntField(default=0)

    class Meta:
        table = "life_event"


class ServiceItem(Table):
    """One version of an item (事项). `record` holds every element; the columns are what lists and rules need."""

    item_code = fields.CharField(max_length=64)
    version = fields.IntField()
    status = fields.CharField(max_length=12, default="DRAFT", description="DRAFT, PUBLISHED, WITHDRAWN")
    name = fields.CharField(max_length=200)
    division_code = fields.CharField(max_length=12)
    department_code = fields.CharField(max_length=18)
    topics = fields.JSONField(default=list)
    audience = fields.CharField(max_length=12, default="PERSON", description="PERSON, ENTERPRISE, BOTH")
    popularity = fields.IntField(default=0)
    record = fields.JSONField()
    content_hash = fields.CharField(max_length=64)
    listed = fields.TextField(default="", db_default="", description="the line of a list, as JSON")
    search = fields.JSONField(default=dict, db_default="{}", description="its documents in the search index")
    feed = fields.CharField(max_length=64, default="", db_default="", description="which feed or file set it came from")
    published_at = fields.DatetimeField(null=True)
    published_by = fields.CharField(max_length=64, default="", db_default="")
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "service_item"
        unique_together = (("item_code", "version"),)
        constraints = (
            UniqueConstraint(
                fields=("item_code",), name="service_item_one_published", condition="status = 'PUBLISHED'"
            ),
        )
        indexes = (("status", "division_code", "item_code"),)


class ServicePackage(Table):
    """One version of a package (一件事)."""

    package_code = fields.CharField(max_length=64)
    version = fields.IntField()
    status = fields.CharField(max_length=12, default="PUBLISHED")
    name = fields.CharField(max_length=200)
    division_code = fields.CharField(max_length=12)
    record = fields.JSONField()
    content_hash = fields.CharField(max_length=64)
    search = fields.JSONField(default=dict, db_default="{}", description="its documents in the search index")

    class Meta:
        table = "service_package"
        unique_together = (("package_code", "version"),)
