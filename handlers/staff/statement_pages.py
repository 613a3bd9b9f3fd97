"""The page of the cashier's statement: which days, the table, and the same as files."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

import msgspec

from app import clock
from app.errors import FieldFault, InvalidRequest
from handlers.doors import Auth, Call, Reply, Route
from handlers.pages import page
from handlers.staff.statements import CHANNELS, ROLES, statement_of
from payments.types import Statement

_ADDRESS = "/staff/statements"
_SUMMARY, _LINES = "/api/staff/v1/statements", "/api/staff/v1/statements/lines"
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
        shown = await statement_of(call, _day("date", first_on), _day("until", until))
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
        downloads=_downloads(shown) if shown else [],
    )


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(faults=(FieldFault(name, "请填写日期，如 2026-11-21"),)) from None


def _downloads(shown: Statement) -> list[tuple[str, str]]:
    """Return title and address of the files; lines are those of one day."""
    days = urlencode({"date": shown.date, "until": shown.until})
    files = [(f"汇总（{kind.upper()}）", f"{_SUMMARY}?{days}&format={kind}") for kind in ("xlsx", "csv")]
    if shown.date == shown.until:
        files += [
            (f"收支明细（{kind.upper()}）", f"{_LINES}?date={shown.date}&format={kind}") for kind in ("xlsx", "csv")
        ]
    return files


ROUTES = (Route("GET", _ADDRESS, statement, Auth.STAFF, "收银日报", "工作台", query=DaysQuery, page=True),)
