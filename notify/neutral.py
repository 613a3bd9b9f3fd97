"""What notice channels take and tell, in neutral words; the ports speak in these types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one try.

    NO_PERMISSION: the person's permission is spent or withdrawn. REFUSED: this channel cannot succeed for this message.
    LATER: nothing was sent, come again. UNKNOWN: the message may have been sent.
    """

    SENT = "SENT"
    NO_PERMISSION = "NO_PERMISSION"
    REFUSED = "REFUSED"
    LATER = "LATER"
    UNKNOWN = "UNKNOWN"


class UnfitValue(ValueError):
    """A value of a message that a channel cannot take, not even shortened; names its key, never the value."""

    def __init__(self, key: str) -> None:
        super().__init__(f"value {key} cannot be sent")
        self.key = key


class Halt(StrEnum):
    """What else a channel's answer stops.

    DAY: this app's share of the day is used up. TEMPLATE: nothing of this template can be sent until a person has
    looked at it.
    """

    NOTHING = ""
    DAY = "DAY"
    TEMPLATE = "TEMPLATE"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of a try with the provider's own code and message number ("" where it gives none).

    `is_fault`: our configuration or our words are wrong, so a person must look. `is_soon`: a LATER that is over within
    seconds.
    """

    outcome: Outcome
    provider_code: str = ""
    message_no: str = ""
    halt: Halt = Halt.NOTHING
    is_fault: bool = False
    is_soon: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for one channel, its values fitted. `reference` is ours and comes back in receipts where the channel
    carries it. `sign` is another SMS sign than the account's usual one."""

    reference: str
    recipient: str = field(repr=False)
    template_id: str
    values: Mapping[str, str]
    page: str = ""
    sign: str = ""


class PermissionChange(StrEnum):
    """What a person decided about a template: GRANTED adds one, KEPT changes nothing, WITHDRAWN takes all."""

    GRANTED = "GRANTED"
    KEPT = "KEPT"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's later word on a message, by its message number."""

    message_no: str
    delivered: bool
    provider_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEvent:
    """One verified pushed message of a platform. `event_key` and `occurred_at` are the same for its repeats."""

    provider: str
    event_key: str
    occurred_at: datetime
    app_id: str
    subject: str = field(repr=False)
    changes: Mapping[str, PermissionChange]
    receipts: tuple[Receipt, ...]
    sealed: str = field(default="", repr=False)
    """What the person wrote to us, encrypted for whoever answers; "" where they wrote nothing."""
