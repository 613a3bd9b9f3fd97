"""Where the simulators send their callbacks in tests: keeps every request and answers as told."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """A callback that reached the sink."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class CallbackSink:
    """Stands where the backend would: keeps every request and answers as told (default 200 `success`)."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, list[tuple[int, str]]] = {}
        self.responders: dict[str, Callable[[Received], tuple[int, str]]] = {}
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def clear(self) -> None:
        with self._arrived:
            self.received.clear()
            self.answers.clear()
            self.responders.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def matching(self, path_prefix: str) -> list[Received]:
        with self._arrived:
            return [item for item in self.received if item.path.startswith(path_prefix)]

    def wait_for(self, path_prefix: str, count: int = 1, seconds: float = 30) -> list[Received]:
        """Return the callbacks to a path once `count` have come; fails the test when they do not."""
        deadline = time.monotonic() + seconds
        with self._arrived:
            while True:
                found = [item for item in self.received if item.path.startswith(path_prefix)]
                left = deadline - time.monotonic()
                if len(found) >= count:
                    return found
                assert left > 0, f"{len(found)} of {count} callbacks to {path_prefix} in {seconds} s"
                self._arrived.wait(left)

    def take(self, item: Received) -> tuple[int, str]:
        """Keep a request and choose its answer: the next planned one of its path, else 200 `success`."""
        with self._arrived:
            self.received.append(item)
            planned = next((rows for prefix, rows in self.answers.items() if item.path.startswith(prefix)), [])
            status, text = planned.pop(0) if planned else (200, "success")
            self._arrived.notify_all()
        if responder := next((made for prefix, made in self.responders.items() if item.path.startswith(prefix)), None):
            return responder(item)
        if item.method == "GET" and "echostr" in item.query and status == 200:
            text = item.query["echostr"]
        return status, text

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                item = Received(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
                status, text = sink.take(item)
                raw = b"" if status == 204 else text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *args: object) -> None:
                """Keep the test output quiet."""

        return Handler
