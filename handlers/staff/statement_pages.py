"""The page of the cashier's statement: which days, the table, and the same as files."""

from __future__ import annotations

from collections import Counter
from typing import Annotated
from urllib.parse import urlencode

import msgspec

from app import clock
from app.errors import InvalidRequest
from handlers.doors import Call, Reply
from handlers.pages import page, page_route
from handlers.rendering import yuan
from handlers.staff.days import day_of
from handlers.staff.statements import CHANNELS, ROLES, statement_of
from payments.types import Statement

_ADDRESS = "/staff/statements"
_SUMMARY, _LINES = "/api/staff/v1/statements", "/api/staff/v1/statements/lines"
_CHARTED = 15
"""Bars that a person takes in."""
Text = Annotated[str, msgspec.Meta(max_length=32)]


class DaysQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The days as a browser's form sends them; empty for today."""

    date: Text = ""
    until: Text = ""


async def statement(call: Call[None]) -> Reply:
    """Show the statement of some days; a faulty day shows the form again."""
    call.staff.require_role(*ROLES)
    query: DaysQuery = call.query
    shown: Statement | None = None
    problem: InvalidRequest | None = None
    first_on = query.date or clock.beijing_date().isoformat()
    until = query.until or first_on
    try:
        shown = await statement_of(call, day_of("date", first_on), day_of("until", until))
    except InvalidRequest as refusal:
        problem = refusal
    return page(
        call,
        "staff/statements.html",
        status=problem.status if problem else 200,
        here="statements",
        problem=problem,
        faulty={fault.path for fault in problem.faults} if problem else set(),
        shown=shown,
        first_on=first_on,
        until=until,
        channels=CHANNELS,
        charts=_charts(shown) if shown else [],
        downloads=_downloads(shown) if shown else [],
    )


def _charts(shown: Statement) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """Return what was taken by channel and by department, the most first, as bars under their captions."""
    channels: Counter[str] = Counter()
    departments: Counter[str] = Counter()
    for row in shown.rows:
        channels[CHANNELS.get(row.channel, row.channel)] += row.paid_fen
        departments[row.department_name or "未对应缴款单"] += row.paid_fen
    return [
        (caption, [(name, fen, yuan(fen)) for name, fen in sums.most_common(_CHARTED) if fen])
        for caption, sums in (("各渠道缴费", channels), ("各部门缴费", departments))
    ]


def _downloads(shown: Statement) -> list[tuple[str, str]]:
    """Return title and address of the files; lines are those of one day."""
    days = urlencode({"date": shown.date, "until": shown.until})
    files = [(f"汇总（{kind.upper()}）", f"{_SUMMARY}?{days}&format={kind}") for kind in ("xlsx", "csv")]
    if shown.date == shown.until:
        files += [
            (f"收支明细（{kind.upper()}）", f"{_LINES}?date={shown.date}&format={kind}") for kind in ("xlsx", "csv")
        ]
    return files


ROUTES = (page_route(_ADDRESS, statement, "收银日报", DaysQuery),)
