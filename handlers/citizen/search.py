"""Doors of the search: everywhere at once, suggestions while typing, life events; open to everybody."""

from __future__ import annotations

from functools import partial

from handlers.doors import Call, Reply, public_route
from services.catalogue.search.types import FoundGroups, LifeEventPage, SearchQuery, SuggestionPage, SuggestionQuery
from services.catalogue.types import Rendered

_TAG = "搜索"


def _reply(rendered: Rendered) -> Reply:
    return Reply(rendered.body, etag=rendered.etag, headers={"Cache-Control": "public, max-age=10"})


async def search_everywhere(call: Call[None]) -> Reply:
    """Search items, packages, questions and materials."""
    return _reply(await call.house.catalogue.search.everywhere(call.query))


async def suggest(call: Call[None]) -> Reply:
    """Suggest how to continue what was typed."""
    return _reply(await call.house.catalogue.search.suggestions(call.query))


async def list_life_events(call: Call[None]) -> Reply:
    """List the life events."""
    return _reply(await call.house.catalogue.search.life_events())


_route = partial(public_route, tag=_TAG)
ROUTES = (
    _route("/api/v1/search", search_everywhere, "全站搜索（事项、一件事、常见问题、材料）", FoundGroups, SearchQuery),
    _route("/api/v1/items/suggestions", suggest, "搜索联想（汉字、拼音、首字母）", SuggestionPage, SuggestionQuery),
    _route("/api/v1/life-events", list_life_events, "人生事件", LifeEventPage),
)
