"""The door of the notify room: tell people of events, deliver, permissions, the inbox, and what providers say back.

Handlers, reactions and wiring call it. It builds no query, knows no vendor and no HTTP.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app import metrics
from app.clock import now, rfc3339
from app.errors import CallbackRejected, FieldFault, InvalidRequest
from app.events import DomainEvent
from app.jobs import JobFunction
from app.tokens import Caller
from notify import asking, notices_repository, repository, stock_repository
from notify.delivering.allowances import Allowances
from notify.delivering.attempts_repository import RECEIPT, expect_message, record_receipt
from notify.delivering.batches import Delivering
from notify.figures import NoticeFigures
from notify.neutral import PermissionChange, Receipt
from notify.notices_repository import NewNotice
from notify.ports import NoticeTable, Recipients
from notify.render import INBOX_LENGTH, TITLE_LENGTH, filled, variables_of
from notify.states import lease
from notify.stock_repository import Grant
from notify.templates import Binding, Shelf, Template
from notify.types import Channel, NoticeView, ReadNotices, SubscriptionPanel, SubscriptionView, Told

Live = Callable[[DomainEvent], Awaitable[None]]
_REPORTED = {
    "accept": PermissionChange.GRANTED,
    "reject": PermissionChange.KEPT,
    "filter": PermissionChange.KEPT,
    "ban": PermissionChange.WITHDRAWN,
}


class NotifyService:
    """Use cases of the notify room.

    Args:
        table: channels and doors.
        recipients: how people can be reached.
        allowances: what may be sent how fast; without them everything at once.
        live: tells a person's open phones that the inbox has changed.
    """

    def __init__(
        self,
        table: NoticeTable,
        recipients: Recipients,
        allowances: Allowances | None = None,
        live: Live | None = None,
    ) -> None:
        self.table = table
        self._recipients = recipients
        self.shelf = Shelf()
        self.figures = NoticeFigures()
        self._live = live
        self.delivering = Delivering(table, recipients, self.shelf, allowances)

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload, for wiring's job table."""

        async def deliver(payload: dict[str, str]) -> None:
            await self.deliver(uuid.UUID(payload["notice_id"]), datetime.fromisoformat(payload["occurred_at"]))

        async def hear(payload: dict[str, Any]) -> None:
            await record_receipt(payload["message_no"], payload["delivered"], payload["provider_code"])

        return {notices_repository.DELIVER: deliver, RECEIPT: hear}

    async def tell(self, event: DomainEvent) -> None:
        """Write the notice of an event, if a template answers it and a person is concerned, with its delivery job.

        Idempotent: yes, by event name, number, person, part and the event's moment.
        """
        template = await self.shelf.newest(event.name) if event.citizen_id else None
        if template is None:
            return
        variables = variables_of(event)
        await notices_repository.record_notice(
            NewNotice(
                dedupe_key=_dedupe_key(event),
                occurred_at=event.occurred_at,
                citizen_id=uuid.UUID(event.citizen_id),
                code=template.code,
                version=template.version,
                title=filled(template.title, variables, TITLE_LENGTH),
                text=filled(template.inbox_text, variables, INBOX_LENGTH),
                variables=variables,
                subject_no=event.subject_no,
                has_channels=bool(template.channels),
                expires_at=template.expires_at(event.occurred_at),
            )
        )
        await self._show("notice.created", event.citizen_id, event.subject_no, {"event": event.name})

    async def deliver(self, notice_id: uuid.UUID, occurred_at: datetime) -> None:
        """Try a notice's channels; nothing happens when it is not queued or somebody else has it. Idempotent: yes."""
        notice = await notices_repository.claim_notice(notice_id, occurred_at, now() + lease())
        if notice is not None:
            await self.delivering.deliver([notice])

    async def inbox(
        self, caller: Caller, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[NoticeView], uuid.UUID | None, int]:
        """Return a page of the caller's notices, newest first, where the next begins, and the unread count."""
        rows = await repository.list_notices(caller.citizen_id, after, limit + 1)
        page = rows[:limit]
        following = page[-1]["id"] if len(rows) > limit else None
        return [_view(row) for row in page], following, await repository.count_unread(caller.citizen_id)

    async def mark_read(self, caller: Caller, request: ReadNotices) -> int:
        """Mark the caller's notices as read; return how many are left unread.

        Raises: InvalidRequest unless exactly one of `ids` and `all` is given. Idempotent: yes.
        """
        if bool(request.ids) == request.all:
            raise InvalidRequest(faults=(FieldFault("ids", "请指定消息编号，或选择全部已读"),))
        ids = None if request.all else [uuid.UUID(text) for text in request.ids]
        await repository.mark_read(caller.citizen_id, ids)
        unread = await repository.count_unread(caller.citizen_id)
        await self._show("notice.read", caller.citizen_id.hex, "", {"unread_count": unread})
        return unread

    async def subscriptions(self, caller: Caller) -> list[SubscriptionView]:
        """List the permissions of the caller's platform with their stock, those most worth asking for first."""
        stock = await stock_repository.stock_of(caller.identity_id)
        by_id: dict[str, list[tuple[Template, Binding]]] = {}
        for template, binding in await self.shelf.bound(Channel(caller.provider)):
            by_id.setdefault(binding.template_id, []).append((template, binding))
        views = [
            SubscriptionView(
                template_id=template_id,
                title=pairs[0][1].title or pairs[0][0].title,
                kind=pairs[0][1].kind,
                events=[template.code for template, _ in pairs],
                in_stock=stock.get(template_id, 0),
            )
            for template_id, pairs in by_id.items()
        ]
        return asking.in_order(views, await repository.has_open_cases(caller.citizen_id))

    async def report_subscriptions(self, caller: Caller, results: Mapping[str, str]) -> list[SubscriptionView]:
        """Take what the permission panel told the phone; return the stock after it.

        It is a hint: the platform's own event and its refusals have the last word. A consent that the platform tells
        of as well counts once.
        Raises: InvalidRequest naming an unknown template.
        """
        kinds = await self._kinds(Channel(caller.provider))
        if unknown := [template_id for template_id in results if template_id not in kinds]:
            raise InvalidRequest(faults=tuple(FieldFault(f"results.{name}", "未知的消息模板") for name in unknown))
        await stock_repository.record_report(
            [
                Grant(
                    caller.citizen_id,
                    caller.identity_id,
                    caller.provider,
                    template_id,
                    kinds[template_id],
                    _REPORTED[result],
                )
                for template_id, result in results.items()
            ]
        )
        return await self.subscriptions(caller)

    def panels(self, caller: Caller, views: Sequence[SubscriptionView]) -> list[SubscriptionPanel]:
        """Group what is worth asking for into the panels that the caller's platform takes."""
        return asking.panels(views, caller.provider)

    async def told(self, subject_no: str) -> list[Told]:
        """Return what was told about a case, in order; for rooms that have checked whose case it is."""
        return [
            Told(
                event=row["template_code"],
                text=row["text"],
                occurred_at=rfc3339(row["occurred_at"]),
                channel=row["sent_channel"],
                status=row["status"],
            )
            for row in await repository.list_told(subject_no)
        ]

    async def move_notices(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Give a merged person's notices and permissions to the person that stays. Idempotent: yes."""
        await repository.move_notices(from_citizen_id, into_citizen_id)

    def answer_push_check(self, app_id: str, query: Mapping[str, str]) -> str:
        """Answer a platform's test of our push address. Raises: NotFound, CallbackRejected."""
        return self.table.push_door(app_id).answer_check(query)

    async def receive_push(self, app_id: str, query: Mapping[str, str], body: bytes) -> None:
        """Take one pushed message: what a person decided, what they wrote, or what became of a message.

        Raises: NotFound, CallbackRejected (nothing stored), and what a database that is away raises.
        Idempotent: yes, by the inbox row.
        """
        try:
            event = self.table.push_door(app_id).parse(query, body)
        except CallbackRejected:
            metrics.CALLBACKS.labels("wechat_push", "rejected").inc()
            raise
        grants: list[Grant] = []
        if event.changes and (person := await self._recipients.find(Channel.WECHAT, app_id, event.subject)):
            kinds = await self._kinds(Channel.WECHAT)
            grants = [
                Grant(person.citizen_id, person.identity_id, Channel.WECHAT, template_id, kinds[template_id], change)
                for template_id, change in event.changes.items()
                if template_id in kinds
            ]
        await self._hear(event.receipts)
        new = await stock_repository.record_push(
            event.provider, event.event_key, event.occurred_at, app_id, grants, event.sealed
        )
        metrics.CALLBACKS.labels("wechat_push", "applied" if new else "duplicate").inc()

    async def void_permissions(self, provider: str, app_id: str, subject: str, at: datetime) -> None:
        """Void what a person, by a platform's name, had allowed until a moment (aware UTC). Idempotent: yes."""
        if person := await self._recipients.find(provider, app_id, subject):
            await stock_repository.void_all(person.identity_id, at)

    async def receive_receipts(self, provider: str, token: str, body: bytes) -> bytes:
        """Take an SMS provider's delivery reports; return its acknowledgement.

        Raises: NotFound (also for a wrong token), CallbackRejected. Idempotent: yes, by the attempts' outcomes.
        """
        door = self.table.receipt_door(provider, token)
        await self._hear(door.parse(body))
        metrics.CALLBACKS.labels(f"sms_{provider}", "applied").inc()
        return door.acknowledgement()

    async def _hear(self, receipts: Sequence[Receipt]) -> None:
        """Take words on messages; one that came before its message was written down is heard again later."""
        for receipt in receipts:
            said = (receipt.message_no, receipt.delivered, receipt.provider_code)
            if not await record_receipt(*said):
                await expect_message(*said)

    async def _show(self, name: str, citizen_id: str, subject_no: str, facts: dict[str, Any]) -> None:
        if self._live is not None:
            await self._live(DomainEvent(name=name, subject_no=subject_no, citizen_id=citizen_id, facts=facts))

    async def _kinds(self, channel: Channel) -> dict[str, str]:
        return {binding.template_id: binding.kind for _, binding in await self.shelf.bound(channel)}


def _dedupe_key(event: DomainEvent) -> str:
    parts = (event.name, event.subject_no, event.citizen_id, event.part)
    return ":".join(parts if event.part else parts[:3])


def _view(row: repository.Row) -> NoticeView:
    return NoticeView(
        id=row["id"].hex,
        event=row["template_code"],
        title=row["title"],
        text=row["text"],
        subject_no=row["subject_no"],
        occurred_at=rfc3339(row["occurred_at"]),
        is_read=row["read_at"] is not None,
    )
