"""Short links to files, and files that a virus scanner has looked at first."""

from __future__ import annotations

import asyncio
import struct
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.errors import InvalidRequest, NotFound, ServiceUnavailable
from clients.clamav.client import ClamAv
from services.applications.files.adapters.clamav import ClamAvScan
from services.applications.files.links import FileLinks
from tests.integration.applications.conftest import picture

pytestmark = pytest.mark.anyio
_EVIL = b"EVIL-MARK"


async def test_a_link_shows_the_file_to_whoever_has_it_for_minutes(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await world.photo()
    link = await world.applications.uploads.own_link(world.citizen, upload)
    token = link.path.removeprefix("/files/")
    assert str(upload) not in link.path
    shown = await world.applications.uploads.linked_file(token)
    own = await world.applications.uploads.own_file(world.citizen, upload)
    assert shown.content == own.content
    later = clock.timestamp() + 301
    monkeypatch.setattr(clock, "timestamp", lambda: later)
    with pytest.raises(NotFound) as ended:
        await world.applications.uploads.linked_file(token)
    assert ended.value.stable_code == "link_ended"


async def test_only_owner_and_staff_in_charge_get_a_link(world: Any) -> None:
    upload = await world.photo()
    with pytest.raises(NotFound):
        await world.applications.uploads.own_link(world.other, upload)
    with pytest.raises(NotFound):
        await world.applications.uploads.case_link(world.window, upload, "192.0.2.1")


async def test_every_changed_letter_ends_a_link(cipher: FieldCipher) -> None:
    links = FileLinks(cipher)
    token, _ = links.make(uuid.uuid4())
    # The last letter carries bits that no byte holds.
    for place in range(len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(NotFound):
            links.read(token[:place] + other + token[place + 1 :])
    for strange in ("", "x", "=" * 8, "ü", token + "AAAA", token[:-4]):
        with pytest.raises(NotFound):
            links.read(strange)


@pytest.fixture
async def daemon() -> AsyncIterator[str]:
    """A scanner that finds one mark, speaking the daemon's own words; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\n") == b"nINSTREAM\n"
        content = b""
        while size := struct.unpack(">I", await reader.readexactly(4))[0]:
            content += await reader.readexactly(size)
        writer.write(b"stream: Test.Mark FOUND\n" if _EVIL in content else b"stream: OK\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_clean_file_is_marked_as_scanned(world: Any, daemon: str) -> None:
    world.applications.uploads._scan = ClamAvScan(ClamAv(daemon))
    before = clock.now()
    await world.photo()
    row = await db.fetch_row("SELECT scanned_at FROM upload")
    assert row is not None
    assert row["scanned_at"] - before < timedelta(minutes=1)


async def test_an_infected_file_is_refused_and_nothing_is_kept(world: Any, daemon: str) -> None:
    world.applications.uploads._scan = ClamAvScan(ClamAv(daemon))
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.uploads.save(world.citizen, "material", picture() + _EVIL)
    assert refused.value.stable_code == "upload_infected"
    row = await db.fetch_row("SELECT count(*) AS uploads FROM upload")
    assert row is not None
    assert row["uploads"] == 0


async def test_without_its_scanner_nothing_is_taken(world: Any) -> None:
    world.applications.uploads._scan = ClamAvScan(ClamAv("tcp://127.0.0.1:9", patience_seconds=1))
    with pytest.raises(ServiceUnavailable) as refused:
        await world.photo()
    assert refused.value.stable_code == "scan_unavailable"
