"""Catalogue: topics, and the indexes of search by lexemes and by topic."""

from __future__ import annotations

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_accounts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Topic",
            fields=[
                ("name", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ("description", fields.CharField(default="", max_length=200)),
                ("icon", fields.CharField(default="", max_length=32)),
                ("position", fields.IntField(default=0)),
            ],
            options={
                "table": "topic",
                "app": "models",
                "pk_attr": "name",
                "table_description": "A topic (主题) under which citizens look for items.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            "ALTER TABLE service_item ADD COLUMN lexemes tsvector"
            " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(search_text, ' '))) STORED"
        ),
        ops.RunSQL("CREATE INDEX service_item_lexemes ON service_item USING gin (lexemes) WHERE status = 'PUBLISHED'"),
        ops.RunSQL(
            "CREATE INDEX service_item_topics ON service_item USING gin (topics jsonb_path_ops)"
            " WHERE status = 'PUBLISHED'"
        ),
    ]
