"""Staff decide which version of an item serves citizens; differences and the report of the rules help them."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, InvalidTransition, NotFound, SanjinError, StaleVersion
from services.catalogue.intake.feed_import import import_feed
from services.catalogue.intake.importer import import_folder
from services.catalogue.publishing.service import Publishing
from services.catalogue.publishing.states import VersionAct
from services.catalogue.publishing.sweeps import publish_due
from services.catalogue.service import CatalogueService
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller
from tests.seeds import seeded

pytestmark = pytest.mark.anyio
DATA = Path(__file__).parents[3] / "data"
ITEM = json.loads((DATA / "items" / "id-card-reissue-xiaodian.json").read_text("utf-8"))
CODE, HERE = ITEM["item_code"], "192.0.2.1"


def staff(*roles: Role, divisions: tuple[str, ...] = ("1401",)) -> StaffCaller:
    return StaffCaller(uuid.uuid4(), uuid.uuid4(), "wang", "王", frozenset(roles), divisions, (), "csrf")


PUBLISHER = staff(Role.PUBLISHER)


def newer(**changes: Any) -> dict[str, Any]:
    materials = [*ITEM["materials"][:-1], ITEM["materials"][-1] | {"instructions": "新的说明"}]
    return ITEM | {"version": 2, "summary": "新的简介。", "materials": materials} | changes


async def fed(folder: Path, *items: dict[str, Any], approved: bool = False) -> None:
    file = folder / "feed.json"
    file.write_text(json.dumps(items, ensure_ascii=False), "utf-8")
    await import_feed([file], DATA, "省事项库", approved=approved, progress=lambda: None)


async def status(version: int) -> str:
    row = await db.fetch_row("SELECT status FROM service_item WHERE item_code = $1 AND version = $2", CODE, version)
    assert row is not None
    return str(row["status"])


@pytest.fixture
async def publishing(database: str) -> Publishing:
    await seeded("folder", database, partial(import_folder, DATA))
    return Publishing(AuditTrail(b"k" * 32))


async def test_a_draft_is_compared_and_published(publishing: Publishing, tmp_path: Path) -> None:
    await fed(tmp_path, newer())
    (waiting,), following = await publishing.page(PUBLISHER, "DRAFT")
    assert (waiting.version, waiting.acts, following) == (2, ("publish",), None)
    found = await publishing.compare(PUBLISHER, CODE, 2, 1)
    assert {(change.path.partition("[")[0], change.element) for change in found.data} == {
        ("summary", "简介"),
        ("materials", "申请材料"),
    }
    assert next(change for change in found.data if change.path.startswith("materials")).after == "新的说明"
    view = await publishing.act(PUBLISHER, CODE, 2, VersionAct.PUBLISH, HERE, "新规")
    assert (view.status, view.published_by) == ("PUBLISHED", "wang")
    assert (await status(1), await status(2)) == ("WITHDRAWN", "PUBLISHED")
    assert (await CatalogueService().current_item(CODE)).record.version == 2
    row = await db.fetch_row("SELECT action, object_no FROM audit_entry")
    assert row is not None
    assert (row["action"], row["object_no"]) == ("item.publish", CODE)


async def test_a_withdrawn_item_serves_nobody_until_it_is_restored(publishing: Publishing) -> None:
    await publishing.act(PUBLISHER, CODE, 1, VersionAct.WITHDRAW, HERE, "停办")
    with pytest.raises(NotFound):
        await CatalogueService().current_item(CODE)
    assert (await CatalogueService().item(CODE, 1)).record.version == 1
    await import_folder(DATA)
    await publish_due(publishing)
    assert await status(1) == "WITHDRAWN"
    await publishing.act(PUBLISHER, CODE, 1, VersionAct.RESTORE, HERE)
    assert await status(1) == "PUBLISHED"


async def test_a_version_is_published_on_its_day(
    publishing: Publishing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = clock.beijing_date() + timedelta(days=3)
    await fed(tmp_path, newer(effective_on=day.isoformat()), approved=True)
    await publish_due(publishing)
    assert (await status(1), await status(2)) == ("PUBLISHED", "WITHDRAWN")
    then = clock.now() + timedelta(days=3)
    monkeypatch.setattr(clock, "now", lambda: then)
    await publish_due(publishing)
    await publish_due(publishing)
    assert (await status(1), await status(2)) == ("WITHDRAWN", "PUBLISHED")


async def test_of_several_who_publish_one_does(publishing: Publishing, tmp_path: Path) -> None:
    await fed(tmp_path, newer())

    async def attempt() -> str:
        try:
            return (await publishing.act(PUBLISHER, CODE, 2, VersionAct.PUBLISH, HERE)).status
        except (StaleVersion, InvalidTransition) as refusal:
            return refusal.stable_code

    outcomes = await asyncio.gather(*(attempt() for _ in range(5)))
    assert outcomes.count("PUBLISHED") == 1


@pytest.mark.parametrize(
    ("who", "version", "refusal"),
    [
        (staff(Role.WINDOW), 1, Forbidden),
        (staff(Role.PUBLISHER, divisions=("1402",)), 1, NotFound),
        (PUBLISHER, 7, NotFound),
        (PUBLISHER, 1, InvalidTransition),
    ],
    ids=["role", "scope", "version", "state"],
)
async def test_refusals_change_nothing(
    publishing: Publishing, who: StaffCaller, version: int, refusal: type[SanjinError]
) -> None:
    with pytest.raises(refusal):
        await publishing.act(who, CODE, version, VersionAct.PUBLISH, HERE)
    assert await status(1) == "PUBLISHED"


async def test_the_report_names_what_the_rules_refuse(publishing: Publishing, tmp_path: Path) -> None:
    report = await publishing.report(PUBLISHER)
    assert report.looked_at >= 40
    assert report.findings == ()
    await fed(tmp_path, newer())
    await db.execute(
        "UPDATE service_item SET record = jsonb_set(record, '{visits}', '3') WHERE item_code = $1 AND version = 2", CODE
    )
    report = await publishing.report(PUBLISHER)
    assert {(finding.item_code, finding.version) for finding in report.findings} == {(CODE, 2)}
    with pytest.raises(Conflict) as refused:
        await publishing.act(PUBLISHER, CODE, 2, VersionAct.PUBLISH, HERE)
    assert refused.value.stable_code == "item_inconsistent"
    assert refused.value.faults
