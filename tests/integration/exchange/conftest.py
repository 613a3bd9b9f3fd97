"""The whole house on a real port with its job runner, and the simulated department systems as a process beside it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from PIL import Image
from redis.asyncio import Redis

from app import clock, db, demo_keys, exchange_desk, wiring
from app.ids import new_id
from app.job_runner import JobRunner
from app.jobs import JobTable
from app.settings import load
from app.tokens import Caller
from handlers.integration import exchange as doors
from handlers.integration import lockers
from services.applications.types import MaterialRef
from services.catalogue.intake.importer import import_folder
from services.exchange import event_repository
from tests.conftest import cloned_database
from tests.doorway import served

ROOT = Path(__file__).parents[3]
POLICE, INSURANCE = "gongan-xiaodian", "yibao"
PORTS = 12


@dataclass
class Department:
    """One simulated system, driven through the control API."""

    code: str
    control: str
    session: aiohttp.ClientSession

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self.session.post(
            f"{self.control}/control/department/systems/{self.code}/{path}", json=body
        ) as heard:
            assert heard.status == 200, await heard.text()
            return await heard.json()

    async def call(self, method: str, path: str, body: Any = None, **forge: Any) -> Any:
        return await self.ask("call", {"method": method, "path": path, "body": body, "forge": forge})

    async def push(self, number: str, kind: str, version: int, action: str, **content: Any) -> Any:
        message = {"application_no": number, "kind": kind, "version": version}
        more = {name: content.pop(name) for name in ("message_no",) if name in content}
        return await self.ask("push", message | more | {"content": {"action": action, "officer": "郭强"} | content})

    async def events(self) -> list[dict[str, Any]]:
        address = f"{self.control}/control/department/systems/{self.code}/events"
        async with self.session.get(address) as heard:
            return list(await heard.json())

    async def heard_of(self, number: str, count: int, seconds: float = 25.0) -> list[dict[str, Any]]:
        """Wait until so many events of a case have come; return them in the order of arrival."""
        limit = time.monotonic() + seconds
        while True:
            found = [each for each in await self.events() if each["content"]["application_no"] == number]
            if len(found) >= count:
                return found
            assert time.monotonic() < limit, [each["content"]["event"] for each in found]
            await asyncio.sleep(0.1)


@dataclass
class Exchange:
    """The running house and the departments."""

    base: str
    container: wiring.Container
    control: str
    session: aiohttp.ClientSession
    item: dict[str, Any]

    def department(self, code: str = POLICE) -> Department:
        return Department(code, self.control, self.session)

    async def fault(self, kind: str, **more: Any) -> None:
        fault = {"provider": "department", "call": "event", "kind": kind} | more
        async with self.session.post(f"{self.control}/control/faults", json=fault) as heard:
            assert heard.status == 201, await heard.text()

    async def reset(self) -> None:
        async with self.session.post(f"{self.control}/control/reset", json={}) as heard:
            assert heard.status == 200

    async def citizen(self) -> Caller:
        """A verified citizen."""
        cipher, citizen_id = self.container.cipher, new_id()
        number, phone = f"14010519900307{secrets.randbelow(10**4):04d}", "13800000001"
        await db.execute(
            "INSERT INTO citizen (id, created_at, status, real_name_level, name_cipher, name_masked, id_number_cipher,"
            " id_number_hash, id_number_masked, phone_cipher, phone_hash, phone_masked, preferences, updated_at)"
            " VALUES ($1, now(), 'ACTIVE', 'L3', $2, '*伟', $3, $4, '140105********0012', $5, $6, '138****0001', '{}',"
            " now())",
            citizen_id,
            cipher.encrypt("citizen.name", "张伟"),
            cipher.encrypt("citizen.id_number", number),
            cipher.lookup("id_number", number),
            cipher.encrypt("citizen.phone", phone),
            cipher.lookup("phone", citizen_id.hex),
        )
        return Caller(citizen_id, new_id(), new_id(), "WECHAT", clock.timestamp() + 900)

    async def submitted(self) -> str:
        """A case of the police that has just been handed in."""
        caller, applications = await self.citizen(), self.container.applications
        picture = io.BytesIO()
        Image.new("RGB", (8, 6), "white").save(picture, "JPEG")
        materials = []
        for material in self.item["materials"]:
            if material["code"] in ("M02", "M03"):
                upload = await applications.uploads.save(caller, "material", picture.getvalue())
                materials.append(MaterialRef(material_code=material["code"], upload_id=uuid.UUID(upload.upload_id)))
        form = self.item["form"]["examples"][0]
        draft = await applications.save_draft(caller, self.item["item_code"], form, materials)
        await applications.submit(caller, draft.application_no)
        return draft.application_no

    async def row(self, number: str) -> Any:
        return await db.fetch_row("SELECT * FROM application WHERE application_no = $1", number)

    async def pay(self, number: str) -> None:
        """Note the fee as paid, as the payments room would."""
        await db.execute("UPDATE application SET fee_paid_at = now() WHERE application_no = $1", number)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict[str, str]]:
    """Keys of demo mode and a base port; the process is started by the house, which knows its own address."""
    var = tmp_path_factory.mktemp("exchange")
    base = _free_ports()
    return var, base, demo_keys.prepare(var, ROOT / "data", "127.0.0.1", 1, base)


@pytest.fixture(scope="module")
async def exchange(redis_url: str, simulated: tuple[Path, int, dict[str, str]]) -> AsyncIterator[Exchange]:
    """The house, the simulators and the job runner, for all tests of a module."""
    var, sim_port, values = simulated
    async with cloned_database() as url, Redis.from_url(redis_url) as redis, aiohttp.ClientSession() as session:
        await redis.flushdb()
        await db.start(url)
        own = {"SJT_DATABASE_URL": url, "SJT_REDIS_URL": redis_url, "SJT_VAR": str(var)}
        (var / "files").mkdir(exist_ok=True)
        settings = load(own | {"SJT_STORAGE_URL": f"file://{var / 'files'}"}, values)
        await import_folder(ROOT / "data")
        await exchange_desk.import_demonstration(settings)
        container = await wiring.build(settings)
        item = json.loads((ROOT / "data" / "items" / "id-card-reissue-xiaodian.json").read_text(encoding="utf-8"))
        async with served(container, (*doors.ROUTES, *lockers.ROUTES)) as base:
            with _departments(var, sim_port, base):
                async with _job_runner(container, url):
                    yield Exchange(base, container, f"http://127.0.0.1:{sim_port}", session, item)
        await container.close()
        await db.stop()


@contextlib.contextmanager
def _departments(var: Path, sim_port: int, base: str) -> Iterator[None]:
    config = var / "keys" / "simulators.json"
    told = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(told | {"public_url": base}, ensure_ascii=False), encoding="utf-8")
    command = [sys.executable, "-m", "simulators", "--config", str(config), "--base-port", str(sim_port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "simulators ready"
        yield
        process.terminate()


@contextlib.asynccontextmanager
async def _job_runner(container: wiring.Container, url: str) -> AsyncIterator[None]:
    """Run the jobs of this room only: what other rooms do about a case is not asked here."""
    table = container.job_table
    reactions = {
        name: [each for each in listed if each[0].startswith("exchange.")] for name, listed in table.reactions.items()
    }
    own = JobTable(
        functions={event_repository.DELIVER: table.functions[event_repository.DELIVER]},
        reactions=reactions,
        sweeps={"exchange.deliver_waiting": ("* * * * * */1", table.sweeps["exchange.deliver_waiting"][1])},
    )
    link = await asyncpg.connect(url)
    runner = JobRunner(own, link)
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        runner.stop()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(task, 10)
        await link.close()


def _free_ports() -> int:
    """Find so many free ports in a row, below those that the system gives to connections."""
    for _ in range(200):
        base = 20_000 + int.from_bytes(os.urandom(2), "big") % 12_000
        with contextlib.ExitStack() as held:
            try:
                for offset in range(PORTS):
                    held.enter_context(socket.create_server(("127.0.0.1", base + offset)))
            except OSError:
                continue
            return base
    raise AssertionError("no free ports")
