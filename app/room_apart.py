"""Opens a room apart: a process of its own in which a stranger's file is read, with nothing of ours about it.

What reads such files (uploads, pages, lists) calls it; the module that runs inside sets its own limits first.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_LINE_BYTES = 1_048_576


@asynccontextmanager
async def opened(module: str, *arguments: str) -> AsyncIterator[Process]:
    """Start a module with the file's bytes expected on its standard input; when the caller leaves, it has ended.

    Raises: OSError where no process can be had.
    """
    room = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        cwd=_ROOT,
        env={},  # what a file makes of its reader finds no keys there
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=_LINE_BYTES,
    )  # fmt: skip
    try:
        yield room
    finally:
        if room.returncode is None:
            with suppress(ProcessLookupError):
                room.kill()
            await _emptied(room)
            await room.wait()


async def _emptied(room: Process) -> None:
    """Take what the room had said and nobody read: its end is not heard of before."""
    assert room.stdout is not None, "a pipe was asked for"
    while await room.stdout.read(_LINE_BYTES):
        pass
