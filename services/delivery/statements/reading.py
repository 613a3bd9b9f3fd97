"""Reads an uploaded statement as lines, some at a time, in threads and a room apart. Keeps nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import date
from typing import TypeAlias

from app import sheet_reading
from app.errors import FieldFault, InvalidRequest
from services.delivery.statements.columns import Columns, Fault, Line, columns_of, lines_of
from services.delivery.statements.types import MOST_LINES

Progress: TypeAlias = Callable[[int], Awaitable[None]]
_HEADING_WITHIN = 30
"""Couriers print who pays whom above the table."""
_MOST_FAULTS = 20
_MOST_COLUMNS = 200
"""Nothing is looked for further right: a row of nothing but commas costs no time."""


async def look(content: bytes, month: date) -> None:
    """Refuse at once what is no statement, as far as its first rows tell; a short file is looked through whole.

    Raises: InvalidRequest, with the lines at fault.
    """
    kind = await asyncio.to_thread(sheet_reading.kind_of, content)
    async with aclosing(sheet_reading.batches(content, kind)) as rows:
        batch = await anext(rows, list[list[str]]())
        is_whole = await anext(rows, None) is None
    numbered = [(place, row[:_MOST_COLUMNS]) for place, row in enumerate(batch, 1)]
    columns, numbered = _after_heading(numbered)
    found = await asyncio.to_thread(_all_of, columns, numbered)
    lines, faults = (
        [each for each in found if isinstance(each, Line)],
        [each for each in found if isinstance(each, Fault)],
    )
    if is_whole or faults:
        _check(lines, faults, month)


async def read(content: bytes, month: date, progress: Progress) -> list[Line]:
    """Return the lines of a statement; `progress` is told after each batch how many there are by then.

    A file with a line that cannot be read is refused whole: half a statement would look like missing charges.
    Raises: InvalidRequest, with the lines at fault.
    """
    kind = await asyncio.to_thread(sheet_reading.kind_of, content)
    columns: Columns | None = None
    number, lines, faults = 0, list[Line](), list[Fault]()
    async with aclosing(sheet_reading.batches(content, kind)) as rows:
        async for batch in rows:
            numbered = [(place, row[:_MOST_COLUMNS]) for place, row in enumerate(batch, number + 1)]
            number += len(batch)
            if columns is None:
                columns, numbered = _after_heading(numbered)
            found = await asyncio.to_thread(_all_of, columns, numbered)
            lines += [each for each in found if isinstance(each, Line)]
            faults += [each for each in found if isinstance(each, Fault)]
            if len(lines) > MOST_LINES:
                raise _refused(f"对账单不能超过{MOST_LINES}行")
            if len(faults) >= _MOST_FAULTS:
                break
            await progress(len(lines))
    _check(lines, faults, month)
    return lines


def _after_heading(rows: Sequence[tuple[int, list[str]]]) -> tuple[Columns, list[tuple[int, list[str]]]]:
    for place, (_, row) in enumerate(rows[:_HEADING_WITHIN]):
        columns = columns_of(row)
        if columns is not None:
            return columns, list(rows[place + 1 :])
    raise _refused("没有找到表头：需要有运单号和金额两列（Excel文件只读取第一个工作表）")


def _all_of(columns: Columns, rows: Sequence[tuple[int, Sequence[str]]]) -> list[Line | Fault]:
    return list(lines_of(columns, rows))


def _check(lines: Sequence[Line], faults: Sequence[Fault], month: date) -> None:
    if faults:
        told = tuple(FieldFault("file", f"第{each.line}行：{each.sentence}") for each in faults[:_MOST_FAULTS])
        raise InvalidRequest("对账单中有无法读取的行，请更正后重新上传", faults=told)
    if not lines:
        raise _refused("对账单中没有任何运单")
    days = [each.carried_on for each in lines if each.carried_on is not None]
    if days and not any((day.year, day.month) == (month.year, month.month) for day in days):
        raise _refused(f"对账单中没有{month:%Y年%m月}的运单，请核对月份")


def _refused(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, faults=(FieldFault("file", sentence),))
