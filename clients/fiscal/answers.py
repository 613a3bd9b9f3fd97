"""Reads the values of the fiscal platform's answers; what does not fit raises ValueError, never a guess.

The client calls it. Source: docs/providers/fiscal.md, Calls (our profile).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app import clock
from app.money import parse_yuan
from clients.fiscal.types import Confirmed, Notice, Receipt, StatementEntry, StatementPage

_YUAN = re.compile(r"[0-9]{1,12}\.[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_RECEIPT_CODE, _RECEIPT_NUMBER, _CHECK_CODE = (
    re.compile(r"[0-9]{8}"),
    re.compile(r"[0-9]{10}"),
    re.compile(r"[0-9A-Za-z]{6}"),
)
_CRC_CODE = re.compile(r"[0-9A-Za-z]{0,4}")
_ENTRY_KINDS = ("PAY", "REV")


def notice(data: Mapping[str, Any], code_length: int) -> Notice:
    """Read a notice; its three amounts must fit together.

    Raises: ValueError.
    Source: docs/providers/fiscal.md, notice/query.
    """
    amount_fen, original_fen, delay_fen = (_yuan(data, name) for name in ("Amt", "OriAmt", "DelayAmt"))
    if amount_fen != original_fen + delay_fen or original_fen == 0:
        raise ValueError("amounts do not fit together")
    return Notice(
        pay_code=_matching(data, "PayCode", re.compile(rf"[0-9]{{{code_length}}}")),
        biz_no=text(data, "BizNo"),
        amount_fen=amount_fen,
        original_fen=original_fen,
        delay_fen=delay_fen,
        status=text(data, "Status"),
        out_trade_no=text(data, "OutTradeNo"),
        crc_code=_matching(data, "CrcCode", _CRC_CODE),
    )


def confirmed(data: Mapping[str, Any]) -> Confirmed:
    """Read how far a confirmation is.

    Raises: ValueError.
    Source: docs/providers/fiscal.md, payment/confirm.
    """
    return Confirmed(_time(data, "ConfirmTime") if _is_done(data, "CONFIRMED") else None)


def receipt(data: Mapping[str, Any], kind: str) -> Receipt:
    """Read a receipt of the expected kind (BLUE or RED).

    Raises: ValueError.
    Source: docs/providers/fiscal.md, receipt/query; 财政电子票据 code and number: 财政票据管理办法 and 票据编码规则.
    """
    url = text(data, "Url")
    if text(data, "Kind") != kind or urlsplit(url).scheme not in ("https", "http"):
        raise ValueError("a receipt of another kind, or without a link")
    return Receipt(
        kind=kind,
        code=_matching(data, "EInvoiceCode", _RECEIPT_CODE),
        number=_matching(data, "EInvoiceNumber", _RECEIPT_NUMBER),
        check_code=_matching(data, "CheckCode", _CHECK_CODE),
        amount_fen=_yuan(data, "Amt"),
        url=url,
        issued_at=_time(data, "IssueTime"),
    )


def issued_receipt(data: Mapping[str, Any]) -> Receipt | None:
    """Read the receipt of a payment; None while it is not issued.

    Raises: ValueError.
    Source: docs/providers/fiscal.md, receipt/query.
    """
    return receipt(_object(data, "Receipt"), "BLUE") if _is_done(data, "ISSUED") else None


def red_letter(data: Mapping[str, Any]) -> Receipt | None:
    """Read the red letter of a reversal; None while it is processed.

    Raises: ValueError.
    Source: docs/providers/fiscal.md, receipt/reverse.
    """
    return receipt(_object(data, "Receipt"), "RED") if _is_done(data, "REVERSED") else None


def page(data: Mapping[str, Any]) -> StatementPage:
    """Read one page of the day list.

    Raises: ValueError.
    Source: docs/providers/fiscal.md, statement/list.
    """
    listed = data.get("Entries")
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise ValueError("no list of entries")
    return StatementPage(
        batch=_matching(data, "Batch", re.compile(r"[0-9A-Za-z._-]{1,64}")),
        page_no=_count(data, "PageNo"),
        page_count=_count(data, "PageCount"),
        total_count=_count(data, "TotalCount"),
        paid_fen=_yuan(data, "PaidAmt"),
        reversed_fen=_yuan(data, "ReversedAmt"),
        entries=tuple(_entry(row) for row in listed),
    )


def text(data: Mapping[str, Any], name: str) -> str:
    """Return a text field, "" when it is absent. Raises ValueError for anything else.

    Source: docs/providers/fiscal.md, Calls: every value is a text.
    """
    value = data.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _entry(row: Mapping[str, Any]) -> StatementEntry:
    kind = text(row, "Kind")
    if kind not in _ENTRY_KINDS:
        raise ValueError("an entry of an unknown kind")
    return StatementEntry(
        serial_no=_count(row, "SerialNo"),
        kind=kind,
        pay_code=text(row, "PayCode"),
        biz_no=text(row, "BizNo"),
        out_trade_no=text(row, "OutTradeNo"),
        out_refund_no=text(row, "OutRefundNo"),
        amount_fen=_yuan(row, "Amt"),
        booked_at=_time(row, "BookTime"),
    )


def _is_done(data: Mapping[str, Any], done: str) -> bool:
    state = text(data, "State")
    if state not in (done, "PROCESSING"):
        raise ValueError("an unknown state")
    return state == done


def _object(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no object")
    return found


def _matching(data: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = text(data, name)
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} is malformed")
    return value


def _yuan(data: Mapping[str, Any], name: str) -> int:
    return parse_yuan(_matching(data, name, _YUAN))


def _count(data: Mapping[str, Any], name: str) -> int:
    return int(_matching(data, name, _NUMBER))


def _time(data: Mapping[str, Any], name: str) -> datetime:
    return clock.from_beijing(_matching(data, name, _TIME))
