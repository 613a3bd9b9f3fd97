"""How the processes of one start belong together: asked to stop at any moment they all leave; killed ones come back."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import structlog

from app.stopping import SIGNALS, Stop

_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0
_START_SECONDS = 120.0
"""How long the processes may take to come up before the start is given up; a loaded machine is not a broken one."""
_LEAVE_SECONDS = 12.0
"""How long they may take to leave before they are killed: running jobs get eight of them."""
log = structlog.get_logger()


def leave_with_parent() -> None:
    """End this process when it is asked to while it comes up, and soon after its parent has gone.

    A killed parent cannot say goodbye; an orphaned worker would go on holding the port and block the next start. The
    process also leaves the terminal's group: Ctrl-C then reaches the parent alone, which asks its children to stop
    once, in order. A child that is only coming up has nothing to put away; a server or runner sets handlers of its own.
    """
    parent = os.getppid()
    os.setpgid(0, 0)
    for number in SIGNALS:
        signal.signal(number, lambda heard, _frame: os._exit(128 + heard))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


class Supervisor:
    """Starts, watches and ends the processes of Sanic's manager, in place of the manager's own loop.

    That loop works in the signal handler, over the one connection on which the main thread may be waiting for an
    answer about the processes' states; a stop then fails or waits for ever. It also leaves dead processes dead.

    Args:
        manager: `app.manager` in the main process.
        stop: what the main process has heard; its signals are held until all processes are born.
    """

    def __init__(self, manager: Any, stop: Stop) -> None:
        self._manager, self._stop = manager, stop
        stop.take()  # the manager has put its own handlers in place
        self.failed = False
        """Whether the processes did not all come up."""

    def run(self) -> None:
        """Stay until a stop is asked for or the start fails; nothing is left running then."""
        if not self._stop.asked:
            self._manager.start()
            self._stop.listen()
            self._watch()
        self._end()

    def _watch(self) -> None:
        """Start processes again that end unasked (a crash, `kill -9`); before all are up that is a failure."""
        limit, all_up = time.monotonic() + _START_SECONDS, False
        while not self._stop.asked:
            ended = [process for process in self._manager.processes if not process.is_alive()]
            all_up = all_up or self._manager._all_workers_ack()
            if not all_up and (ended or time.monotonic() > limit):
                self.failed = True
                log.error("start_failed", ended=[process.name for process in ended])
                return
            for process in ended:
                self._revive(process)
            time.sleep(_LOOK_SECONDS)

    def _revive(self, process: Any) -> None:
        log.warning("process_revived", process=process.name, exit_code=process.exitcode)
        self._stop.hold()
        process.restart()
        self._stop.listen()

    def _end(self) -> None:
        """Ask the processes to leave, once; kill those that do not, or all that are left when asked a second time."""
        asked, limit = self._stop.asked, time.monotonic() + _LEAVE_SECONDS
        self._manager.shutdown()
        while alive := [process for process in self._manager.processes if process.is_alive()]:
            if time.monotonic() > limit or self._stop.asked > asked:
                for process in alive:
                    log.warning("process_killed", process=process.name)
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGKILL)
            time.sleep(_LOOK_SECONDS / 4)
        self._manager.cleanup()
