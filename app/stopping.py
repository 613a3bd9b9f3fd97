"""Ctrl-C and SIGTERM in the main process of `run.py serve`: heard at any moment, acted on where nothing is torn."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Callable, Coroutine
from multiprocessing import resource_tracker
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopAsked(Exception):
    """Leaves the start between two of its steps."""


class Stop:
    """Ctrl-C and SIGTERM in the main process: remembered, and acted on between the steps of the start.

    As a context manager it ends the start quietly, whatever a signal to the whole terminal has broken on its way.
    """

    def __init__(self) -> None:
        self.asked = 0
        """How often."""
        self._cancel: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        return bool(self.asked) and isinstance(error, StopAsked | asyncio.CancelledError | subprocess.SubprocessError)

    def take(self) -> None:
        """Have both signals come here, whoever else has asked for them meanwhile."""
        for number in SIGNALS:
            signal.signal(number, self._hear)

    def listen(self) -> None:
        """Hear both signals from now on, those that were held included."""
        self.take()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    @staticmethod
    def hold() -> None:
        """Let both signals wait until `listen`; processes that are born meanwhile hold them until they can leave."""
        resource_tracker.ensure_running()  # its own start would let them through
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def check(self) -> None:
        """Leave here if asked to. Raises StopAsked."""
        if self.asked:
            raise StopAsked

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a step of the start that may be left half way. Raises StopAsked, asyncio.CancelledError."""

        async def cancellable() -> None:
            task, loop = asyncio.current_task(), asyncio.get_running_loop()
            assert task is not None
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            try:
                if self.asked:
                    task.cancel()
                await work
            finally:
                self._cancel = lambda: None

        asyncio.run(cancellable())
        self.check()

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1
        self._cancel()
