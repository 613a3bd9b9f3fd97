"""The manager of our processes: it can be stopped at any moment, the first seconds included."""

from __future__ import annotations

import threading
from multiprocessing import Pipe
from typing import Any

from sanic.worker.manager import WorkerManager

from app.processes import stop_while_starting


def _starting_manager() -> Any:
    """Sanic's own manager while its one worker has not reported yet."""
    manager: Any = object.__new__(WorkerManager)
    manager.monitor_subscriber, manager.monitor_publisher = Pipe()
    manager.worker_state = {"Server-0-0": {"server": True, "state": "STARTED"}}
    manager.num_server, manager._shutting_down = 1, False
    manager.transient = {}
    return manager


def test_a_stop_during_the_start_ends_the_wait() -> None:
    manager = _starting_manager()
    stop_while_starting(manager)
    waiting = threading.Thread(target=manager.wait_for_ack, daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    manager._shutting_down = True
    waiting.join(5)
    assert not waiting.is_alive()


def test_the_wait_ends_as_before_when_the_worker_reports() -> None:
    manager = _starting_manager()
    stop_while_starting(manager)
    manager.worker_state["Server-0-0"]["state"] = "ACKED"
    manager.wait_for_ack()
    assert not manager._shutting_down
