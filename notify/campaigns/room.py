"""Puts the parts of campaigns together over the notify room's means; wiring makes one of it."""

from __future__ import annotations

from collections.abc import Mapping

from app.jobs import JobFunction, Sweep
from app.pacing import Pacing
from notify.campaigns import repository
from notify.campaigns.announcing import Announcer
from notify.campaigns.composing import Composing
from notify.campaigns.expanding import PAGE_PEOPLE, Expanding
from notify.campaigns.ports import Announce, Audiences, Audit
from notify.campaigns.sending import Sending
from notify.campaigns.service import CampaignService
from notify.campaigns.sweeps import CampaignSweeps
from notify.delivering.batches import Delivering
from notify.ports import NoticeTable
from notify.templates import Shelf


class CampaignRoom:
    """The use cases of staff, and what runs beside them.

    Args:
        approval_size: above so many people a second person decides.
        page: so many people are written at once.
    """

    def __init__(
        self,
        *,
        table: NoticeTable,
        delivering: Delivering,
        shelf: Shelf,
        pacing: Pacing,
        audiences: Audiences,
        audit: Audit,
        announce: Announce,
        approval_size: int,
        page: int = PAGE_PEOPLE,
    ) -> None:
        announcer = Announcer(announce)
        self.service = CampaignService(shelf, Composing(shelf, table), audiences, audit, announcer, approval_size)
        self._expanding = Expanding(shelf, audiences, announcer, approval_size, page)
        self._sending = Sending(delivering, pacing, announcer)

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload, for wiring's job table."""
        return {
            repository.EXPAND: self._expanding.expand,
            repository.SEND: self._sending.send,
            repository.CANCEL: self._sending.cancel,
            repository.RESEND: self._sending.resend,
        }

    def sweeps(self) -> Mapping[str, tuple[str, Sweep]]:
        """Return sweep name → (cron expression with seconds in the sixth place, coroutine) for wiring."""
        return CampaignSweeps(self.service, self._sending).table()
