"""The query of people's contacts. Called by contacts.py; decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import db
from app.db import Row


async def list_contacts(citizen_ids: Sequence[uuid.UUID]) -> Sequence[Row]:
    """Return identities (latest used first), phone and preferences of people, in one statement."""
    return await db.fetch_all(
        "SELECT asked.id AS asked, c.id, c.phone_cipher, c.preferences, (SELECT json_agg(json_build_array(i.id,"
        " i.provider, i.app_id, i.subject) ORDER BY i.signed_in_at DESC) FROM identity i WHERE i.citizen_id = c.id"
        " AND i.withdrawn_at IS NULL) AS identities FROM unnest($1::uuid[]) AS asked (id)"
        " JOIN citizen was ON was.id = asked.id JOIN citizen c ON c.id = CASE WHEN was.status = 'MERGED'"
        " THEN was.merged_into_id ELSE was.id END",
        list(set(citizen_ids)),
    )
