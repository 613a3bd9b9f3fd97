"""What a command needs: settings, embedded engines in demo mode, the simulators; and puts it all away again."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from app import demo_keys
from app.settings import Settings, load

DATABASE = "sanjintong"


def settings(root: Path) -> Settings:
    """Read the settings; demo mode fills in its own keys and the simulators' addresses. Raises SettingsError."""
    if os.environ.get("SJT_ENV") == "production":
        return load()
    first = load({name: value for name, value in os.environ.items() if name in _FIRST})
    made = demo_keys.prepare(first.var, root / "data", first.host, first.port, first.sim_port)
    return load(defaults=made)


_FIRST = ("SJT_ENV", "SJT_HOST", "SJT_PORT", "SJT_VAR", "SJT_SIM_PORT")


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the folder's lock while serving: a second service on the same data would fight with the first.

    The system lets the lock go with the process, so a killed service leaves nothing behind.
    """
    var = settings(root).var
    var.mkdir(parents=True, exist_ok=True)
    with (var / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"{var} 中的服务已在运行；请先停止它，或用 SJT_VAR 另选目录")
        yield


@contextlib.contextmanager
def surroundings(root: Path, *, engines: bool = True) -> Iterator[Settings]:
    """Give settings whose database, Redis and storage exist; stop on leaving what this call started."""
    found = settings(root)
    with contextlib.ExitStack() as stack:
        if engines and not found.database_url:
            found = replace(found, database_url=_postgres(found, stack))
        if engines and not found.redis_url:
            found = replace(found, redis_url=_redis(found, stack))
        if not found.storage_url:
            files = (found.var / "files").resolve()
            files.mkdir(parents=True, exist_ok=True)
            found = replace(found, storage_url=f"file://{files}")
        yield found


def _postgres(found: Settings, stack: contextlib.ExitStack) -> str:
    from app.embedded import EmbeddedPostgres, create_database, database_url

    server = EmbeddedPostgres(found.var)
    adopted = server.is_running()
    url = server.start()
    if not adopted or not _served_by_another(found):
        stack.callback(server.stop)
    create_database(url, DATABASE)
    return database_url(url, DATABASE)


def _redis(found: Settings, stack: contextlib.ExitStack) -> str:
    from app.embedded import EmbeddedRedis

    server = EmbeddedRedis(found.var)
    adopted = server.is_running()
    url = server.start()
    if not adopted or not _served_by_another(found):
        stack.callback(server.stop)
    return url


def _served_by_another(found: Settings) -> bool:
    """Tell whether a running service uses these engines: then a command such as `migrate` must not stop them."""
    return answers(f"http://127.0.0.1:{found.port}/healthz")


@contextlib.contextmanager
def simulators(root: Path, found: Settings, check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Run the simulators for as long as the block lasts; they leave by themselves if this process is killed.

    Args:
        check: called while they come up; may raise to give the start up.
    """
    config = found.var.resolve() / "keys" / demo_keys.SIMULATORS
    state = found.var.resolve() / "simulators.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", "--config", str(config), "--state", str(state),
         "--base-port", str(found.sim_port), "--leave-with-parent"],
        cwd=root,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip

    def ready() -> bool:
        check()
        return _simulators_at(found.sim_port) == process.pid

    try:
        _wait_until(ready, process, "模拟器")
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > limit:
            sys.exit(f"{what}未能启动")
        time.sleep(0.05)


def _simulators_at(port: int) -> int | None:
    """Name the process whose simulators answer at a port: those of another service know other keys and people."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/control/healthz", timeout=1) as response:
            return int(json.load(response)["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def answers(url: str) -> bool:
    """Tell whether an address on this machine answers 200 within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_for_signal() -> None:
    """Block until Ctrl-C or SIGTERM."""
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
