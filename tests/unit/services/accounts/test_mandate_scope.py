"""What a mandate allows: by example, and against a slow reading of its terms for any dates and codes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.mandates.scope import MandateStatus, Terms, covers, is_live, names_item, status_on

ITEM = "11140105MB0001177F4140709012000"
BASIC = "140709012000"
DAY = date(2026, 11, 22)
SAID = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)

moments = st.none() | st.just(SAID)
days = st.integers(-400, 400).map(lambda count: DAY + timedelta(days=count))
codes = st.sampled_from([ITEM, BASIC, "140709013000", "11140100MB0001177F4140709012000", "12140105MB00022220"])
terms = st.builds(
    Terms,
    item_codes=st.lists(codes, max_size=3),
    from_on=days,
    until_on=days,
    accepted_at=moments,
    declined_at=moments,
    revoked_at=moments,
)


def given_terms(**changes: object) -> Terms:
    whole = {"item_codes": (ITEM,), "from_on": DAY, "until_on": DAY + timedelta(days=30), "accepted_at": SAID}
    return Terms(**(whole | changes))  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    ("changes", "status", "live"),
    [
        ({}, "ACCEPTED", True),
        ({"accepted_at": None}, "OFFERED", False),
        ({"from_on": DAY + timedelta(days=1)}, "ACCEPTED", False),
        ({"until_on": DAY}, "ACCEPTED", True),
        ({"from_on": DAY - timedelta(days=9), "until_on": DAY - timedelta(days=1)}, "EXPIRED", False),
        ({"revoked_at": SAID}, "REVOKED", False),
        ({"declined_at": SAID, "accepted_at": None}, "DECLINED", False),
    ],
)
def test_status_and_life_of_a_mandate(changes: dict[str, object], status: str, live: bool) -> None:
    found = given_terms(**changes)
    assert (status_on(found, DAY), is_live(found, DAY)) == (MandateStatus(status), live)


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        ((), True),
        ((ITEM,), True),
        ((BASIC,), True),
        (("140709013000",), False),
        (("11140100MB0001177F4140709012000",), False),
    ],
)
def test_scope_names_whole_codes_and_basic_codes(listed: tuple[str, ...], named: bool) -> None:
    assert names_item(listed, ITEM) is named


def test_a_short_code_is_not_taken_for_a_basic_code() -> None:
    assert not names_item(("", BASIC), BASIC[:5])


@given(terms, days, codes)
def test_a_mandate_covers_exactly_what_its_words_say(found: Terms, today: date, item_code: str) -> None:
    answered = found.accepted_at is not None and found.declined_at is None and found.revoked_at is None
    in_time = today in {found.from_on + timedelta(days=n) for n in range((found.until_on - found.from_on).days + 1)}
    in_scope = not found.item_codes or any(item_code in (code, item_code[:19] + code) for code in found.item_codes)
    assert covers(found, item_code, today) is (answered and in_time and in_scope)


@given(terms, days, days)
def test_an_ended_mandate_never_lives_again(found: Terms, today: date, later: date) -> None:
    ends = {MandateStatus.EXPIRED, MandateStatus.REVOKED, MandateStatus.DECLINED}
    if later >= today and status_on(found, today) in ends:
        assert status_on(found, later) in ends
        assert not is_live(found, later)
