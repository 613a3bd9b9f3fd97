"""What reconciliation needs from outside: the bill files of a merchant account.

channels/wechat_bills.py and channels/alipay_bills.py implement it; a payment channel carries the bills of its account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Protocol

from payments.fiscal.neutral import FiscalEntry
from payments.reconciliation.neutral import BillLine, FlowSum


class BillFiles(Protocol):
    """The daily bills of one merchant account. Reads only; no money moves.

    `fetch_*` call the provider, with no transaction open, and write one local file. They raise `BillNotReady` while
    the day's bill is not complete (before 10:00 of the next day in Beijing an absent bill means "not yet"),
    `ProviderUnavailable`, `ProviderRejected`, and `ProviderProtocolError` for a file that was damaged on its way; the
    target must be thrown away then.

    `read_*` block and are run in a thread. They raise `ProviderProtocolError` with `line_no` in its details at the
    first line that is not as it should be, also at the end of the file, so nothing may be decided before that.
    """

    @property
    def has_flows(self) -> bool:
        """Whether the provider makes a fund flow bill that must agree with the trade bill."""
        ...

    async def fetch_trades(self, day: date, target: Path) -> bool:
        """Write the trade bill of a day of Beijing to `target`; False when the day has none."""
        ...

    async def fetch_flows(self, day: date, target: Path) -> bool:
        """Write the fund flow bill of a day to `target`; False when the day has none."""
        ...

    def read_trades(self, file: Path) -> Iterator[BillLine]:
        """Yield the lines of a trade bill in flat memory."""
        ...

    def read_flows(self, file: Path) -> FlowSum:
        """Add up the movements of a fund flow bill that payments, refunds and their fees caused."""
        ...


class FiscalList(Protocol):
    """The one use of the fiscal platform here (payments.fiscal.ports.FiscalPlatform has it)."""

    def list_day(self, business_on: date) -> AsyncIterator[FiscalEntry]:
        """List what the platform booked on a day of Beijing; complete only once the iterator has ended."""
        ...
