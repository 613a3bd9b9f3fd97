"""The day's page: what waits for the caller, deadlines, and figures; its parts keep themselves fresh.

Each part is there for the roles that may see it, and each figure is one statement of the room it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import clock
from handlers.doors import Call, Reply
from handlers.pages import page, page_route
from handlers.staff.payments import scope_of
from services.applications.routing.types import QueueName
from services.applications.types import Status
from services.delivery.types import Section
from services.staff.types import Role, StaffCaller

_TODAY = "/staff"
_QUEUE_LENGTH = 8
_MOST_COUNTED = 100
_FAILED_DAYS = 7
_QUEUES = (
    (Role.REVIEWER, Status.ACCEPTED, "待审批"),
    (Role.WINDOW, Status.SUBMITTED, "待预审"),
    (Role.REVIEWER, Status.SUBMITTED, "待预审"),
    (Role.WINDOW, Status.RECEIVED, "待受理"),
    (Role.REVIEWER, Status.RECEIVED, "待受理"),
    (Role.APPROVER, Status.ACCEPTED, "审批中"),
)
"""What waits for whom."""
_CASES = (
    Role.WINDOW,
    Role.REVIEWER,
    Role.APPROVER,
    Role.CASHIER,
    Role.DISPATCHER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)
_CLAIMS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
_CARDS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.AUDITOR)
_CONSULTATIONS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR)
_REFUNDS = (Role.APPROVER, Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
_MONEY = (Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
_NOTICES = (Role.DISPATCHER, Role.WINDOW, Role.ADMINISTRATOR)
_PARCELS = (Role.DISPATCHER, Role.WINDOW, Role.ADMINISTRATOR)
_TROUBLE = (Role.DISPATCHER, Role.WINDOW, Role.REVIEWER, Role.ADMINISTRATOR)
_SHOWN_QUEUES = (QueueName.UNCLAIMED, QueueName.MINE, QueueName.ASKED, QueueName.YELLOW, QueueName.RED)


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with the page behind it; `tone` is the class of a badge where it is not nothing."""

    title: str
    count: int
    address: str = ""
    is_more: bool = False
    tone: str = ""


async def today(call: Call[None]) -> Reply:
    """Show the day's work."""
    staff = call.staff
    return page(
        call,
        "staff/today.html",
        here="today",
        tiles=await _tiles(call),
        counts=await _tally(call),
        cards=await _cards(call),
        queues=await _own_queues(call),
        **await _figures(call),
        works_on_cases=staff.may(*_CASES),
    )


async def work(call: Call[None]) -> Reply:
    """Show the figures of what waits alone, for a page that keeps them fresh."""
    return page(call, "staff/today_work.html", tiles=await _tiles(call), counts=await _tally(call))


async def deadlines(call: Call[None]) -> Reply:
    """Show the deadlines alone."""
    return page(call, "staff/today_deadlines.html", cards=await _cards(call))


async def charts(call: Call[None]) -> Reply:
    """Show the charts alone."""
    return page(call, "staff/today_charts.html", counts=await _tally(call), **await _figures(call))


async def _tiles(call: Call[Any]) -> list[Tile]:
    return [*await _case_tiles(call), *await _money_tiles(call), *await _other_tiles(call)]


async def _case_tiles(call: Call[Any]) -> list[Tile]:
    tiles: list[Tile] = []
    if call.staff.may(*_CLAIMS):
        found = await call.house.applications.routing.counts(call.staff)
        tones = {QueueName.YELLOW: "yellow", QueueName.RED: "red"}
        tiles += [
            Tile(each.title, each.count, f"/staff/queues/{each.name.value}", each.is_more, tones.get(each.name, ""))
            for each in found.data
            if each.name in _SHOWN_QUEUES
        ]
    if call.staff.may(*_CONSULTATIONS):
        count = await call.house.consultations.desk.waiting(call.staff)
        tiles.append(Tile("待答复咨询", count, "/staff/consultations"))
    return tiles


async def _money_tiles(call: Call[Any]) -> list[Tile]:
    tiles, scope, payments = [], scope_of(call.staff), call.house.payments
    if call.staff.may(*_REFUNDS):
        found, following = await payments.refunds.refunds(scope, needs_approval=True, limit=_MOST_COUNTED)
        tiles.append(Tile("待复核退款", len(found), "/staff/refunds", following is not None))
    if call.staff.may(*_MONEY):
        differing, further = await payments.reconciliation.discrepancies(scope, status="OPEN", limit=_MOST_COUNTED)
        tiles.append(Tile("未处理差异", len(differing), "/staff/discrepancies", further is not None, "overdue"))
    return tiles


async def _other_tiles(call: Call[Any]) -> list[Tile]:
    tiles: list[Tile] = []
    if call.staff.may(*_PARCELS):
        sections = await call.house.delivery.board.counts(call.staff)
        tiles += [
            Tile(f"寄送{each.title}", each.count, "/staff/deliveries", tone="overdue")
            for each in sections
            if each.section == Section.EXCEPTION
        ]
    if call.staff.may(*_TROUBLE):
        waiting = await call.house.delivery.tasks.count(call.staff)
        overdue = f"（{waiting.overdue}件超过7日）" if waiting.overdue else ""
        tiles.append(Tile(f"待处理寄送异常{overdue}", waiting.open, "/staff/delivery-tasks", tone="overdue"))
    if call.staff.may(*_NOTICES):
        count = await call.house.notify.figures.failures(clock.now() - timedelta(days=_FAILED_DAYS))
        tiles.append(Tile(f"{_FAILED_DAYS}日内发送失败的消息", count, tone="overdue"))
    return tiles


async def _tally(call: Call[Any]) -> list[Any]:
    return await call.house.applications.desk.tally(call.staff) if call.staff.may(*_CASES) else []


async def _cards(call: Call[Any]) -> list[Any]:
    if not call.staff.may(*_CARDS):
        return []
    return (await call.house.applications.cards.list_open(call.staff, limit=_QUEUE_LENGTH))[0]


async def _own_queues(call: Call[Any]) -> list[dict[str, Any]]:
    queues = []
    for status, title in _statuses(call.staff):
        cases, following = await call.house.applications.desk.queue(call.staff, status, limit=_QUEUE_LENGTH)
        queues.append({"status": status, "title": title, "cases": cases, "has_more": following is not None})
    return queues


async def _figures(call: Call[Any]) -> dict[str, Any]:
    days = await call.house.applications.figures.by_day(call.staff) if call.staff.may(*_CASES) else []
    channels = await call.house.notify.figures.by_channel() if call.staff.may(*_NOTICES) else []
    return {
        "days": [(each.day[5:], (each.submitted, each.decided)) for each in days],
        "channels": [(each.channel_text, each.tries, f"{each.tries}次，送出{each.gone}次") for each in channels],
    }


def _statuses(staff: StaffCaller) -> list[tuple[Status, str]]:
    return list({status: title for role, status, title in _QUEUES if staff.may(role)}.items())


ROUTES = (
    page_route(_TODAY, today, "今日"),
    page_route("/staff/today/work", work, "今日待办的件数"),
    page_route("/staff/today/deadlines", deadlines, "今日的期限"),
    page_route("/staff/today/charts", charts, "今日的图表"),
)
