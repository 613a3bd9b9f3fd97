"""Row ids: version 7, and in the order in which they were made."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import RFC_4122

from app.ids import first_id, new_id


def test_ids_of_one_process_sort_as_they_were_made() -> None:
    before = first_id(datetime.now(UTC))
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all((each.version, each.variant) == (7, RFC_4122) for each in made)
    assert before < made[0]
