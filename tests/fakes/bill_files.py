"""Bill files of one merchant account in memory: the port BillFiles in full, its days open to the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec

from app.errors import ProviderProtocolError
from payments.reconciliation.neutral import BillLine, BillNotReady, FlowSum


@dataclass
class FakeBillFiles:
    """Implements reconciliation.ports.BillFiles. A day without lines has no bill."""

    has_flows: bool = False
    days: dict[date, list[BillLine]] = field(default_factory=dict)
    flows: dict[date, FlowSum] = field(default_factory=dict)
    not_ready: bool = False
    broken_at_line: int = 0
    fetched: list[date] = field(default_factory=list)

    async def fetch_trades(self, day: date, target: Path) -> bool:
        if self.not_ready:
            raise BillNotReady(provider="fake")
        self.fetched.append(day)
        if day not in self.days:
            return False
        target.write_bytes(b"\n".join(msgspec.json.encode(line) for line in self.days[day]))
        return True

    async def fetch_flows(self, day: date, target: Path) -> bool:
        if day not in self.flows:
            return False
        target.write_bytes(msgspec.json.encode(self.flows[day]))
        return True

    def read_trades(self, file: Path) -> Iterator[BillLine]:
        for line_no, line in enumerate(file.read_bytes().splitlines(), 1):
            if line_no == self.broken_at_line:
                raise ProviderProtocolError(provider="fake", reason="row", line_no=line_no)
            yield msgspec.json.decode(line, type=BillLine)

    def read_flows(self, file: Path) -> FlowSum:
        return msgspec.json.decode(file.read_bytes(), type=FlowSum)
