"""Files that staff take away: the mark, the audit trail whatever happens, cells that cannot calculate, limits."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import anyio
import msgspec
import openpyxl
import pytest

from app import clock, db
from app.errors import Forbidden
from app.ids import new_id
from handlers.doors import Auth, Call, Reply, Route
from handlers.staff import sheet_files
from handlers.staff.sheets import Column, Format, Kind, Rows, export, paged
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller
from tests.doorway import served

pytestmark = pytest.mark.anyio
COLUMNS = (Column("名称"), Column("数", Kind.COUNT), Column("元", Kind.FEN), Column("时间", Kind.MOMENT))
SIGNED_IN = {"Authorization": "Bearer x"}
EVIL = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "1" * 20)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """As what."""

    format: Format = "csv"


@dataclass
class Shelf:
    """What the exporting door reads, page by page; `breaks_at` is the page that cannot be read."""

    client: aiohttp.ClientSession
    audit: AuditTrail
    pages: list[Rows] = field(default_factory=list)
    breaks_at: int = -1
    is_slow: bool = False

    async def load(self, after: int | None) -> tuple[Rows, int | None]:
        at = after or 0
        if at == self.breaks_at:
            raise Forbidden(code="role_required")
        if self.is_slow:
            await anyio.sleep(0.05)
        return self.pages[at], at + 1 if at + 1 < len(self.pages) else None

    async def take(self, fmt: str = "csv") -> bytes:
        async with self.client.get(f"/export?format={fmt}", headers=SIGNED_IN) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def acts(self) -> list[tuple[str, str, dict[str, Any]]]:
        rows = await db.fetch_all("SELECT action, object_no, details, actor FROM audit_entry ORDER BY seq")
        assert {row["actor"] for row in rows} <= {"clerk"}
        assert (await self.audit.verify()).intact
        return [(row["action"], row["object_no"], msgspec.json.decode(row["details"])) for row in rows]


@pytest.fixture
async def shelf(database: str) -> AsyncIterator[Shelf]:
    made: Shelf

    async def authenticate(token: str, **_: object) -> StaffCaller:
        return StaffCaller(new_id(), new_id(), "clerk", "窗口 郝婷", frozenset({Role.WINDOW}), ("14",), (), "")

    async def door(call: Call[None]) -> Reply:
        filters = {"status": "OPEN", "q": "", "until": clock.beijing_date()}
        rows = paged(made.load, lambda row: row)
        return await export(call, "things", "东西: [甲]/乙", COLUMNS, rows, call.query.format, filters=filters)

    audit = AuditTrail(secrets.token_bytes(32))
    house = SimpleNamespace(staff=SimpleNamespace(authenticate=authenticate, audit=audit))
    routes = (Route("GET", "/export", door, Auth.STAFF, "", "", query=Query),)
    async with served(house, routes) as base, aiohttp.ClientSession(base) as client:
        made = Shelf(client, audit)
        yield made


def _row(name: str | None = "甲") -> tuple[Any, ...]:
    return (name, 3, 1250, clock.now())


async def test_file_says_who_took_it_and_the_audit_trail_knows_it(shelf: Shelf) -> None:
    shelf.pages = [[_row(), _row()], [_row(None)]]
    body = await shelf.take()
    assert body.startswith(b"\xef\xbb\xbf")
    mark, heading, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    marked = re.fullmatch(r"三晋通 窗口 郝婷 clerk (\S+ \S+) (DC\d{8}\w{8})，仅限公务使用", mark[0])
    assert marked is not None
    assert marked[1][:10] == clock.beijing_date().isoformat()
    assert heading == ["名称", "数", "元", "时间"]
    assert [row[:3] for row in rows] == [["甲", "3", "12.50"]] * 2 + [["", "3", "12.50"]]
    begun, finished = await shelf.acts()
    expected = {"format": "csv", "filters": {"status": "OPEN", "until": clock.beijing_date().isoformat()}}
    assert begun == ("export.things", marked[2], expected)
    assert finished == ("export.finished", marked[2], {"kind": "things", "rows": 3})


async def test_xlsx_holds_the_same_with_the_mark_above_the_headings(shelf: Shelf) -> None:
    shelf.pages = [[_row("=1+1"), _row("长" * 40_000)]]
    book = openpyxl.load_workbook(io.BytesIO(await shelf.take("xlsx")))
    sheet = book["东西： （甲）／乙"]
    mark, heading, first, second = sheet.iter_rows()
    assert mark[0].value.startswith("三晋通 窗口 郝婷 clerk ")
    assert [cell.value for cell in heading] == ["名称", "数", "元", "时间"]
    assert (first[0].value, first[0].data_type, first[2].value) == ("=1+1", "s", 12.5)
    assert len(second[0].value) == 32_767, "a cell that is too long is cut, not left out"
    assert [act[0] for act in await shelf.acts()] == ["export.things", "export.finished"]


@pytest.mark.parametrize("text", EVIL)
async def test_text_never_becomes_a_formula(shelf: Shelf, text: str) -> None:
    shelf.pages = [[_row(text)]]
    (row,) = list(csv.reader(io.StringIO((await shelf.take()).decode("utf-8-sig"), newline="")))[2:]
    assert row[0] == (f"{text}\t" if text.isdigit() else f"'{text}")


async def test_list_without_rows_is_a_file_with_its_headings(shelf: Shelf) -> None:
    shelf.pages = [[]]
    assert len((await shelf.take()).decode("utf-8-sig").splitlines()) == 2
    assert (await shelf.acts())[1][2]["rows"] == 0


async def test_refused_list_is_a_refusal_and_no_export(shelf: Shelf) -> None:
    shelf.breaks_at = 0
    for fmt in ("csv", "xlsx"):
        async with shelf.client.get(f"/export?format={fmt}", headers=SIGNED_IN) as response:
            assert (response.status, (await response.json())["code"]) == (403, "role_required")
    assert await shelf.acts() == []


async def test_file_that_breaks_off_is_audited_as_such(shelf: Shelf) -> None:
    shelf.pages, shelf.breaks_at = [[_row()], [_row()]], 1
    with pytest.raises(aiohttp.ClientPayloadError):
        await shelf.take()
    begun, ended = await shelf.acts()
    assert (begun[0], ended[0], ended[2]) == ("export.things", "export.cut_off", {"kind": "things", "rows": 1})


async def test_reader_who_leaves_half_way_is_audited(shelf: Shelf) -> None:
    shelf.pages, shelf.is_slow = [[_row("长" * 1_000)] * 500] * 200, True
    response = await shelf.client.get("/export", headers=SIGNED_IN)
    await response.content.readany()
    response.close()
    with anyio.fail_after(10):
        while len(acts := await shelf.acts()) < 2:
            await anyio.sleep(0.05)
    assert [act[0] for act in acts] == ["export.things", "export.cut_off"]
    assert 0 < acts[1][2]["rows"] < 100_000


async def test_limits_are_said_in_chinese(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_files, "MOST_ROWS", 2)
    monkeypatch.setattr(sheet_files, "MOST_CSV_ROWS", 2)
    shelf.pages = [[_row()], [_row(), _row()], [_row()]]
    async with shelf.client.get("/export?format=xlsx", headers=SIGNED_IN) as response:
        problem = await response.json()
    assert (response.status, problem["detail"]) == (400, "超过2行，请缩小查询范围或下载CSV")
    assert await shelf.acts() == []
    *rows, last = (await shelf.take()).decode("utf-8-sig").splitlines()
    assert (len(rows), last) == (4, "已满2行，其余未导出，请缩小查询范围")
    assert (await shelf.acts())[1][2]["rows"] == 2
