"""PDF files: opened by a process of their own (pdf_room), few at a time; what it refuses gets its sentence here."""

from __future__ import annotations

import asyncio

from app import room_apart
from app.errors import ServiceUnavailable
from services.applications.files.kinds import damaged

_ROOM = "services.applications.files.pdf_room"
_PATIENCE_SECONDS = 30.0
_at_once = asyncio.Semaphore(2)
_SENTENCES = {
    10: "PDF 文件已损坏或不完整，请重新导出后上传",
    11: "请上传未加密的 PDF 文件",
    12: "PDF 文件含有脚本或附件，请重新导出后上传",
    13: "PDF 文件过于复杂，请压缩或分成几份后上传",
}
_TOO_MUCH = 13


async def written_anew(content: bytes) -> tuple[int, bytes]:
    """Return the number of pages and the file as it is kept.

    Raises: InvalidRequest `upload_damaged` with what is wrong, ServiceUnavailable where no process can be had.
    """
    async with _at_once:
        try:
            async with room_apart.opened(_ROOM) as room:
                kept, _ = await asyncio.wait_for(room.communicate(content), _PATIENCE_SECONDS)
        except TimeoutError:
            raise damaged(_SENTENCES[_TOO_MUCH]) from None
        except OSError as error:
            raise ServiceUnavailable("文件暂时无法检查，请稍后再试") from error
    if room.returncode:
        # Killed by its limits, or left in a way that nobody foresaw: the file asks for too much.
        raise damaged(_SENTENCES.get(room.returncode, _SENTENCES[_TOO_MUCH]))
    pages, _, kept = kept.partition(b"\n")
    return int(pages), kept
