"""The simulators as a real process on free ports, with a sink that receives their callbacks. Speaks plain HTTP only.

Used by the fixtures of conftest.py.
"""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[3]
OFFSETS = {
    "control": 0, "wechat": 1, "wechat_pay": 2, "alipay": 3, "sf": 4, "ems": 5, "kuaidi100": 6, "sms": 7, "fiscal": 8,
    "seal": 9, "register": 11, "kdniao": 12,
}  # fmt: skip
PEOPLE = [
    {"key": "zhang-wei", "name": "张伟", "id_number": "140105199003070012", "phone": "13800000001"},
    {"key": "li-na", "name": "李娜", "id_number": "140106198504120024", "phone": "13800000002"},
]


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, byte for byte."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


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


@dataclass
class Keys:
    """Throw-away RSA keys, as PEM text by role: `private[role]`, `public[role]`; certificates by role."""

    private: dict[str, str] = field(default_factory=dict)
    public: dict[str, str] = field(default_factory=dict)
    certificate: dict[str, str] = field(default_factory=dict)
    serial: dict[str, str] = field(default_factory=dict)

    def make(self, role: str, *, certified: bool = False) -> None:
        key = rsa.generate_private_key(65537, 2048)
        self.private[role] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.public[role] = (
            key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        if certified:
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)])
            start = datetime.now(UTC) - timedelta(days=1)
            number = int.from_bytes(b"\x0a" + os.urandom(19), "big")
            builder = x509.CertificateBuilder(name, name, key.public_key(), number, start, start + timedelta(days=9))
            certificate = builder.sign(key, hashes.SHA256())
            self.certificate[role] = certificate.public_bytes(serialization.Encoding.PEM).decode()
            self.serial[role] = f"{number:040X}"


class Simulators:
    """The running process, its doors, its keys and the sink."""

    def __init__(self, folder: Path, keys: Keys, sink: CallbackSink) -> None:
        self.folder, self.keys, self.sink = folder, keys, sink
        self.base_port = _free_base_port()
        self.config = make_config(folder, keys, sink.url)
        (folder / "simulators.json").write_text(json.dumps(self.config, ensure_ascii=False), "utf-8")
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / "simulators.log"

    def start(self) -> float:
        """Start the process and return the seconds until it was ready."""
        started = time.monotonic()
        command = [sys.executable, "-m", "simulators", "--config", str(self.folder / "simulators.json")]
        command += ["--state", str(self.folder / "state.json"), "--base-port", str(self.base_port)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line == "simulators ready", self.log.read_text()
        return time.monotonic() - started

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


def make_config(folder: Path, keys: Keys, public_url: str) -> dict[str, Any]:
    """Write the key files and return the simulators' JSON for them."""
    for role in ("merchant", "partner", "alipay_app", "fiscal_app"):
        (folder / f"{role}-public.pem").write_text(keys.public[role])
    for role in ("platform", "platform_certificate", "alipay", "fiscal", "seal"):
        (folder / f"{role}-private.pem").write_text(keys.private[role])
    (folder / "platform-certificate.pem").write_text(keys.certificate["platform_certificate"])
    push_key = base64.b64encode(bytes(range(32))).decode().rstrip("=")
    return {
        "public_url": public_url,
        "retry_scale": 0.002,
        "wechat": {
            "apps": [
                {
                    "app_id": "wx0123456789abcdef",
                    "app_secret": "s" * 32,
                    "push_token": "PushToken",
                    "push_aes_key": push_key,
                },
                {
                    "app_id": "wx00112233445566aa",
                    "app_secret": "t" * 32,
                    "push_token": "Other",
                    "push_aes_key": push_key,
                },
            ]
        },
        "wechat_pay": {
            "merchants": [
                {
                    "mch_id": "1900000001",
                    "app_ids": ["wx0123456789abcdef"],
                    "serial": "3775B6A45ACD588826D15E583A95F5DD7C6E0001",
                    "public_key_file": "merchant-public.pem",
                    "apiv3_key": "0123456789abcdef0123456789ABCDEF",
                },
                {
                    "mch_id": "1900000100",
                    "app_ids": ["wxfedcba9876543210", "wx00112233445566aa"],
                    "serial": "0A1B2C3D4E5F60718293A4B5C6D7E8F901234568",
                    "public_key_file": "partner-public.pem",
                    "apiv3_key": "fedcba9876543210FEDCBA9876543210",
                    "sub_merchants": ["1900000109"],
                },
            ],
            "platform_keys": [
                {"id": "PUB_KEY_ID_0119000000012026010100000000000001", "private_key_file": "platform-private.pem"},
                {
                    "id": keys.serial["platform_certificate"],
                    "private_key_file": "platform_certificate-private.pem",
                    "certificate_file": "platform-certificate.pem",
                },
            ],
        },
        "alipay": {
            "private_key_file": "alipay-private.pem",
            "apps": [
                {
                    "app_id": "2021000000000001",
                    "seller_id": "2088101117955611",
                    "public_key_file": "alipay_app-public.pem",
                    "aes_key": base64.b64encode(bytes(range(16))).decode(),
                    "merchants": [
                        {
                            "token": "202611BBauthorised",
                            "auth_app_id": "2021000000000109",
                            "seller_id": "2088101117955699",
                        }
                    ],
                }
            ],
        },
        "sf": {
            "partners": [
                {
                    "partner_id": "SJTTEST",
                    "check_word": "c" * 32,
                    "monthly_card": "7551234567",
                    "route_push_url": f"{public_url}/callbacks/sf/sf-token",
                }
            ]
        },
        "ems": {
            "customers": [
                {
                    "sender_no": "1100000000000",
                    "authorization": "throw-away-code",
                    "sign_key": "ABEiM0RVZneImaq7zN3u/w==",
                    "push_url": f"{public_url}/callbacks/ems/ems-token",
                }
            ]
        },
        "kuaidi100": {"accounts": [{"key": "KdKeyTest0000001", "customer": "A" * 32, "secret": "5" * 32}]},
        "kdniao": {
            "accounts": [
                {
                    "business_id": "1000001",
                    "app_key": "n" * 36,
                    "push_url": f"{public_url}/callbacks/kdniao/kdniao-token",
                }
            ]
        },
        "sms": {
            "aliyun": [
                {
                    "access_key_id": "AKIDTEST",
                    "access_key_secret": "a" * 30,
                    "sign_names": ["三晋通"],
                    "templates": {"SMS_100001": "您的{item}已受理，编号{no}。"},
                    "receipt_url": f"{public_url}/callbacks/sms/aliyun/aliyun-token",
                }
            ],
            "tencent": [
                {
                    "secret_id": "SECRETIDTEST",
                    "secret_key": "k" * 32,
                    "sdk_app_id": "1400000001",
                    "sign_names": ["三晋通"],
                    "templates": {"200001": "您的{1}已受理，编号{2}。"},
                    "receipt_url": f"{public_url}/callbacks/sms/tencent/tencent-token",
                }
            ],
        },
        "fiscal": {
            "private_key_file": "fiscal-private.pem",
            "apps": [
                {"app_id": "SJTTEST140000", "public_key_file": "fiscal_app-public.pem"},
                {
                    "app_id": "SJTTEST130000",
                    "public_key_file": "fiscal_app-public.pem",
                    "region": "130000",
                    "code_length": 16,
                },
            ],
        },
        "seal": {
            "private_key_file": "seal-private.pem",
            "apps": [
                {"app_id": "SJTSEALTEST", "secret": "z" * 32},
                {"app_id": "SJTSEALFEW", "secret": "y" * 32, "owners": ["11140105MB0001177F"]},
            ],
        },
        "register": {
            "apps": [{"app_id": "SJTREGTEST", "secret": "r" * 32}],
            "enterprises": [
                {
                    "uscc": "91140105MA0K7QX256",
                    "name": "太原晋云信息技术有限公司",
                    "legal_representative": "zhang-wei",
                    "address": "山西省太原市小店区学府街66号",
                }
            ],
        },
        "people": PEOPLE,
    }


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
