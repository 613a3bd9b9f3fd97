"""Queries of cases for others. A caller's scope is decided by the service, line by line; here only whose they are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import db
from app.db import Row

_LAST_ID = uuid.UUID(int=(1 << 128) - 1)
_LINES = """SELECT a.id, a.application_no, a.citizen_id, a.enterprise_id, a.item_code, a.item_name, a.status, a.outcome,
    a.version, a.fee_fen, a.fee_paid_at, a.submitted_at, a.promised_due_on, a.updated_at, a.provider,
    coalesce(e.name, c.name_masked, '') AS principal_shown, coalesce(e.uscc, '') AS enterprise_uscc,
    coalesce(g.name_masked, '') AS agent_shown
    FROM application a LEFT JOIN enterprise e ON e.id = a.enterprise_id LEFT JOIN citizen c ON c.id = a.citizen_id
    LEFT JOIN citizen g ON g.id = a.agent_id"""


async def list_of_agent(
    agent_id: uuid.UUID, principals: Sequence[uuid.UUID], after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return cases that an agent filed for these people, newest first."""
    return await db.fetch_all(
        f"""{_LINES} WHERE a.agent_id = $1 AND a.citizen_id = ANY($2) AND a.enterprise_id IS NULL AND a.id < $3
            ORDER BY a.id DESC LIMIT $4""",
        agent_id,
        list(principals),
        after or _LAST_ID,
        limit,
    )


async def list_of_enterprise(enterprise_id: uuid.UUID, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return cases of an enterprise, whoever filed them, newest first."""
    return await db.fetch_all(
        f"{_LINES} WHERE a.enterprise_id = $1 AND a.id < $2 ORDER BY a.id DESC LIMIT $3",
        enterprise_id,
        after or _LAST_ID,
        limit,
    )


async def find_parties(application_no: str) -> Row | None:
    """Return everybody who has a part in a case."""
    return await db.fetch_row(
        """SELECT a.application_no, a.assisted_by, coalesce(c.name_masked, '') AS applicant_shown,
               coalesce(e.name, '') AS enterprise_name, coalesce(e.uscc, '') AS enterprise_uscc,
               coalesce(g.name_masked, '') AS agent_shown, coalesce(m.mandate_no, '') AS mandate_no, m.until_on
           FROM application a LEFT JOIN enterprise e ON e.id = a.enterprise_id
           LEFT JOIN citizen c ON c.id = a.citizen_id LEFT JOIN citizen g ON g.id = a.agent_id
           LEFT JOIN mandate m ON m.id = a.mandate_id WHERE a.application_no = $1""",
        application_no,
    )
