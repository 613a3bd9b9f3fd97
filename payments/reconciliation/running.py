"""One run: fetch the files of a day with no transaction open, stage and compare them in one, keep the result.

The sub-door and the jobs call it. A file that is not as it should be fails the run and changes nothing else.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from app.clock import now
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments.fiscal.neutral import FiscalEntryKind
from payments.reconciliation import comparison_repository as comparing
from payments.reconciliation import run_repository as repository
from payments.reconciliation import staging_repository as staging
from payments.reconciliation.comparison_repository import Day
from payments.reconciliation.neutral import BillNotReady, FlowSum
from payments.reconciliation.ports import BillFiles, FiscalList

Progress = Callable[[int], None]
_CLOCKS_DIFFER = timedelta(minutes=1)
_LEFT_BEHIND_SECONDS = 86_400
log = structlog.get_logger()


@dataclass(slots=True)
class Material:
    """What was fetched for a run: local files, and until when the fiscal list is complete."""

    trades: Path | None
    flows: FlowSum | None
    fiscal: Path | None
    listed_until: datetime
    nearby: list[tuple[bool, str]] | None = None
    """Of our movements near midnight, those in the bill of the day before; None while nobody has looked."""


class _NeighbourNeeded(Exception):
    """Some of our movements near midnight are not in the bill: that of the day before must be looked into first."""

    def __init__(self, numbers: frozenset[tuple[bool, str]]) -> None:
        super().__init__("the bill of the day before is needed")
        self.numbers = numbers


class Runs:
    """Compares one account and day at a time.

    Args:
        fiscal: the fiscal platform, for its list of the day.
        folder: where files lie while a run lasts.
    """

    def __init__(self, fiscal: FiscalList | None, folder: Path) -> None:
        self._fiscal = fiscal
        self._folder = folder

    async def run(self, day: Day, files: BillFiles, *, repair: bool, progress: Progress) -> None:
        """Compare a day and keep the result, also that it failed.

        Raises: BillNotReady and ProviderUnavailable (come again), Conflict (another run of this day is working).
        Idempotent: yes, a repeated run finds the same.
        """
        started_at = now()
        folder = await asyncio.to_thread(self._make_folder, day)
        try:
            material = await self._fetch(day, files, folder)
            try:
                await self._compare(day, files, material, started_at, repair, progress)
            except _NeighbourNeeded as needed:
                material.nearby = await self._read_before(day, files, folder / "before", needed.numbers)
                await self._compare(day, files, material, started_at, repair, _unheard)
        except (BillNotReady, ProviderUnavailable):
            raise
        except (ProviderProtocolError, ProviderRejected) as error:
            if isinstance(error, ProviderRejected) and error.retryable:
                raise
            await self._failed(day, started_at, error)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _fetch(self, day: Day, files: BillFiles, folder: Path) -> Material:
        trades, flows = folder / "trades", folder / "flows"
        has_trades = await files.fetch_trades(day.business_on, trades)
        flow_sum = None
        if files.has_flows:
            has_flows = await files.fetch_flows(day.business_on, flows)
            flow_sum = await asyncio.to_thread(files.read_flows, flows) if has_flows else FlowSum(0, 0)
        listed_until = min(day.ends_at + timedelta(days=1), now() - _CLOCKS_DIFFER)
        fiscal = None if self._fiscal is None else await self._list_fiscal(self._fiscal, day, folder / "fiscal")
        return Material(trades if has_trades else None, flow_sum, fiscal, listed_until)

    async def _list_fiscal(self, platform: FiscalList, day: Day, target: Path) -> Path:
        """Write the platform's list of the day and of the next one, in which late confirmations stand."""
        with target.open("wb") as file:
            for offset in (0, 1):
                async for entry in platform.list_day(day.business_on + timedelta(days=offset)):
                    is_payment = entry.kind is FiscalEntryKind.PAYMENT
                    numbers = (entry.payment_code, entry.out_trade_no, entry.reference_no)
                    file.write(msgspec.json.encode((is_payment, *numbers, entry.amount_fen, offset == 0)) + b"\n")
        return target

    async def _read_before(
        self, day: Day, files: BillFiles, target: Path, wanted: frozenset[tuple[bool, str]]
    ) -> list[tuple[bool, str]]:
        """Return which of the wanted movements stand in the bill of the day before."""
        if not await files.fetch_trades(day.business_on - timedelta(days=1), target):
            return []

        def read() -> list[tuple[bool, str]]:
            lines = files.read_trades(target)
            keys = ((line.is_refund, line.out_refund_no if line.is_refund else line.out_trade_no) for line in lines)
            return [key for key in keys if key in wanted]

        return await asyncio.to_thread(read)

    async def _compare(
        self,
        day: Day,
        files: BillFiles,
        material: Material,
        started_at: datetime,
        repair: bool,
        progress: Progress,
    ) -> None:
        async with repository.comparison(day) as tx:
            if material.trades is not None:
                await staging.stage_lines(tx, files.read_trades(material.trades), progress)
            await staging.stage_nearby(tx, material.nearby or [])
            await comparing.find_missing_there(tx, day)
            if material.nearby is None and (wanted := await comparing.list_nearby(tx, day)):
                raise _NeighbourNeeded(frozenset(wanted))
            await comparing.find_at_channel(tx, day)
            if material.fiscal is not None:
                await staging.stage_fiscal(tx, _fiscal_rows(material.fiscal))
                await comparing.find_at_fiscal(tx, day, material.listed_until)
            if material.flows is not None:
                await comparing.find_at_flows(tx, day, material.flows)
            await repository.record_result(
                tx,
                day,
                started_at,
                material.flows.net_fen if material.flows else 0,
                with_fiscal=material.fiscal is not None,
                repair=repair,
            )

    async def _failed(self, day: Day, started_at: datetime, error: ProviderProtocolError | ProviderRejected) -> None:
        details = error.details
        reason = str(details.get("reason") or details.get("provider_code") or error.stable_code)
        cause = str(details.get("cause") or "")
        line_no = details.get("line_no") or None
        fault = f"{reason}: {cause}" if cause else reason
        log.error(
            "reconciliation_failed", account=day.account_code, day=str(day.business_on), fault=fault, line=line_no
        )
        await repository.record_failure(day, started_at, fault, line_no)

    def _make_folder(self, day: Day) -> Path:
        """Make the folder of a run; those that killed runs left behind go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.iterdir():
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{day.account_code}-{day.business_on}-", dir=self._folder))


def _fiscal_rows(file: Path) -> Iterator[tuple[Any, ...]]:
    decoder = msgspec.json.Decoder(tuple[bool, str, str, str, int, bool])
    with file.open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)


def _unheard(count: int) -> None:
    """Nobody watches."""
