"""The manager of our processes: a stop at any moment reaches all of them, and killed ones come back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import Pipe, get_context
from typing import Any

import pytest
from sanic.worker.manager import WorkerManager

from app import processes
from app.processes import Supervisor
from app.stopping import Stop


class _States(dict[str, Any]):
    """The processes' states as Sanic keeps them: each question goes over one connection and waits for its answer."""

    def __init__(self) -> None:
        super().__init__()
        self._asking = False
        self.between: Callable[[], None] = lambda: None

    def _ask(self, question: Callable[[], Any]) -> Any:
        assert not self._asking, "asked while the answer to another question is awaited"
        self._asking = True
        self.between()
        self._asking = False
        return question()

    def __getitem__(self, name: str) -> Any:
        return self._ask(lambda: dict.__getitem__(self, name))

    def __setitem__(self, name: str, value: Any) -> None:
        self._ask(lambda: dict.__setitem__(self, name, value))

    def values(self) -> Any:
        return self._ask(lambda: dict.values(self))


def _stay(marks: Any, *, deaf: bool = False, **_: Any) -> None:
    """A process that works until it is asked to leave, or even then."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN if deaf else signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    marks.put(os.getpid())
    time.sleep(120)


def _fail(**_: Any) -> None:
    """A process that cannot start."""
    os._exit(1)


@pytest.fixture
def stop() -> Iterator[Stop]:
    """A stop that this process may hear; its own handlers come back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with Stop() as stop:
        yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


class _House:
    """Sanic's own manager with one server process, and a supervisor over it."""

    def __init__(self, stop: Stop, target: Any = _stay, **options: Any) -> None:
        context = get_context("fork")
        self.marks: Any = context.SimpleQueue()
        self.states, self.stop = _States(), stop
        self.manager = WorkerManager(
            1, target, {"marks": self.marks, **options}, context, Pipe(True), self.states  # type: ignore[arg-type]
        )  # fmt: skip
        self.supervisor = Supervisor(self.manager, stop)
        stop.hold()

    def report(self) -> None:
        """Say what a server says when it is up."""
        dict.__setitem__(self.states, "Sanic-Server-0-0", {"server": True, "state": "ACKED", "starts": 1})

    def later(self, steps: Callable[[], None]) -> None:
        """Do something beside the supervisor, which has the main thread."""

        def safely() -> None:
            try:
                steps()
            finally:
                os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=safely, daemon=True).start()

    def run(self) -> None:
        self.supervisor.run()
        assert list(self.manager.processes)
        assert not any(process.is_alive() for process in self.manager.processes)


def test_a_stop_during_the_start_ends_the_wait(stop: Stop) -> None:
    house = _House(stop)
    house.later(house.marks.get)
    house.run()
    assert not house.supervisor.failed


def test_a_stop_while_the_states_are_asked_for_is_heard(stop: Stop) -> None:
    house = _House(stop)

    def interrupt() -> None:
        house.states.between = lambda: None
        os.kill(os.getpid(), signal.SIGTERM)

    def once_started() -> None:
        house.marks.get()
        house.states.between = interrupt
        time.sleep(60)

    threading.Thread(target=once_started, daemon=True).start()
    house.run()
    assert stop.asked == 1


def test_a_stop_that_was_held_starts_nothing(stop: Stop) -> None:
    house = _House(stop)
    # To this thread: the test runner may have others, and a signal to the process takes whoever does not hold it.
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    assert not stop.asked, "held"
    stop.listen()
    house.supervisor.run()
    assert stop.asked
    assert list(house.manager.processes) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGUSR1], ids=["killed", "ended as if all were well"])
def test_a_process_that_ends_unasked_is_started_again(stop: Stop, number: signal.Signals) -> None:
    house, all_up = _House(stop), threading.Event()
    seen: list[int] = []
    ask = house.manager._all_workers_ack

    def answered() -> bool:
        if seen:  # said by this thread, whose own word about the start would else undo it
            house.report()
        if answer := ask():
            all_up.set()
        return bool(answer)

    house.manager._all_workers_ack = answered  # type: ignore[method-assign]  # to learn when it was seen

    def kill_and_wait() -> None:
        seen.append(house.marks.get())
        assert all_up.wait(60), "the supervisor never saw that all are up"
        os.kill(seen[0], number)
        seen.append(house.marks.get())

    house.later(kill_and_wait)
    house.run()
    assert len(set(seen)) == 2


def test_a_process_that_ends_before_all_are_up_fails_the_start(stop: Stop) -> None:
    house = _House(stop, _fail)
    house.run()
    assert house.supervisor.failed


def test_a_start_that_takes_too_long_fails(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_START_SECONDS", 0.3)
    house = _House(stop)
    house.run()
    assert house.supervisor.failed


def test_a_process_that_does_not_leave_is_killed(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LEAVE_SECONDS", 0.3)
    house = _House(stop, deaf=True)
    house.later(house.marks.get)
    house.run()


def test_a_second_stop_kills_at_once(stop: Stop) -> None:
    house = _House(stop, deaf=True)

    def ask_twice() -> None:
        house.marks.get()
        os.kill(os.getpid(), signal.SIGINT)
        while not house.manager._shutting_down:
            time.sleep(0.01)

    house.later(ask_twice)
    started = time.monotonic()
    house.run()
    assert stop.asked == 2
    assert time.monotonic() - started < processes._LEAVE_SECONDS
