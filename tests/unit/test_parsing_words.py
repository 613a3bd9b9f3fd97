"""What a phone shows of a field that is not as it should be: Chinese words without signs of a programme."""

from __future__ import annotations

import msgspec
import pytest

from handlers.parsing import field_fault
from services.accounts.addresses.types import NewAddress
from services.accounts.types import PrintedText


@pytest.mark.parametrize(
    ("complaint", "path", "sentence"),
    [
        ("Expected `str` of length >= 6 - at `$.waybill_no`", "waybill_no", "长度应不小于6"),
        ("Expected `array` of length <= 40 - at `$.rows`", "rows", "长度应不大于40"),
        ("Expected `int` >= -1 - at `$.limit`", "limit", "数值应不小于-1"),
    ],
)
def test_bounds_are_said_in_words(complaint: str, path: str, sentence: str) -> None:
    fault = field_fault(complaint)
    assert (fault.path, fault.message) == (path, sentence)


@pytest.mark.parametrize("street", ["\u200b\u200b", "\u3000", "\u202e", "。", "😀"])
def test_street_that_nobody_could_read_on_a_label_is_refused(street: str) -> None:
    given = {"recipient": "张伟", "phone": "13800000001", "division_code": "140105"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given | {"street": street}, NewAddress)
    assert msgspec.convert("88号\u200b", PrintedText) == "88号\u200b"
