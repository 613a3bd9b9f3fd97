"""What a start surrounds the service with: simulators of its own, never those of another service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app import demo_keys, start
from app.settings import Settings

ROOT = Path(__file__).parents[2]


class _Other(BaseHTTPRequestHandler):
    """The control port of another service's simulators."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok", "pid": 1}')

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def taken_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_simulators_of_another_service_are_not_taken_for_ours(taken_port: int, tmp_path: Path) -> None:
    demo_keys.prepare(tmp_path, ROOT / "data", "127.0.0.1", 8000, taken_port)
    settings = Settings(var=tmp_path, sim_port=taken_port)
    with pytest.raises(SystemExit, match="模拟器未能启动"), start.simulators(ROOT, settings):
        pytest.fail("started beside the other service's simulators")
