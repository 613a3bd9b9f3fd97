"""Forgetting (个人信息留存): after a time nobody needs to know to whom a parcel went. Run by the schedule.

Source: 快递暂行条例 art. 34 and 个人信息保护法 art. 19: no longer than needed, destroyed on schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import msgspec
import structlog

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.divisions import country
from app.storage import FileStore
from services.delivery import retention_repository as repository
from services.delivery.dispatching.labelling import labels_key
from services.delivery.receiver_hash import receiver_hash
from services.delivery.types import RECEIVER_COLUMN, Contact

_BITE, _MOST_BITES = 200, 500
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retention:
    """Forgets contacts so many days after a parcel's end, and at the latest when its events go."""

    storage: FileStore
    cipher: FieldCipher
    address_days: int
    event_days: int

    async def forget(self) -> None:
        """Forget all that is due, in small bites. Idempotent: yes."""
        forgotten = await self._forget_parcels() + await self._forget_choices()
        if forgotten:
            log.info("addresses_forgotten", rows=forgotten)

    async def _forget_parcels(self) -> int:
        now, done = clock.now(), 0
        for _ in range(_MOST_BITES):
            ended, silent = now - timedelta(days=self.address_days), now - timedelta(days=self.event_days)
            rows = await repository.list_due(ended, silent, _BITE)
            for row in rows:
                await self._forget_files(row)
                region, kept_hash = self._kept(row)
                await repository.redact(row["shipment_no"], row["subject_no"], region, kept_hash, clock.now())
            done += len(rows)
            if len(rows) < _BITE:
                break
        return done

    def _kept(self, row: Row) -> tuple[str, str]:
        """Return the division's name and the hash; parcels of former versions have neither in their row."""
        land = country()
        region, kept_hash = land.full_name(row["to_division_code"]), row["receiver_hash"]
        if row["receiver_cipher"] is not None and not (region and kept_hash):
            contact = msgspec.convert(self.cipher.decrypt_json(RECEIVER_COLUMN, row["receiver_cipher"]), Contact)
            region = region or land.full_name(land.read("".join(contact.address.split())).code)
            kept_hash = kept_hash or receiver_hash(self.cipher, contact)
        return region, kept_hash

    async def _forget_files(self, row: Row) -> None:
        """Delete the label and the bound labels of its batch: both show addresses."""
        if row["label_key"]:
            await self.storage.delete(row["label_key"])
        if row["dispatch_no"]:
            await self.storage.delete(labels_key(row["dispatch_no"]))

    async def _forget_choices(self) -> int:
        """Forget addresses of choices that led to no parcel; of the others they went with it."""
        done = 0
        for _ in range(_MOST_BITES):
            rows = await repository.list_old_choices(clock.now() - timedelta(days=self.event_days), _BITE)
            if not rows:
                break
            regions = {row["id"]: country().full_name(row["division_code"]) for row in rows}
            await repository.redact_choices(regions)
            done += len(rows)
        return done
