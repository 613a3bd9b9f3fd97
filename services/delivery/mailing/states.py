"""Where a mailing may go from where it stands, as data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.errors import Conflict
from services.delivery.mailing.types import STATUS_TEXT, MailingStatus


class Act(StrEnum):
    """What may happen to a mailing by a person's act."""

    SEND = "send"
    CANCEL = "cancel"
    RECEIVE = "receive"
    BRING = "bring"
    WAIVE = "waive"
    ASK_AGAIN = "ask_again"


TRANSITIONS: Mapping[tuple[MailingStatus, Act], MailingStatus] = {
    (MailingStatus.ASKED, Act.SEND): MailingStatus.SENT,
    (MailingStatus.SENT, Act.CANCEL): MailingStatus.ASKED,
    # A parcel that we know nothing of may lie on the table all the same.
    (MailingStatus.ASKED, Act.RECEIVE): MailingStatus.RECEIVED,
    (MailingStatus.SENT, Act.RECEIVE): MailingStatus.RECEIVED,
    (MailingStatus.WAIVED, Act.RECEIVE): MailingStatus.RECEIVED,
    (MailingStatus.ASKED, Act.BRING): MailingStatus.BROUGHT,
    (MailingStatus.SENT, Act.BRING): MailingStatus.BROUGHT,
    (MailingStatus.ASKED, Act.WAIVE): MailingStatus.WAIVED,
    (MailingStatus.SENT, Act.WAIVE): MailingStatus.WAIVED,
    (MailingStatus.RECEIVED, Act.ASK_AGAIN): MailingStatus.ASKED,
    (MailingStatus.BROUGHT, Act.ASK_AGAIN): MailingStatus.ASKED,
    (MailingStatus.WAIVED, Act.ASK_AGAIN): MailingStatus.ASKED,
}


def next_status(status: str, act: Act) -> MailingStatus:
    """Return where an act leads. Raises: Conflict `mailing_state`."""
    to = TRANSITIONS.get((MailingStatus(status), act))
    if to is None:
        raise Conflict(f"材料原件当前为“{STATUS_TEXT[MailingStatus(status)]}”，不能进行此操作", code="mailing_state")
    return to


def may(status: str, act: Act) -> bool:
    """Tell whether an act is possible."""
    return (MailingStatus(status), act) in TRANSITIONS
