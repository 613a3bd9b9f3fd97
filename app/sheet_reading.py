"""Streams the rows of an uploaded table: CSV here, a spreadsheet through the room apart. Keeps nothing.

Rooms that take lists from staff call it: people for a mass push, couriers' statements.
"""

from __future__ import annotations

import asyncio
import codecs
import csv
import io
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress

import msgspec

from app import room_apart
from app.errors import FieldFault, InvalidRequest

Row = list[str]
_ROOM = "app.sheet_room"
_BATCH = 1_000
_PATIENCE_SECONDS = 30.0
_CHUNK = 65_536
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SENTENCES = {
    10: "表格文件已损坏，请另存为 XLSX 或 CSV 后上传",
    12: "表格文件含有宏，请另存为不含宏的 XLSX 后上传",
    13: "表格文件过大，请分成几份或另存为 CSV 后上传",
}
_TOO_MUCH = 13
_room = asyncio.Semaphore(1)


def kind_of(content: bytes) -> str:
    """Tell how a file is read: `xlsx`, or the encoding of a CSV. Raises: InvalidRequest for anything else."""
    if not content.strip():
        raise _refused("文件是空的")
    if content.startswith(_ZIP):
        return "xlsx"
    if content.startswith(_OLE):
        raise _refused("不支持旧版 XLS 文件，请另存为 XLSX 或 CSV 后上传")
    if b"\x00" in content:
        raise _refused("只支持 CSV 和 XLSX 文件")
    for encoding in ("utf-8-sig", "gb18030"):
        if _decodes(content, encoding):
            return encoding
    raise _refused("文件编码无法识别，请另存为 UTF-8 或 GBK 编码的 CSV")


async def batches(content: bytes, kind: str) -> AsyncGenerator[list[Row], None]:
    """Yield the rows, some at a time; whoever leaves early closes it. Raises: InvalidRequest where the file is none."""
    if kind == "xlsx":
        async with aclosing(_sheet(content)) as sheet:
            async for batch in sheet:
                yield batch
        return
    rows = _lines(content, kind)
    while batch := await asyncio.to_thread(_some, rows):
        yield batch


def _some(rows: Iterator[Row]) -> list[Row]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            break
    return batch


def _lines(content: bytes, encoding: str) -> Iterator[Row]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    try:
        yield from csv.reader(text)
    except csv.Error as error:
        raise _refused("CSV 文件无法读取，请检查引号和换行") from error


def _decodes(content: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        for start in range(0, len(content), _CHUNK):
            decoder.decode(content[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


async def _sheet(content: bytes) -> AsyncGenerator[list[Row], None]:
    async with _room, room_apart.opened(_ROOM) as room:
        giving = asyncio.create_task(_give(room, content))
        try:
            batch: list[Row] = []
            while line := await _line_of(room):
                batch.append(msgspec.json.decode(line, type=Row))
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
            if batch:
                yield batch
            await asyncio.wait_for(room.wait(), _PATIENCE_SECONDS)
        except (TimeoutError, ValueError):
            raise _refused(_SENTENCES[_TOO_MUCH]) from None
        finally:
            giving.cancel()
    if room.returncode:
        # Killed by its limits, or left in a way that nobody foresaw: the file asks for too much.
        raise _refused(_SENTENCES.get(room.returncode, _SENTENCES[_TOO_MUCH]))


async def _line_of(room: asyncio.subprocess.Process) -> bytes:
    assert room.stdout is not None, "a pipe was asked for"
    return await asyncio.wait_for(room.stdout.readline(), _PATIENCE_SECONDS)


async def _give(room: asyncio.subprocess.Process, content: bytes) -> None:
    assert room.stdin is not None, "a pipe was asked for"
    with suppress(ConnectionError):
        room.stdin.write(content)
        await room.stdin.drain()
        room.stdin.close()


def _refused(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, faults=(FieldFault("file", sentence),))
