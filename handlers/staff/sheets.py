"""Lists that staff take away as files: marked with who took them, audited, CSV or XLSX. Every export goes through here.

Called by the doors and pages that offer downloads. What a row holds, and who may see it, is the caller's use case's
business; what leaves the house, and in whose name, is this module's.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import quote

from app import clock
from app.ids import dated_no
from handlers.doors import Call, Reply
from handlers.staff.sheet_files import Column as Column
from handlers.staff.sheet_files import Kind as Kind
from handlers.staff.sheet_files import Rows as Rows
from handlers.staff.sheet_files import Sheet, csv_file, xlsx_file
from services.staff.types import Act

Format: TypeAlias = Literal["csv", "xlsx"]
PAGE_LENGTH = 500
"""Rows that an export reads at once."""
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FILES: Mapping[str, Callable[[Sheet], AsyncGenerator[bytes, None]]] = {"csv": csv_file, "xlsx": xlsx_file}
_OBJECT = "export"
_NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|\s]+')
T = TypeVar("T")
C = TypeVar("C")


async def export(
    call: Call[Any],
    kind: str,
    name: str,
    columns: Sequence[Column],
    rows: AsyncIterator[Rows],
    fmt: Format,
    *,
    title: str = "",
    filters: Mapping[str, Any] | None = None,
) -> Reply:
    """Answer with a list as a file whose first row says who took it, when, and under which number.

    The audit trail gets `export.<kind>` before the first byte goes out, with the filters, and afterwards
    `export.finished` or, where the reader left or a row could not be read, `export.cut_off`, with the number of rows.
    What the first page of rows refuses is a refusal as anywhere, and nothing is taken away then.

    Args:
        kind: what is exported, in a word of the audit trail: `payments`.
        name: what the file is called, without its ending: 支付单_2026-11-21.
        rows: pages of rows (`paged` makes them), each row as long as `columns`; text, int, fen, aware moments or None.
        title: of the sheet, the name where it is left out.
        filters: what was asked for, in codes and dates, never personal data; what is empty is left out.
    """
    now = clock.now()
    number = dated_no("DC", now, 8)
    taker = f"{call.staff.display_name} {call.staff.username}"
    mark = f"三晋通 {taker} {clock.to_beijing(now):%Y-%m-%d %H:%M:%S} {number}，仅限公务使用"
    chosen = {key: value for key, value in (filters or {}).items() if value not in (None, "", [], ())}
    sheet = Sheet(title or name, mark, columns, rows)
    return Reply(
        pieces=_audited(call, sheet, _FILES[fmt](sheet), kind, number, {"format": fmt, "filters": chosen}),
        headers=_headers(name, f"{kind}_{clock.to_beijing(now):%Y%m%d}", fmt),
        content_type=_TYPES[fmt],
    )


async def paged(
    load: Callable[[C | None], Awaitable[tuple[Sequence[T], C | None]]], line: Callable[[T], Sequence[Any]]
) -> AsyncIterator[Rows]:
    """Yield a whole list as pages of rows, by the same cursor as its page.

    Args:
        load: returns what follows a cursor (None: the beginning) and the cursor of what comes next, None at the end.
        line: writes one of them as a row.
    """
    found, following = await load(None)
    yield [line(each) for each in found]
    while following is not None:
        found, following = await load(following)
        yield [line(each) for each in found]


async def _audited(
    call: Call[Any],
    sheet: Sheet,
    pieces: AsyncGenerator[bytes, None],
    kind: str,
    number: str,
    details: Mapping[str, Any],
) -> AsyncGenerator[bytes, None]:
    has_begun, ended = False, "cut_off"
    try:
        async for piece in pieces:
            if not has_begun:
                await _record(call, kind, number, details)
                has_begun = True
            yield piece
        ended = "finished"
    finally:
        await pieces.aclose()
        if has_begun:
            await _record(call, ended, number, {"kind": kind, "rows": sheet.row_count})


async def _record(call: Call[Any], action: str, number: str, details: Mapping[str, Any]) -> None:
    act = Act(call.staff.username, f"export.{action}", _OBJECT, number, details, call.address)
    await call.house.staff.audit.record(act)


def _headers(name: str, plain_name: str, fmt: Format) -> dict[str, str]:
    """Return the headers of a download under its Chinese name, and under a plain one to old browsers.

    Source: RFC 6266 and RFC 8187 (formerly 5987).
    """
    shown = quote(_NOT_IN_FILE_NAMES.sub("_", name), safe="")
    disposition = f"attachment; filename=\"{plain_name}.{fmt}\"; filename*=UTF-8''{shown}.{fmt}"
    return {"Content-Disposition": disposition, "Cache-Control": "no-store"}
