"""Pages of PDF files as pictures, for officers: drawn by a process of its own (page_room), few at a time."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from app.errors import NotFound, ServiceUnavailable

_ROOT = Path(__file__).resolve().parents[3]
_ROOM = "services.applications.files.page_room"
_PATIENCE_SECONDS = 30.0
_NO_SUCH_PAGE = 20
_at_once = asyncio.Semaphore(2)


async def page_as_png(content: bytes, page_number: int) -> bytes:
    """Return one page of a PDF as PNG. Raises: NotFound (no such page), ServiceUnavailable `page_undrawable`."""
    async with _at_once:
        try:
            room = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _ROOM, str(page_number),
                cwd=_ROOT,
                env={},  # what a file makes of its reader finds no keys there
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise ServiceUnavailable("材料暂时无法显示，请稍后再试") from error
        try:
            picture, _ = await asyncio.wait_for(room.communicate(content), _PATIENCE_SECONDS)
        except TimeoutError:
            picture = b""
        finally:
            if room.returncode is None:
                with suppress(ProcessLookupError):
                    room.kill()
                await room.wait()
    if room.returncode == _NO_SUCH_PAGE:
        raise NotFound("没有这一页")
    if room.returncode or not picture:
        raise ServiceUnavailable("这一页无法显示，请下载原文件查看", code="page_undrawable")
    return picture
