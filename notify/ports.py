"""What the notify room needs from outside: channels to send through, doors that hear back, and people's contacts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import NotFound
from notify.neutral import Delivery, Message, PushEvent, Receipt
from notify.types import Contacts, KnownIdentity


class NoticeChannel(Protocol):
    """One way to send to people, for one mini-program or one SMS account.

    Called by the delivery job after an attempt row was committed, with no transaction open. No money moves, but most
    channels have no idempotency number: a message whose outcome is UNKNOWN may reach the person twice if it is sent
    again, so the caller repeats it late and seldom.
    """

    def fitted(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return values cut and cleaned to what the channel takes. Pure. Raises: UnfitValue naming the first key that
        cannot be made to fit."""
        ...

    def pause_seconds(self) -> float:
        """Say for how long a call would be refused without being made, because the provider is away; 0 = may call."""
        ...

    async def send(self, message: Message) -> Delivery:
        """Send one message whose values are fitted. Never raises for what the provider does:

        SENT obliges the caller to consume the permission; NO_PERMISSION to void every permission of this person and
        template; REFUSED to go on to the next channel; LATER and UNKNOWN to try again by the schedule, keeping the
        permission aside. `halt` obliges the caller to let the app, or the template, rest.
        """
        ...


class PushDoor(Protocol):
    """The address at which a platform tells what people decided and what became of messages."""

    def answer_check(self, query: Mapping[str, str]) -> str:
        """Return the answer to the platform's test of this address. Raises: CallbackRejected."""
        ...

    def parse(self, query: Mapping[str, str], body: bytes) -> PushEvent:
        """Verify, open and read one pushed message. Raises: CallbackRejected: nothing is stored."""
        ...


class ReceiptDoor(Protocol):
    """The address at which an SMS provider reports deliveries. Unsigned: the secret is in the path."""

    def admits(self, token: str) -> bool:
        """Tell, in constant time, whether the path carries our secret."""
        ...

    def parse(self, body: bytes) -> tuple[Receipt, ...]:
        """Read a push of receipts. Raises: CallbackRejected."""
        ...

    def acknowledgement(self) -> bytes:
        """Return the JSON that ends the provider's repeats."""
        ...


class Recipients(Protocol):
    """Knows how people can be reached. Implemented by wiring over the accounts room."""

    async def contacts_of(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Contacts]:
        """Return each person's identities, newest first, phone and wishes, all in one statement; empty contacts where
        there is nobody (any more)."""
        ...

    async def find(self, provider: str, app_id: str, subject: str) -> KnownIdentity | None:
        """Return who a platform means by its name for somebody; None for a stranger."""
        ...


@dataclass(frozen=True, slots=True)
class NoticeTable:
    """Wiring's visible table: channels by (name, app id; "" for SMS), doors by app id and by SMS provider."""

    channels: Mapping[tuple[str, str], NoticeChannel]
    push_doors: Mapping[str, PushDoor] = field(default_factory=dict)
    receipt_doors: Mapping[str, ReceiptDoor] = field(default_factory=dict)

    def push_door(self, app_id: str) -> PushDoor:
        """Return the push door of a mini-program. Raises NotFound."""
        door = self.push_doors.get(app_id)
        if door is None:
            raise NotFound("消息推送地址未配置", app_id=app_id)
        return door

    def receipt_door(self, provider: str, token: str) -> ReceiptDoor:
        """Return the receipt door of an SMS provider. Raises NotFound, also for a wrong token."""
        door = self.receipt_doors.get(provider)
        if door is None or not door.admits(token):
            raise NotFound("回执地址不存在")
        return door
