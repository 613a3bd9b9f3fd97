"""The catalogue over HTTP: nobody signs in, tags are honoured, odd queries are refused politely."""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp
import pytest
from yarl import URL

from handlers.citizen.catalogue import ROUTES
from services.catalogue.intake.loader import CatalogueFiles
from services.catalogue.service import CatalogueService
from tests.doorway import served

pytestmark = pytest.mark.anyio


async def test_guide_is_answered_with_its_tag_and_then_not_again(
    catalogue: CatalogueService, files: CatalogueFiles
) -> None:
    async with served(SimpleNamespace(catalogue=catalogue), ROUTES) as base, aiohttp.ClientSession(base) as phone:
        path = f"/api/v1/items/{files.items[0].item_code}"
        async with phone.get(path) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "public, max-age=10"
            assert files.items[0].name in await answer.text()
            tag = answer.headers["ETag"]
        async with phone.get(path, headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")


async def test_lists_packages_and_papers_are_reached(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    code, package = files.items[0].item_code, files.packages[0].package_code
    paths = [
        "/api/v1/divisions?parent=140000&limit=5",
        "/api/v1/topics",
        "/api/v1/items?q=身份证&division=140105&topic=户政&limit=5",
        "/api/v1/packages",
        f"/api/v1/packages/{package}",
        f"/api/v1/items/{code}/materials/M01/blank.pdf",
        f"/api/v1/items/{code}/materials/M01/sample.pdf",
    ]
    async with served(SimpleNamespace(catalogue=catalogue), ROUTES) as base, aiohttp.ClientSession(base) as phone:
        for path in paths:
            async with phone.get(path) as answer:
                assert answer.status == 200, path
                kind = "application/pdf" if path.endswith(".pdf") else "application/json"
                assert answer.content_type == kind


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/items/unknown", 404, "not_found"),
        ("/api/v1/items?division=1", 400, "invalid_request"),
        ("/api/v1/items?cursor=%FF", 400, "invalid_request"),
        ("/api/v1/items?cursor=bm90", 400, "invalid_request"),
        ("/api/v1/items?limit=0", 400, "invalid_request"),
        ("/api/v1/items?limit=101", 400, "invalid_request"),
        ("/api/v1/items?surprise=1", 400, "invalid_request"),
        ("/api/v1/items?q=" + "长" * 65, 400, "invalid_request"),
        ("/api/v1/items/a%00b", 404, "not_found"),
        ("/api/v1/items/" + "x" * 300, 404, "not_found"),
        ("/api/v1/packages/unknown", 404, "not_found"),
    ],
)
async def test_odd_requests_are_refused_with_a_problem(
    catalogue: CatalogueService, path: str, status: int, code: str
) -> None:
    async with (
        served(SimpleNamespace(catalogue=catalogue), ROUTES) as base,
        aiohttp.ClientSession() as phone,
        phone.get(URL(base + path, encoded=True)) as answer,
    ):
        assert answer.content_type == "application/problem+json"
        assert (answer.status, (await answer.json())["code"]) == (status, code)
