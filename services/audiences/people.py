"""Turns criteria and a scope into the condition of one statement over citizens. Pure; used by the repository only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.audiences.types import Criteria

PROVINCE_LENGTH = 2
_MUTED = """
    (coalesce(c.preferences ->> 'subscribe_messages', 'true') = 'false'
        OR coalesce(c.preferences #>> array['topics', {topic}, 'subscribe_messages'], 'true') = 'false')
    AND (coalesce(c.preferences ->> 'sms', 'true') = 'false'
        OR coalesce(c.preferences #>> array['topics', {topic}, 'sms'], 'true') = 'false')
"""
_OF_LIST = """
    SELECT citizen_id FROM audience_member WHERE list_id = {list_id}
    UNION ALL SELECT gone.merged_into_id FROM audience_member m JOIN citizen gone ON gone.id = m.citizen_id
    WHERE m.list_id = {list_id} AND gone.status = 'MERGED'
"""
_OF_TAG = """
    SELECT citizen_id FROM citizen_tag WHERE tag = {tag}
    UNION ALL SELECT gone.merged_into_id FROM citizen_tag t JOIN citizen gone ON gone.id = t.citizen_id
    WHERE t.tag = {tag} AND gone.status = 'MERGED'
"""


@dataclass(slots=True)
class Condition:
    """Parts of a WHERE over `citizen c`, all of which must hold, and their parameters in order."""

    parts: list[str] = field(default_factory=lambda: ["c.status = 'ACTIVE'"])
    values: list[Any] = field(default_factory=list)

    def mark(self, value: Any) -> str:
        """Add a parameter; return its mark."""
        self.values.append(value)
        return f"${len(self.values)}"

    @property
    def text(self) -> str:
        """Return the condition as SQL."""
        return " AND ".join(f"({part})" for part in self.parts)


def narrowed(wanted: Sequence[str], scope: Sequence[str]) -> list[str]:
    """Return the prefixes that both sides cover; nothing wanted means the whole scope."""
    if not wanted:
        return sorted(set(scope))
    both = {max(one, other, key=len) for one in wanted for other in scope if _covers(one, other) or _covers(other, one)}
    return sorted(one for one in both if not any(one != other and _covers(other, one) for other in both))


def condition(criteria: Criteria, scope: Sequence[str], this_year: int) -> Condition:
    """Say who is meant within a scope of division prefixes."""
    made = Condition()
    places = narrowed(criteria.divisions, scope)
    if not any(len(place) <= PROVINCE_LENGTH for place in places):
        # Only who covers the whole province reaches people whose home nobody knows.
        made.parts.append(_within(made, "c.division_code", places))
    if criteria.age_from is not None:
        made.parts.append(f"c.birth_year <= {made.mark(this_year - criteria.age_from)}")
    if criteria.age_to is not None:
        made.parts.append(f"c.birth_year >= {made.mark(this_year - criteria.age_to)}")
    if criteria.level:
        made.parts.append(f"c.real_name_level >= {made.mark(criteria.level)}")
    if criteria.tag:
        made.parts.append(f"c.id IN ({_OF_TAG.format(tag=made.mark(criteria.tag))})")
    if criteria.list_id:
        made.parts.append(f"c.id IN ({_OF_LIST.format(list_id=made.mark(uuid.UUID(criteria.list_id)))})")
    if criteria.item_code or criteria.case_states:
        made.parts.append(_with_case(made, criteria, scope))
    if criteria.topic:
        made.parts.append(f"NOT ({_MUTED.format(topic=f'{made.mark(criteria.topic)}::text')})")
    return made


def _with_case(made: Condition, criteria: Criteria, scope: Sequence[str]) -> str:
    """Only cases that the author may see count: nobody learns of others from the size of an audience."""
    parts = ["a.citizen_id = c.id", "a.status <> 'DRAFT'"]
    if not any(len(place) <= PROVINCE_LENGTH for place in scope):
        parts.append(_within(made, "a.division_code", scope))
    if criteria.item_code:
        parts.append(f"a.item_code = {made.mark(criteria.item_code)}")
    if criteria.case_states:
        parts.append(f"a.status = ANY({made.mark(list(criteria.case_states))}::text[])")
    return f"EXISTS (SELECT 1 FROM application a WHERE {' AND '.join(parts)})"


def _within(made: Condition, column: str, prefixes: Sequence[str]) -> str:
    ranges = [f"{column} >= {made.mark(prefix)} AND {column} < {made.mark(_following(prefix))}" for prefix in prefixes]
    return " OR ".join(f"({each})" for each in ranges) or "false"


def _following(prefix: str) -> str:
    """Return the first text behind everything that begins with these digits."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _covers(prefix: str, code: str) -> bool:
    return code.startswith(prefix)
