"""Whatever a genuine answer holds, the client reads it or says that it cannot: never another error, never a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.fiscal import answers

RECEIPT = {
    "Kind": "BLUE",
    "EInvoiceCode": "14010126",
    "EInvoiceNumber": "0000000001",
    "CheckCode": "a1b2c3",
    "Amt": "20.00",
    "IssueTime": "2026-11-21 10:00:00",
    "Url": "https://receipts.example.gov.cn/1.pdf",
}
NOTICE = {
    "PayCode": "14000026000000000001",
    "BizNo": "B1",
    "Amt": "20.35",
    "OriAmt": "20.00",
    "DelayAmt": "0.35",
    "Status": "0",
    "OutTradeNo": "",
    "CrcCode": "1234",
}
ENTRY = {
    "SerialNo": "1",
    "Kind": "PAY",
    "PayCode": "14000026000000000001",
    "BizNo": "B1",
    "OutTradeNo": "P1",
    "OutRefundNo": "",
    "Amt": "20.00",
    "BookTime": "2026-11-21 10:00:00",
}
PAGE = {
    "Batch": "1795233600.000000",
    "PageNo": "1",
    "PageCount": "1",
    "TotalCount": "1",
    "PaidAmt": "20.00",
    "ReversedAmt": "0.00",
    "Entries": [ENTRY],
}
CONFIRMED = {"State": "CONFIRMED", "ConfirmTime": "2026-11-21 10:00:00"}
READERS: dict[str, tuple[Callable[[Mapping[str, Any]], object], dict[str, Any]]] = {
    "notice": (lambda data: answers.notice(data, 20), NOTICE),
    "confirmed": (answers.confirmed, CONFIRMED),
    "receipt": (answers.issued_receipt, {"State": "ISSUED", "Receipt": RECEIPT}),
    "page": (answers.page, PAGE),
    "entry": (lambda data: answers.page(PAGE | {"Entries": [data]}), ENTRY),
    "blue": (lambda data: answers.receipt(data, "BLUE"), RECEIPT),
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["20.0", "20", "-20.00", "２０.00", "1e3", "2026-02-30 10:00:00", "999999999999.99", "\x00"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@pytest.mark.parametrize("name", READERS)
def test_a_good_answer_is_read(name: str) -> None:
    reader, good = READERS[name]
    assert reader(good) is not None


@given(name=st.sampled_from(sorted(READERS)), value=ODD, data=st.data())
def test_an_odd_value_is_read_or_named_unreadable(name: str, value: Any, data: st.DataObject) -> None:
    reader, good = READERS[name]
    changed = good | {data.draw(st.sampled_from(sorted(good))): value}
    with suppress(ValueError):
        assert reader(changed) is not None or name == "receipt"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("notice", {"Amt": "20.36"}),
        ("notice", {"Amt": "0.35", "OriAmt": "0.00"}),
        ("notice", {"PayCode": "140000260000000000012"}),
        ("notice", {"CrcCode": "12345"}),
        ("notice", {"Amt": 20.35}),
        ("confirmed", {"State": "DONE"}),
        ("confirmed", {"ConfirmTime": ""}),
        ("blue", {"EInvoiceCode": "1401012"}),
        ("blue", {"EInvoiceNumber": "00000000001"}),
        ("blue", {"CheckCode": "a1b2c"}),
        ("blue", {"Url": "javascript:alert(1)"}),
        ("blue", {"Kind": "RED"}),
        ("entry", {"Kind": "XXX"}),
        ("entry", {"Amt": "20.001"}),
        ("page", {"Batch": ""}),
    ],
)
def test_what_does_not_fit_is_unreadable(name: str, change: dict[str, Any]) -> None:
    reader, good = READERS[name]
    with pytest.raises(ValueError, match=r".+"):
        reader(good | change)


def test_under_way_is_not_done() -> None:
    assert answers.confirmed({"State": "PROCESSING"}).confirmed_at is None
    assert answers.issued_receipt({"State": "PROCESSING"}) is None
    assert answers.red_letter({"State": "PROCESSING"}) is None
