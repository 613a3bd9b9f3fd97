"""Stands between the providers and the product: hands every callback on as it came, and may keep the answer back.

Tests start a product whose public address is the relay's.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Relay:
    """A server in threads of its own. `before` and `after` run around the next callback that carries a path; after
    either of them the provider hears nothing."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Hand one callback to the product. Raises OSError where it is away."""
        if step := self._once("before"):
            step()
            raise ConnectionAbortedError
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            link.request("POST", path, body, headers)
            answer = link.getresponse()
            told = answer.status, answer.read()
        finally:
            link.close()
        if step := self._once("after"):
            step()
            raise ConnectionAbortedError
        return told

    def _once(self, name: str) -> Callable[[], None] | None:
        step = getattr(self, name)
        setattr(self, name, None)
        return step  # type: ignore[no-any-return]  # what the attribute holds

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                try:
                    status, text = relay.pass_on(self.path, dict(self.headers), body)
                except (OSError, http.client.HTTPException):
                    self.close_connection = True
                    return
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                """Keep the test output quiet."""

        return Handler
