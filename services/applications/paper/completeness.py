"""Since when a body has all that a case needs: from there its five working days of acceptance run.

The one place of this rule: acceptance, silence, the case page and cards ask here.
"""

from __future__ import annotations

from datetime import datetime

from app import clock
from app.db import Row
from services.applications.clock import Calendar
from services.applications.dues import receipt_due
from services.delivery.mailing.types import AWAITED, MailingView
from services.delivery.service import DeliveryService


def counted_from(calendar: Calendar, received_at: datetime, mailing: MailingView | None) -> datetime | None:
    """Return since when a body has all that a case needs, None while it has not. Pure.

    Asking for originals is the notice of what is missing: given within five working days of the case's receipt there is
    no silence, and the days begin with the window's receipt of them. Asked for later, or done without, they change
    nothing. Source: 行政许可法 第三十二条 (逾期不告知的，自收到申请材料之日起即为受理).

    Args:
        received_at: when the case came in last.
        mailing: the originals that were asked for; None where the case needs none.
    """
    if mailing is None or not any(content.required for content in mailing.contents):
        return received_at
    if clock.beijing_date(clock.parse_rfc3339(mailing.asked_at)) > receipt_due(calendar, received_at).on:
        return received_at
    if mailing.status in AWAITED:
        return None
    return max(received_at, clock.parse_rfc3339(mailing.received_at)) if mailing.received_at else received_at


async def complete_since(delivery: DeliveryService, calendar: Calendar, row: Row) -> datetime | None:
    """Return since when a body has all that a stored case needs. See `counted_from`."""
    return counted_from(calendar, row["received_at"], await delivery.mailing.find(row["application_no"]))
