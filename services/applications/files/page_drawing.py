"""Pages of PDF files as pictures, for officers: drawn by a process of its own (page_room), few at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from app import room_apart
from app.errors import NotFound, ServiceUnavailable

_ROOM = "services.applications.files.page_room"
_PATIENCE_SECONDS = 30.0
_NO_SUCH_PAGE = 20
_at_once = asyncio.Semaphore(2)


async def page_as_png(content: bytes, page_number: int) -> bytes:
    """Return one page of a PDF as PNG. Raises: NotFound (no such page), ServiceUnavailable `page_undrawable`."""
    picture = b""
    async with _at_once:
        try:
            async with room_apart.opened(_ROOM, str(page_number)) as room:
                with suppress(TimeoutError):
                    picture, _ = await asyncio.wait_for(room.communicate(content), _PATIENCE_SECONDS)
        except OSError as error:
            raise ServiceUnavailable("材料暂时无法显示，请稍后再试") from error
    if room.returncode == _NO_SUCH_PAGE:
        raise NotFound("没有这一页")
    if room.returncode or not picture:
        raise ServiceUnavailable("这一页无法显示，请下载原文件查看", code="page_undrawable")
    return picture
