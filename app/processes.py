"""How the processes of one start belong together: children leave with their parent, killed ones come back."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import structlog

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 5.0
log = structlog.get_logger()


def leave_with_parent() -> None:
    """End this process soon after its parent has gone (a killed parent cannot say goodbye).

    Without this, an orphaned worker would go on holding the port and block the next start. The process also leaves the
    terminal's group: Ctrl-C then reaches the parent alone, which asks its children to stop once, in order.
    """
    parent = os.getppid()
    os.setpgid(0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def revive_killed(manager: Any) -> None:
    """Start processes of Sanic's manager again when they end without being asked (crash, `kill -9`).

    Args:
        manager: `app.manager` in the main process; its own monitor notices a dead process but leaves it dead.
    """

    up, wait_for_start = threading.Event(), manager.wait_for_ack

    def wait_and_tell() -> None:
        wait_for_start()
        up.set()

    def watch() -> None:
        # Until all are up, a process that ends is a failed start, which the manager reports and gives up.
        up.wait()
        while not manager._shutting_down:
            for process in list(manager.processes):
                if process.exitcode not in (None, 0) and not manager._shutting_down:
                    log.warning("process_revived", process=process.name, exit_code=process.exitcode)
                    process.restart()
            time.sleep(_LOOK_SECONDS)

    manager.wait_for_ack = wait_and_tell
    threading.Thread(target=watch, name="revive", daemon=True).start()


def stop_while_starting(manager: Any) -> None:
    """Let Ctrl-C end Sanic's manager also while it waits for its workers to report that they are up.

    Left alone it waits for ever then: the workers it has just stopped will never report.

    Args:
        manager: `app.manager` in the main process.
    """
    all_up = manager._all_workers_ack
    manager._all_workers_ack = lambda: manager._shutting_down or all_up()
