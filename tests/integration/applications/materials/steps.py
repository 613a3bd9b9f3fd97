"""Steps of tests of materials: what is asked for, handed in, accepted and kept."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from app import db
from app.errors import ProviderUnavailable
from services.applications.materials.reactions import MaterialReactions
from services.applications.ports import Seen
from tests.integration.applications.conftest import FORM, ITEM

ALL, HERE = "/api/v1/applications", "127.0.0.1"
ID_CARD = ITEM["results"][0]["licence_type"]
PHOTO = ITEM["materials"][1]
Phones = Callable[..., Any]


def material(code: str, *substitutes: str, **changes: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": f"材料{code}",
        "kind": "certificate",
        "forms": ["electronic"],
        "source": "government",
        "necessity": "required",
        "instructions": "上传照片",
        "standard": "清晰完整",
        "substitutes": list(substitutes),
        "licence_type": ID_CARD if "licence" in substitutes else "",
        "max_files": 2,
    } | changes


async def begin(phone: Any, *named: dict[str, Any]) -> tuple[int, Any]:
    body = {"item_code": ITEM["item_code"], "form": FORM, "materials": list(named)}
    status, view, _ = await phone("POST", ALL, body)
    return status, view


async def filed(phone: Any, *named: dict[str, Any]) -> str:
    status, view = await begin(phone, *named)
    assert status == 201, view
    one = f"{ALL}/{view['application_no']}"
    status, view, _ = await phone("POST", f"{one}/submit", {})
    assert status == 200, view
    return one


def number_of(one: str) -> str:
    return one.rpartition("/")[2]


async def licensed(world: Any) -> str:
    """Let the citizen have the licence that the item gives; return its number."""
    number = await world.approved()
    await world.react()
    page, _ = await world.licences.list_own(world.citizen.citizen_id, None, 10)
    assert number
    return str(page[0].licence_no)


async def accept(world: Any, one: str) -> None:
    await world.applications.desk.accept(world.window, number_of(one), HERE)
    await MaterialReactions(world.applications.materials).start_later(SimpleNamespace(subject_no=number_of(one)))
    await world.pay(number_of(one))


async def paths(answer: tuple[int, Any]) -> tuple[int, set[str]]:
    return answer[0], {fault["path"] for fault in answer[1].get("errors", ())}


async def rows() -> list[tuple[Any, ...]]:
    found = await db.fetch_all(
        "SELECT material_code, page, source, reference, due_on IS NOT NULL AS due, supplied_at IS NOT NULL AS supplied"
        " FROM application_material ORDER BY material_code, page"
    )
    return [tuple(row.values()) for row in found]


class Register:
    """What another body shares in these tests."""

    seen: Seen | None = Seen("户籍1401", "ab" * 32)
    is_away = False

    async def look(self, *_: Any) -> Seen | None:
        if self.is_away:
            raise ProviderUnavailable
        return self.seen
