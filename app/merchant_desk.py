"""What commands and the start do with merchant accounts: the house opened for them, every change in the audit trail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from app import db, wiring
from app.db import Transaction
from app.settings import Settings
from payments.merchants.intake import FaultyImport, parse
from payments.merchants.service import MerchantService
from payments.ports import ChannelTable
from services.staff.audit import AuditTrail
from services.staff.types import Act

log = structlog.get_logger()


class AuditedChanges:
    """Implements merchants.ports.Witness: each change is one act in the hash chain, in its own transaction."""

    def __init__(self, audit: AuditTrail, actor: str = "cli") -> None:
        self._audit = audit
        self._actor = actor

    async def __call__(self, tx: Transaction, action: str, code: str, details: Mapping[str, Any]) -> None:
        """Record the act as the last thing of the transaction."""
        await self._audit.record(Act(self._actor, action, "payment_account", code, details), tx)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[MerchantService, AuditedChanges]]:
    """Open the house for one command; no provider is called by it."""
    await db.start(settings.database_url, pool_max=4)
    house = await wiring.build(settings)
    try:
        yield house.payments.merchants, AuditedChanges(house.staff.audit)
    finally:
        await house.close()
        await db.stop()


async def import_demonstration(content: bytes, folder: Path, audit: AuditTrail) -> None:
    """Write the made-up accounts of demo mode that are missing; those that are there belong to staff. Idempotent."""
    desk = MerchantService(ChannelTable({}, {}), None)
    try:
        wanted = parse(content, lambda name: (folder / name).read_text(encoding="utf-8"))
        planned, _ = await desk.plan(wanted)
    except FaultyImport as refusal:
        log.warning("demo_merchants_refused", faults=refusal.faults)
        return
    new = [each for each in planned if each.kind == "新增"]
    await desk.import_merchants(new, AuditedChanges(audit, "system"))
