"""Which topics of the console a domain event changes. app/tables.py lists `Announcing.announce` for these events.

A topic says only that something has changed; pages of staff that show it ask again with their own rights.
"""

from __future__ import annotations

from app.events import DomainEvent
from app.live import Announcements

_LISTS = {
    "application": "cases",
    "package": "cases",
    "refund": "refunds",
    "payment": "payments",
    "bill": "payments",
    "shipment": "shipments",
    "rating": "ratings",
    "consultation": "consultations",
    "mailing": "mailings",
    "collection": "collections",
}
_SINGLE = {
    "application": "case",
    "bill": "case",
    "shipment": "case",
    "mailing": "case",
    "collection": "case",
    "consultation": "consultation",
}
"""Whose number the event's subject is, where a page shows one of them."""

OTHER_EVENTS = (
    "application.material_supplied package.reopened package.withdrawn rating.given refund.abnormal refund.bounced "
    "refund.closed shipment.rebooked shipment.changed shipment.sent_again shipment.moved mailing.sent "
    "callback.quarantined consultation.asked consultation.changed"
).split()
"""Events that staff's pages show besides those which a citizen is told of."""


def topics_of(event: DomainEvent) -> list[str]:
    """Name the topics that an event changes: the list it stands in, and the single thing by its number. Pure."""
    room = event.name.partition(".")[0]
    topics = [_LISTS[room]] if room in _LISTS else []
    if room in _SINGLE:
        topics.append(f"{_SINGLE[room]}:{event.subject_no}")
    case_no = event.facts.get("application_no")
    if isinstance(case_no, str) and case_no and f"case:{case_no}" not in topics:
        topics.append(f"case:{case_no}")
    return topics or (["payments"] if room == "callback" else [])


class Announcing:
    """Tells the open pages after an event."""

    def __init__(self, announcements: Announcements) -> None:
        self._announcements = announcements

    async def announce(self, event: DomainEvent) -> None:
        """Publish the event's topics. Never fails: silence is allowed. Idempotent."""
        for topic in topics_of(event):
            await self._announcements.publish(topic)
