"""The job that makes the labels of a batch, tells how far it is, and binds them into one file to print."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from app import clock
from app.storage import FileStore
from services.delivery.dispatching import repository
from services.delivery.dispatching.labels import Labels
from services.delivery.dispatching.states import DispatchStatus
from services.delivery.ports import Announce

_AT_ONCE = 20
log = structlog.get_logger()


def labels_key(dispatch_no: str) -> str:
    """Name the file with all labels of a batch."""
    return f"dispatches/{dispatch_no}/labels.pdf"


class Labelling:
    """Makes the labels of a batch (job `delivery.label_dispatch`)."""

    def __init__(self, labels: Labels, storage: FileStore, announce: Announce) -> None:
        self._labels = labels
        self._storage = storage
        self._announce = announce

    async def run(self, job: Mapping[str, Any]) -> None:
        """Make what is missing, twenty at once, and bind all of it. Idempotent: yes; a repeat goes on where it ended.

        Raises: ServiceUnavailable: the job runs again.
        """
        dispatch_no = job["dispatch_no"]
        dispatch = await repository.find(dispatch_no)
        if dispatch is None or dispatch["status"] != DispatchStatus.PREPARING:
            return
        numbers = [row["shipment_no"] for row in await repository.list_parcels(dispatch_no)]
        for start in range(0, len(numbers), _AT_ONCE):
            await asyncio.gather(*(self._labels.make(number) for number in numbers[start : start + _AT_ONCE]))
            now = await repository.note_progress(dispatch_no)
            await self._announce(f"dispatch:{dispatch_no}")
            if now is None or now["status"] != DispatchStatus.PREPARING:
                return
        await self._bind(dispatch_no)
        await repository.end_labelling(dispatch_no, clock.now())
        await self._announce(f"dispatch:{dispatch_no}")

    async def _bind(self, dispatch_no: str) -> None:
        rows = [row for row in await repository.list_parcels(dispatch_no) if row["label_key"]]
        if rows:
            contents = [await self._storage.get(row["label_key"]) for row in rows]
            await self._storage.put(labels_key(dispatch_no), await asyncio.to_thread(bound, contents))


def bound(contents: Sequence[bytes]) -> bytes:
    """Put the pages of labels into one PDF, in their order; one that cannot be read is left out. Slow: in a thread."""
    import pikepdf  # only the process that runs jobs needs it

    whole = pikepdf.new()
    for content in contents:
        try:
            with pikepdf.open(io.BytesIO(content)) as single:
                whole.pages.extend(single.pages)
        except pikepdf.PdfError:
            log.warning("label_not_bound", bytes=len(content))
    buffer = io.BytesIO()
    whole.save(buffer, deterministic_id=True)
    return buffer.getvalue()
