"""The simulators as a real process on free ports. Speaks plain HTTP only.

Used by the fixtures of conftest.py.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.simulators.callback_sink import CallbackSink
from tests.contract.simulators.simulator_config import Keys, make_config

ROOT = Path(__file__).resolve().parents[3]
OFFSETS = {
    "control": 0, "wechat": 1, "wechat_pay": 2, "alipay": 3, "sf": 4, "ems": 5, "kuaidi100": 6, "sms": 7, "fiscal": 8,
    "seal": 9, "register": 11, "kdniao": 12,
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, byte for byte."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Simulators:
    """The running process, its doors, its keys and the sink."""

    def __init__(self, folder: Path, keys: Keys, sink: CallbackSink) -> None:
        self.folder, self.keys, self.sink = folder, keys, sink
        self.base_port = _free_base_port()
        self.config = make_config(folder, keys, sink.url)
        (folder / "simulators.json").write_text(json.dumps(self.config, ensure_ascii=False), "utf-8")
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / "simulators.log"
        self._has_its_ports = False

    def start(self) -> float:
        """Start the process and return the seconds until it was ready.

        Ports that were free a moment ago may be taken on a busy machine: the first start looks for others then.
        """
        started = time.monotonic()
        for _ in range(5):
            if self._is_ready():
                self._has_its_ports = True
                return time.monotonic() - started
            if self._has_its_ports or "in use" not in self.log.read_text():
                break
            self.base_port = _free_base_port()
        raise AssertionError(self.log.read_text())

    def _is_ready(self) -> bool:
        command = [sys.executable, "-m", "simulators", "--config", str(self.folder / "simulators.json")]
        command += ["--state", str(self.folder / "state.json"), "--base-port", str(self.base_port)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() == "simulators ready":
            return True
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()
        return False

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM and return the exit code and the seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code, time.monotonic() - started

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.base_port + OFFSETS[name]}"

    def call(
        self,
        name: str,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> Reply:
        """Send one request with exactly these bytes and headers (no User-Agent or Accept of its own)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.base_port + OFFSETS[name], timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def json(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """Send JSON (Chinese unescaped) and return the parsed answer, whatever its status."""
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self.call(name, method, path, raw, {"Content-Type": "application/json"}).json()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API; `path` follows /control. Fails the test when it answers 400 or more."""
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        reply = self.call("control", method, f"/control{path}", raw)
        assert reply.status < 400, f"{reply.status} {reply.body.decode()}"
        return reply.json()

    def journalled(self, provider: str, count: int) -> list[dict[str, Any]]:
        """Return a provider's callbacks, newest first, once so many are noted: each is, once its answer has come."""
        deadline = time.monotonic() + 30
        while len(tries := self.control("GET", f"/callbacks?provider={provider}")) < count:
            assert time.monotonic() < deadline, f"try {count} was not noted"
            time.sleep(0.005)
        return list(tries)

    def control_error(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Call the control API where it must refuse; return status and error text."""
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        reply = self.call("control", method, f"/control{path}", raw)
        assert reply.status >= 400, reply.body.decode()
        return reply.status, reply.json()["error"]


def _free_base_port() -> int:
    """Return a port such that it and the twelve after it are free now; below those the system gives to connections."""
    for _ in range(200):
        base = 20_000 + int.from_bytes(os.urandom(2), "big") % 12_000
        try:
            for offset in range(13):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise AssertionError("no thirteen free ports in a row")
