"""The cashier's statements and the citizen's history over HTTP: formats that parse back, refusals, scope, streaming."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import secrets
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import aiohttp
import openpyxl
import pytest

from app import clock, db
from app.ids import new_id
from app.tokens import Caller
from handlers.citizen import payments as citizen_door
from handlers.doors import Auth, Call, Reply, Route
from handlers.staff import sheet_files
from handlers.staff import statements as staff_door
from payments.types import StaffScope
from services.catalogue.service import CatalogueService
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller
from tests.doorway import served
from tests.fakes.payments_house import PaymentsHouse, caller

pytestmark = pytest.mark.anyio
CITIZEN = {"Authorization": "Bearer citizen"}
CASHIER = {"Authorization": "Bearer cashier"}
SUMMARY, LINES = "/api/staff/v1/statements", "/api/staff/v1/statements/lines"
DEPARTMENT = "11140000012345678X"


def _today() -> str:
    """The day in Beijing, asked for when a test needs it: a run may go past midnight."""
    return clock.beijing_date().isoformat()


@dataclass
class Doors:
    """The house behind served routes, and a client; who calls and with which rights can be changed."""

    house: PaymentsHouse
    client: aiohttp.ClientSession
    roles: set[Role] = field(default_factory=lambda: {Role.CASHIER})
    scope: StaffScope = StaffScope(("14",), ())
    citizen: Caller | None = None

    async def get(self, path: str, **headers: str) -> tuple[int, bytes, Any]:
        async with self.client.get(path, headers=headers or CASHIER) as response:
            return response.status, await response.read(), response.headers

    async def json(self, path: str, **headers: str) -> tuple[int, Any]:
        status, body, _ = await self.get(path, **headers)
        return status, json.loads(body)

    async def paid(self, channel: str = "WECHAT", **changed: object) -> str:
        """Have a bill of the citizen paid; return the order's number."""
        bill = await self.house.issue(**changed)
        await self.house.drain()
        opened = await self.house.service.create(self.house.caller, bill.bill_no, channel)
        await self.house.notify(channel, self.house.channel(channel).pay(opened.out_trade_no))
        return opened.out_trade_no


async def _broken(call: Call[None]) -> Reply:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 70_000
        raise RuntimeError("in the middle")

    return Reply(pieces=pieces(), content_type="text/plain")  # type: ignore[arg-type]  # an async generator


async def _broken_at_once(call: Call[None]) -> Reply:
    async def pieces() -> AsyncIterator[bytes]:
        raise RuntimeError("before anything")
        yield b""

    return Reply(pieces=pieces(), content_type="text/plain")  # type: ignore[arg-type]  # an async generator


BROKEN = (
    Route("GET", "/broken", _broken, Auth.PUBLIC, "", ""),
    Route("GET", "/broken-at-once", _broken_at_once, Auth.PUBLIC, "", ""),
)


@pytest.fixture
async def doors(house: PaymentsHouse) -> AsyncIterator[Doors]:
    async def authenticate(token: str, **_: object) -> StaffCaller:
        roles, scope = frozenset(made.roles), made.scope
        return StaffCaller(new_id(), new_id(), "cashier", "收银员", roles, scope.divisions, scope.departments, "")

    def verify(token: str) -> Caller:
        return made.citizen or house.caller

    surroundings = SimpleNamespace(
        payments=house.service,
        catalogue=CatalogueService(),
        tokens=SimpleNamespace(verify=verify),
        staff=SimpleNamespace(authenticate=authenticate, audit=AuditTrail(secrets.token_bytes(32))),
    )
    routes = (*citizen_door.ROUTES, *staff_door.ROUTES, *BROKEN)
    async with served(surroundings, routes) as base, aiohttp.ClientSession(base) as client:
        made = Doors(house, client)
        yield made


async def _name_department(name: str) -> None:
    await db.execute(
        "INSERT INTO department (code, name, division_code, phone) VALUES ($1, $2, '140000', '')", DEPARTMENT, name
    )


async def test_statement_is_answered_with_names_and_total(doors: Doors) -> None:
    await _name_department("省公安厅")
    await doors.paid(amount_fen=2000)
    status, shown = await doors.json(f"{SUMMARY}?date={_today()}")
    assert (status, shown["date"], shown["until"]) == (200, _today(), _today())
    (row,) = shown["rows"]
    assert (row["department_name"], row["channel"], row["paid_fen"], row["ledger_agrees"]) == (
        "省公安厅",
        "WECHAT",
        2000,
        True,
    )
    assert shown["total"]["paid_fen"] == 2000
    status, shown = await doors.json(f"{SUMMARY}?date={_today()}&department=NOBODY")
    assert (status, shown["rows"], shown["total"]["paid_count"]) == (200, [], 0)


async def test_csv_of_the_summary_reads_back_and_cannot_calculate(doors: Doors) -> None:
    await _name_department('=HYPERLINK("http://evil")')
    await doors.paid(amount_fen=123456)
    status, body, headers = await doors.get(f"{SUMMARY}?date={_today()}&until={_today()}&format=csv")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    plain, starred = headers["Content-Disposition"].split("; ")[1:]
    assert plain == f'filename="statement_{_today().replace("-", "")}.csv"'
    assert unquote(starred) == f"filename*=UTF-8''收银日报_{_today()}.csv"
    assert body.startswith(b"\xef\xbb\xbf")
    mark, heading, row, total = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    assert mark[0].startswith(f"三晋通 收银员 cashier {_today()} ")
    shown = dict(zip(heading, row, strict=True))
    assert shown["部门"] == '\'=HYPERLINK("http://evil")'
    assert (shown["渠道"], shown["缴费金额（元）"], shown["账务核对"]) == ("微信支付", "1234.56", "相符")
    assert (total[0], total[heading.index("净额（元）")]) == ("合计", "1234.56")


async def test_xlsx_of_the_summary_reads_back_as_numbers_and_text(doors: Doors) -> None:
    await _name_department("=1+1")
    await doors.paid(amount_fen=123456)
    status, body, headers = await doors.get(f"{SUMMARY}?date={_today()}&format=xlsx")
    assert (status, headers["X-Content-Type-Options"], headers["Cache-Control"]) == (200, "nosniff", "no-store")
    assert headers["Content-Type"].endswith("spreadsheetml.sheet")
    sheet = openpyxl.load_workbook(io.BytesIO(body)).active
    assert sheet is not None
    _, heading, row, total = sheet.iter_rows()
    cells = {name.value: cell for name, cell in zip(heading, row, strict=True)}
    assert (cells["部门"].value, cells["部门"].data_type) == ("=1+1", "s")
    assert (cells["缴费金额（元）"].value, cells["缴费金额（元）"].number_format) == (1234.56, "#,##0.00")
    assert (cells["缴费笔数"].value, total[0].value) == (1, "合计")


async def test_lines_of_a_day_read_back_in_both_formats(doors: Doors) -> None:
    number = await doors.paid(amount_fen=2000)
    refund = await doors.house.refund(number, 500)
    await doors.house.drain()
    await db.execute("UPDATE payment SET provider_trade_no = '4200001234567890123456789012'")
    status, body, headers = await doors.get(f"{LINES}?date={_today()}")
    assert (status, headers["Transfer-Encoding"]) == (200, "chunked")
    _, heading, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    lines = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [(line["类型"], line["金额（元）"]) for line in lines] == [("缴费", "20.00"), ("退款", "-5.00")]
    assert (lines[0]["支付单号"], lines[1]["退款单号"]) == (number, refund)
    assert lines[0]["渠道交易号"] == "4200001234567890123456789012\t", "Excel would round a bare number"
    status, body, _ = await doors.get(f"{LINES}?date={_today()}&format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(body), read_only=True).active
    assert sheet is not None
    _, _, paid, refunded = sheet.iter_rows(values_only=True)
    assert isinstance(paid[0], datetime)
    assert abs(paid[0] - clock.to_beijing(clock.now()).replace(tzinfo=None)).total_seconds() < 600
    assert (paid[7], refunded[7], paid[-1]) == (20, -5, "4200001234567890123456789012")


async def test_xlsx_that_would_take_too_long_is_refused_in_favour_of_csv(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sheet_files, "MOST_ROWS", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await doors.paid()
    await doors.paid()
    status, problem = await doors.json(f"{LINES}?date={_today()}&format=xlsx")
    assert (status, problem["errors"][0]["path"]) == (400, "format")
    assert list(tmp_path.iterdir()) == [], "what was written so far is left behind"
    assert (await doors.get(f"{LINES}?date={_today()}&format=csv"))[0] == 200


async def test_day_without_money_is_empty_in_every_format(doors: Doors) -> None:
    status, shown = await doors.json(f"{SUMMARY}?date=2026-01-01")
    assert (status, shown["rows"], shown["total"]["net_fen"]) == (200, [], 0)
    for path in (f"{LINES}?date=2026-01-01", f"{LINES}?date=2026-01-01&format=csv"):
        status, body, _ = await doors.get(path)
        assert (status, len(body.decode().splitlines())) == (200, 2)
    status, body, _ = await doors.get(f"{LINES}?date=2026-01-01&format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(body)).active
    assert (status, sheet is not None and sheet.max_row) == (200, 2)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "date"),
        ("date=", "date"),
        ("date=2026-02-30", "date"),
        ("date=20260221", "date"),
        ("date=1999-12-31", "date"),
        ("date=0001-01-01", "date"),
        ("date=2026-01-01&until=2025-12-31", "until"),
        ("date=2026-01-01&until=2026-04-03", "until"),
        ("date=2026-01-01&until=x", "until"),
        ("date=2026-01-01&format=pdf", "format"),
        ("date=2026-01-01&format=csv&until=2027-01-01", "until"),
        ("date=2026-01-01&division=14", "division"),
        ("date=2026-01-01&department=" + "x" * 19, "department"),
    ],
)
async def test_faulty_questions_are_refused_by_field(doors: Doors, query: str, path: str) -> None:
    status, problem = await doors.json(f"{SUMMARY}?{query}")
    assert (status, problem["code"], problem["errors"][0]["path"]) == (400, "invalid_request", path)


async def test_faulty_days_of_lines_are_refused_before_anything_is_sent(doors: Doors) -> None:
    for query in ("", "?date=x", "?date=9999-12-31", f"?date={_today()}&format=json"):
        status, problem = await doors.json(LINES + query)
        assert (status, problem["code"]) == (400, "invalid_request")


async def test_lines_and_sums_are_those_of_the_callers_scope(doors: Doors) -> None:
    await doors.paid(division_code="140105")
    await doors.paid(division_code="140200")
    doors.scope = StaffScope(("1402",), ())
    _, body, _ = await doors.get(f"{LINES}?date={_today()}")
    _, heading, row = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    line = dict(zip(heading, row, strict=True))
    assert line["区划代码"] == "140200"
    _, shown = await doors.json(f"{SUMMARY}?date={_today()}")
    assert shown["total"]["paid_count"] == 1


async def test_only_cashiers_auditors_and_administrators_may_ask(doors: Doors) -> None:
    for role in Role:
        doors.roles = {role}
        allowed = role in (Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
        for path in (SUMMARY, LINES):
            status, _, _ = await doors.get(f"{path}?date={_today()}")
            assert status == (200 if allowed else 403), (role, path)


async def test_file_that_breaks_off_is_not_taken_for_a_whole_one(doors: Doors) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await doors.get("/broken")
    status, problem = await doors.json("/broken-at-once")
    assert (status, problem["code"]) == (500, "internal_error")


async def test_reader_who_leaves_leaves_nothing_behind(doors: Doors) -> None:
    await doors.paid()
    async with doors.client.get(f"{LINES}?date={_today()}&format=xlsx", headers=CASHIER) as response:
        response.close()
    await asyncio.sleep(0.1)
    status, _, _ = await doors.get(f"{LINES}?date={_today()}&format=xlsx")
    assert status == 200


async def test_history_shows_receipt_and_refunds_newest_first(doors: Doors) -> None:
    first = await doors.paid(amount_fen=2000)
    second = await doors.paid("ALIPAY", amount_fen=300)
    await doors.house.issue()
    await doors.house.refund(first, 500)
    await doors.house.drain()
    status, page = await doors.json("/api/v1/payments", **CITIZEN)
    assert (status, page["next_cursor"]) == (200, None)
    newer, older = page["data"]
    assert (newer["out_trade_no"], newer["channel"], newer["refunds"]) == (second, "ALIPAY", [])
    assert (older["out_trade_no"], older["amount_fen"], older["refunded_fen"]) == (first, 2000, 500)
    assert older["refunds"][0]["status_text"] == "已退款"
    receipt = await db.fetch_row(
        "SELECT r.receipt_number, r.check_code FROM fiscal_receipt r JOIN payment p ON p.bill_id = r.bill_id"
        " WHERE p.out_trade_no = $1 AND kind = 'BLUE'",
        second,
    )
    assert receipt is not None
    assert (newer["receipt"]["number"], newer["receipt"]["check_code"]) == tuple(receipt.values())
    assert newer["status_text"] == "已缴费"


async def test_history_continues_by_cursor_and_is_nobody_elses(doors: Doors) -> None:
    numbers = [await doors.paid() for _ in range(3)]
    _, first = await doors.json("/api/v1/payments?limit=2", **CITIZEN)
    _, second = await doors.json(f"/api/v1/payments?limit=2&cursor={first['next_cursor']}", **CITIZEN)
    assert [one["out_trade_no"] for one in first["data"] + second["data"]] == numbers[::-1]
    assert second["next_cursor"] is None
    for query in ("limit=0", "limit=101", "cursor=%21", "citizen=1"):
        status, _ = await doors.json(f"/api/v1/payments?{query}", **CITIZEN)
        assert status == 400
    doors.citizen = caller()
    _, page = await doors.json("/api/v1/payments", **CITIZEN)
    assert page["data"] == []


async def test_money_paid_twice_has_a_course_of_its_own(doors: Doors) -> None:
    number = await doors.paid(amount_fen=900)
    await db.execute("UPDATE bill SET paid_payment_id = NULL")
    _, page = await doors.json("/api/v1/payments", **CITIZEN)
    assert (page["data"][0]["status"], page["data"][0]["status_text"]) == ("REFUNDING", "重复缴费，退款中")
    assert (page["data"][0]["out_trade_no"], page["data"][0]["receipt"]) == (number, None)
