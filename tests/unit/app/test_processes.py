"""The manager of our processes: it can be stopped at any moment, the first seconds included."""

from __future__ import annotations

import threading
import time
from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any

import pytest
from sanic.worker.manager import WorkerManager

from app import processes
from app.processes import revive_killed, stop_while_starting


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


def test_a_process_that_is_killed_the_moment_all_are_up_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LOOK_SECONDS", 0.02)
    started_again = threading.Event()
    worker = SimpleNamespace(name="Server-0-0", exitcode=None, restart=started_again.set)
    manager = SimpleNamespace(_shutting_down=False, processes=[worker], wait_for_ack=lambda: None)
    revive_killed(manager)
    worker.exitcode = 1
    time.sleep(0.1)
    assert not started_again.is_set(), "before all are up it is a failed start"
    worker.exitcode = None
    manager.wait_for_ack()
    worker.exitcode = -9
    assert started_again.wait(5)
    manager._shutting_down = True
