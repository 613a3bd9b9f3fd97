"""A notify room with fake channels and contacts, for integration tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from app import db
from app.clock import now
from app.errors import CallbackRejected
from app.events import DomainEvent
from app.ids import new_id
from app.tokens import Caller
from notify.neutral import Delivery, Message, Outcome, PermissionChange, PushEvent, Receipt
from notify.ports import NoticeTable
from notify.service import NotifyService
from notify.sweeps import NoticeSweeps
from notify.templates import import_templates, read_templates
from notify.types import ContactIdentity, Contacts, KnownIdentity
from tests.fakes.jobs import taken_jobs

TEMPLATES = Path(__file__).parents[2] / "data" / "templates.json"
WECHAT_APP, ALIPAY_APP = "wx0123456789abcdef", "2021000000000001"


class FakeNoticeChannel:
    """Implements ports.NoticeChannel: keeps what it was given, answers what it was told to."""

    def __init__(self, pause_seconds: float = 0.0) -> None:
        self.sent: list[Message] = []
        self.answers: list[Outcome] = []
        self.away_seconds = 0.0
        self._pause_seconds = pause_seconds

    def fitted(self, values: Mapping[str, str]) -> dict[str, str]:
        return dict(values)

    def pause_seconds(self) -> float:
        return self.away_seconds

    async def send(self, message: Message) -> Delivery:
        await asyncio.sleep(self._pause_seconds)
        outcome = self.answers.pop(0) if self.answers else Outcome.SENT
        if outcome is Outcome.SENT:
            self.sent.append(message)
        return Delivery(outcome, str(outcome), f"m{len(self.sent)}{message.reference[-8:]}")


class FakeRecipients:
    """Implements ports.Recipients over a dictionary."""

    def __init__(self) -> None:
        self.people: dict[uuid.UUID, Contacts] = {}

    async def contacts_of(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Contacts]:
        return {citizen_id: self.people.get(citizen_id, Contacts((), "")) for citizen_id in citizen_ids}

    async def find(self, provider: str, app_id: str, subject: str) -> KnownIdentity | None:
        for citizen_id, contacts in self.people.items():
            for each in contacts.identities:
                if (each.provider, each.app_id, each.subject) == (provider, app_id, subject):
                    return KnownIdentity(each.identity_id, citizen_id)
        return None


class FakePushDoor:
    """Implements ports.PushDoor: the body is the event as JSON."""

    def answer_check(self, query: Mapping[str, str]) -> str:
        if query.get("signature") != "genuine":
            raise CallbackRejected(provider="wechat", reason="signature")
        return query["echostr"]

    def parse(self, query: Mapping[str, str], body: bytes) -> PushEvent:
        if query.get("signature") != "genuine":
            raise CallbackRejected(provider="wechat", reason="signature")
        content = msgspec.json.decode(body)
        return PushEvent(
            provider="wechat",
            event_key=content["key"],
            occurred_at=msgspec.convert(content["at"], type=type(now())),
            app_id=WECHAT_APP,
            subject=content["subject"],
            changes={name: PermissionChange(value) for name, value in content.get("changes", {}).items()},
            receipts=tuple(Receipt(*each) for each in content.get("receipts", [])),
        )


class FakeReceiptDoor:
    """Implements ports.ReceiptDoor: the body is a list of [message_no, delivered, code]."""

    def admits(self, token: str) -> bool:
        return token == "secret"

    def parse(self, body: bytes) -> tuple[Receipt, ...]:
        return tuple(Receipt(*each) for each in msgspec.json.decode(body))

    def acknowledgement(self) -> bytes:
        return b'{"code":0}'


@dataclass
class NotifyHouse:
    """The room, its channels and one person with both platforms and a phone."""

    wechat: FakeNoticeChannel = field(default_factory=FakeNoticeChannel)
    alipay: FakeNoticeChannel = field(default_factory=FakeNoticeChannel)
    sms: FakeNoticeChannel = field(default_factory=FakeNoticeChannel)
    recipients: FakeRecipients = field(default_factory=FakeRecipients)

    def __post_init__(self) -> None:
        table = NoticeTable(
            {("WECHAT", WECHAT_APP): self.wechat, ("ALIPAY", ALIPAY_APP): self.alipay, ("SMS", ""): self.sms},
            {WECHAT_APP: FakePushDoor()},
            {"aliyun": FakeReceiptDoor()},
        )
        self.service = NotifyService(table, self.recipients)
        self.sweeps = NoticeSweeps(self.service)
        self.caller = Caller(new_id(), new_id(), new_id(), "WECHAT", 4_000_000_000)
        self.openid = f"o{self.caller.citizen_id.hex[:27]}"
        self.alipay_identity = new_id()
        self.recipients.people[self.caller.citizen_id] = Contacts(
            (
                ContactIdentity(self.caller.identity_id, "WECHAT", WECHAT_APP, self.openid),
                ContactIdentity(self.alipay_identity, "ALIPAY", ALIPAY_APP, "0open-id"),
            ),
            "13800000001",
        )
        self.templates = {template.code: template for template in read_templates(TEMPLATES)}

    async def prepare(self) -> None:
        """Import the templates."""
        await import_templates(TEMPLATES)

    def template_id(self, code: str, channel: str = "WECHAT") -> str:
        """Return the provider's template id of an event."""
        binding = self.templates[code].binding(channel)
        assert binding is not None
        return binding.template_id

    def event(self, name: str = "application.accepted", **changed: Any) -> DomainEvent:
        """Return an event that concerns the caller."""
        facts = {"item_name": "居民身份证换领", "promised_on": "2026-12-01", "fee_fen": 2000}
        values: dict[str, Any] = {
            "name": name,
            "subject_no": f"A20261121{new_id().hex[-10:].upper()}",
            "citizen_id": self.caller.citizen_id.hex,
            "facts": facts | changed.pop("facts", {}),
        }
        return DomainEvent(**(values | changed))

    async def allow(self, code: str = "application.accepted", times: int = 1) -> None:
        """The person accepts an event's template so many times."""
        for _ in range(times):
            await self.service.report_subscriptions(self.caller, {self.template_id(code): "accept"})

    async def stock(self) -> dict[str, int]:
        """Count the permissions by status."""
        rows = await db.fetch_all("SELECT status, count(*) AS n FROM subscription GROUP BY status")
        return {row["status"]: row["n"] for row in rows}

    async def drain(self) -> None:
        """Run the waiting delivery jobs until none is left."""
        functions = self.service.jobs()
        while rows := await taken_jobs():
            for row in rows:
                await functions[row["entrypoint"]](msgspec.json.decode(row["payload"]))

    async def retry_now(self) -> None:
        """Let every coming try be due, and sweep."""
        await db.execute("UPDATE notice SET next_try_at = now() - interval '1 minute' WHERE next_try_at IS NOT NULL")
        await self.sweeps.retry_due()

    async def notice(self) -> db.Row:
        """Return the one notice."""
        rows = await db.fetch_all("SELECT * FROM notice")
        assert len(rows) == 1
        return rows[0]

    async def attempts(self) -> list[tuple[str, str]]:
        """Return channel and outcome of every try, in order."""
        rows = await db.fetch_all("SELECT channel, outcome FROM notice_attempt ORDER BY created_at, id")
        return [(row["channel"], row["outcome"]) for row in rows]
