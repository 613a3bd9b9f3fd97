"""The calls of the fiscal platform: notices, confirmation, receipts, reversal, the day list.

The adapter payments/channels/fiscal.py calls it. It must not know our bills or their states.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from app import clock
from app.money import yuan_text
from clients.fiscal import answers
from clients.fiscal.types import Confirmed, NewNotice, Notice, PaymentReport, Receipt, StatementEntry, StatementPage
from clients.fiscal.wire import FiscalWire, protocol_error

_ISSUE, _QUERY, _VOID = "notice/issue", "notice/query", "notice/void"
_CONFIRM = "payment/confirm"
_RECEIPT, _REVERSE = "receipt/query", "receipt/reverse"
_LIST = "statement/list"

Read = TypeVar("Read")


class FiscalClient:
    """Calls of one account at one region's platform. All raise ProviderUnavailable, ProviderRejected (with the
    platform's code) and ProviderProtocolError, and all may be repeated with the same arguments."""

    def __init__(self, wire: FiscalWire, *, page_size: int = 500) -> None:
        self._wire = wire
        self._page_size = page_size
        self._code = re.compile(rf"[0-9]{{{wire.account.code_length}}}")

    def is_code(self, pay_code: str) -> bool:
        """Tell whether a text has the shape of this region's 缴款码.

        Source: docs/providers/fiscal.md, Region profile: SJT_FISCAL_CODE_LENGTH digits, 16 to 20.
        """
        return bool(self._code.fullmatch(pay_code))

    async def issue(self, notice: NewNotice) -> Notice:
        """Issue a payment notice (开具缴款通知); the answer carries its 缴款码.

        Raises: ProviderRejected NT1002 when the number stands for other content.
        Idempotent: yes, by `biz_no` with equal content.
        Source: docs/providers/fiscal.md, notice/issue.
        """
        data = await self._wire.call(_ISSUE, _notice_fields(notice))
        found = self._read(_ISSUE, self._notice, data)
        if found.biz_no != notice.biz_no or found.original_fen != notice.original_fen:
            raise protocol_error(_ISSUE, "another_notice")
        return found

    async def query(self, pay_code: str) -> Notice:
        """Ask for a notice: what is due now and how it stands. A read.

        Raises: ProviderRejected NT1001.
        Source: docs/providers/fiscal.md, notice/query.
        """
        found = self._read(_QUERY, self._notice, await self._wire.call(_QUERY, {"PayCode": pay_code}))
        if found.pay_code != pay_code:
            raise protocol_error(_QUERY, "another_notice")
        return found

    async def void(self, pay_code: str) -> None:
        """Withdraw an unpaid notice (作废).

        Raises: ProviderRejected NT1001, NT1006.
        Idempotent: yes, by `pay_code`.
        Source: docs/providers/fiscal.md, notice/void.
        """
        self._same(_VOID, await self._wire.call(_VOID, {"PayCode": pay_code}), PayCode=pay_code)

    async def confirm(self, report: PaymentReport) -> Confirmed:
        """Report a payment for confirmation (缴款确认).

        Raises: ProviderRejected NT1001 to NT1005.
        Idempotent: yes, by `pay_code` and `out_trade_no` with equal content.
        Source: docs/providers/fiscal.md, payment/confirm.
        """
        named = {"PayCode": report.pay_code, "OutTradeNo": report.out_trade_no, "Amt": yuan_text(report.amount_fen)}
        paid_at = clock.to_beijing(report.paid_at).strftime("%Y-%m-%d %H:%M:%S")
        details = {"Channel": report.channel, "TradeNo": report.provider_trade_no, "PayTime": paid_at}
        data = await self._wire.call(_CONFIRM, named | details)
        self._same(_CONFIRM, data, **named)
        return self._read(_CONFIRM, answers.confirmed, data)

    async def receipt(self, pay_code: str) -> Receipt | None:
        """Fetch the 财政电子票据 of a notice; None while it is not issued. A read.

        Raises: ProviderRejected NT1001.
        Source: docs/providers/fiscal.md, receipt/query.
        """
        data = await self._wire.call(_RECEIPT, {"PayCode": pay_code})
        self._same(_RECEIPT, data, PayCode=pay_code)
        return self._read(_RECEIPT, answers.issued_receipt, data)

    async def reverse(self, pay_code: str, out_refund_no: str, amount_fen: int, reason: str) -> Receipt | None:
        """Reverse all or a part of a payment (红冲); returns the red letter, None while it is processed.

        Raises: ProviderRejected NT1001, NT1002, NT1007 to NT1009.
        Idempotent: yes, by `out_refund_no` with the same code and amount.
        Source: docs/providers/fiscal.md, receipt/reverse.
        """
        named = {"PayCode": pay_code, "OutRefundNo": out_refund_no, "Amt": yuan_text(amount_fen)}
        data = await self._wire.call(_REVERSE, named | {"Reason": reason})
        self._same(_REVERSE, data, **named)
        found = self._read(_REVERSE, answers.red_letter, data)
        if found is not None and found.amount_fen != amount_fen:
            raise protocol_error(_REVERSE, "another_amount")
        return found

    async def statement(self, day: date) -> AsyncIterator[StatementEntry]:
        """List what was booked on a day of Beijing, one page at a time; the head is checked at the end. A read.

        Every page after the first names the `Batch` of the first, so that the list does not move while it is read.
        Source: docs/providers/fiscal.md, statement/list.
        """
        head = page = await self._page(day, 1, "")
        tally = _Tally()
        while True:
            for entry in page.entries:
                tally.add(entry)
                yield entry
            if page.page_no >= head.page_count:
                break
            page = await self._page(day, page.page_no + 1, head.batch)
        tally.check(head)

    async def _page(self, day: date, page_no: int, batch: str) -> StatementPage:
        asked = {"Date": day.isoformat(), "PageNo": str(page_no), "PageSize": str(self._page_size), "Batch": batch}
        data = await self._wire.call(_LIST, asked)
        self._same(_LIST, data, Date=asked["Date"], PageNo=asked["PageNo"])
        page = self._read(_LIST, answers.page, data)
        if batch and page.batch != batch:
            raise protocol_error(_LIST, "another_batch")
        return page

    def _notice(self, data: Mapping[str, Any]) -> Notice:
        return answers.notice(data, self._wire.account.code_length)

    def _read(self, call: str, reader: Callable[[Mapping[str, Any]], Read], data: Mapping[str, Any]) -> Read:
        try:
            return reader(data)
        except ValueError:
            raise protocol_error(call, "unreadable_value") from None

    def _same(self, call: str, data: Mapping[str, Any], **asked: str) -> None:
        if any(data.get(name) != value for name, value in asked.items()):
            raise protocol_error(call, "another_answer")


class _Tally:
    """Counts what was listed, to be compared with the head of the list."""

    def __init__(self) -> None:
        self._serial_no = self._count = self._paid_fen = self._reversed_fen = 0

    def add(self, entry: StatementEntry) -> None:
        if entry.serial_no <= self._serial_no:
            raise protocol_error(_LIST, "entry_twice")
        self._serial_no = entry.serial_no
        self._count += 1
        if entry.kind == "PAY":
            self._paid_fen += entry.amount_fen
        else:
            self._reversed_fen += entry.amount_fen

    def check(self, head: StatementPage) -> None:
        counted = (self._count, self._paid_fen, self._reversed_fen)
        if counted != (head.total_count, head.paid_fen, head.reversed_fen):
            raise protocol_error(_LIST, "head_differs")


def _notice_fields(notice: NewNotice) -> dict[str, Any]:
    return {
        "BizNo": notice.biz_no,
        "BillDate": notice.bill_date.isoformat(),
        "DueDate": notice.due_date.isoformat() if notice.due_date else "",
        "AgenCode": notice.agency_code,
        "AgenName": notice.agency_name,
        "AgenDivCode": notice.agency_division,
        "Title": notice.title,
        "PayerName": notice.payer_name,
        "OriAmt": yuan_text(notice.original_fen),
        "Items": [
            {"ItemCode": item.code, "ItemName": item.name, "Amt": yuan_text(item.amount_fen), "Basis": item.basis}
            for item in notice.items
        ],
    }
