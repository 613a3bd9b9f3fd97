"""Doors of the catalogue: areas, topics, items, guides with their papers, and packages; open to everybody."""

from __future__ import annotations

from functools import partial

from handlers.doors import Call, Reply, public_route
from services.catalogue.types import (
    DivisionPage,
    DivisionQuery,
    ItemPage,
    ItemQuery,
    PackagePage,
    Rendered,
    TopicPage,
)

_TAG = "事项"
_PUBLIC = "public, max-age=10"
_ITEM = "/api/v1/items/<item_code:str>"


def _reply(rendered: Rendered, content_type: str = "application/json; charset=utf-8") -> Reply:
    return Reply(rendered.body, etag=rendered.etag, headers={"Cache-Control": _PUBLIC}, content_type=content_type)


async def list_divisions(call: Call[None]) -> Reply:
    """List the areas a citizen can choose."""
    return _reply(await call.house.catalogue.divisions(call.query))


async def list_topics(call: Call[None]) -> Reply:
    """List the topics."""
    return _reply(await call.house.catalogue.topics())


async def list_items(call: Call[None]) -> Reply:
    """List or search items."""
    return _reply(await call.house.catalogue.items(call.query))


async def show_item(call: Call[None]) -> Reply:
    """Show the guide of an item."""
    return _reply(await call.house.catalogue.guide(call.path["item_code"]))


async def show_blank(call: Call[None]) -> Reply:
    """Hand out the blank of a material."""
    path = call.path
    paper = await call.house.catalogue.paper(path["item_code"], path["material_code"], filled=False)
    return _reply(paper, "application/pdf")


async def show_sample(call: Call[None]) -> Reply:
    """Hand out the filled sample of a material."""
    path = call.path
    paper = await call.house.catalogue.paper(path["item_code"], path["material_code"], filled=True)
    return _reply(paper, "application/pdf")


async def list_packages(call: Call[None]) -> Reply:
    """List the packages."""
    return _reply(await call.house.catalogue.packages())


async def show_package(call: Call[None]) -> Reply:
    """Show one package."""
    return _reply(await call.house.catalogue.package(call.path["package_code"]))


_route = partial(public_route, tag=_TAG)
ROUTES = (
    _route("/api/v1/divisions", list_divisions, "行政区划", DivisionPage, DivisionQuery),
    _route("/api/v1/topics", list_topics, "办事主题", TopicPage),
    _route("/api/v1/items", list_items, "事项列表和搜索（汉字、拼音、首字母）", ItemPage, ItemQuery),
    _route(_ITEM, show_item, "办事指南"),
    _route(f"{_ITEM}/materials/<material_code:str>/blank.pdf", show_blank, "材料空表（PDF）", None),
    _route(f"{_ITEM}/materials/<material_code:str>/sample.pdf", show_sample, "材料样表（PDF）", None),
    _route("/api/v1/packages", list_packages, "一件事列表", PackagePage),
    _route("/api/v1/packages/<package_code:str>", show_package, "一件事"),
)
