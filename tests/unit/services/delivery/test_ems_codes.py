"""EMS's 妥投 and 未妥投 codes: each reason has its meaning, and an unknown one stays an exception."""

import pytest

from services.delivery.couriers.ems_codes import STATUS_OF_CODE, UNDOES, meaning_of
from services.delivery.types import SignedAs


@pytest.mark.parametrize(
    ("code", "status", "signed_as"),
    [
        ("10", "DELIVERED", SignedAs.SELF),
        ("20", "DELIVERED", SignedAs.AGENT),
        ("30", "AWAITING_COLLECTION", SignedAs.STATION),
        ("50", "AWAITING_COLLECTION", SignedAs.LOCKER),
        ("60", "DELIVERED", SignedAs.DESK),
        ("70", "DELIVERED", SignedAs.DESK),
        ("90", "DELIVERED", SignedAs.OTHER),
        ("100", "DELIVERED", SignedAs.OTHER),
        ("150", "DELIVERED", SignedAs.OTHER),
        ("160", "DELIVERED", SignedAs.OTHER),
        ("161", "DELIVERED", SignedAs.OTHER),
        ("180", "EXCEPTION", SignedAs.UNKNOWN),
        ("999", "DELIVERED", SignedAs.OTHER),
        ("", "DELIVERED", SignedAs.UNKNOWN),
    ],
)
def test_delivered_says_who_signed(code: str, status: str, signed_as: SignedAs) -> None:
    meaning = meaning_of("704", deliver_code=code)
    assert (meaning.status, meaning.signed_as) == (status, signed_as)


@pytest.mark.parametrize(
    ("reasons", "status"),
    [
        ("1 2 3 4 5 6 11 12 16 99", "EXCEPTION"),
        ("7 07", "REJECTED"),
        ("8 9 14", "AWAITING_COLLECTION"),
        ("10 15", "RETURNING"),
        ("13", "LOST"),
    ],
)
def test_not_delivered_says_why(reasons: str, status: str) -> None:
    assert {meaning_of("705", attempt_code=reason).status for reason in reasons.split()} == {status}
    assert meaning_of("705").status == "EXCEPTION"


def test_no_code_both_says_and_takes_back() -> None:
    assert not STATUS_OF_CODE.keys() & UNDOES.keys()
    assert {code for codes in UNDOES.values() for code in codes} - {"423"} <= STATUS_OF_CODE.keys()
    assert not meaning_of("9999").is_known
