"""How a handler answers with a page, sends a browser elsewhere, or serves a static file."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import NotFound
from handlers import assets
from handlers.doors import FORM, Auth, Call, Handler, Reply, Route
from handlers.rendering import HTML, PAGE_HEADERS, rendered
from handlers.staff.navigation import seen_by

_CONSOLE = "工作台"


class PageForm(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every form of the console sends besides its own fields: the session's token, which the door checks."""

    csrf_token: Annotated[str, msgspec.Meta(max_length=128)] = ""


class DoneQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`done` names what has just been done."""

    done: Annotated[str, msgspec.Meta(max_length=16)] = ""


def page(call: Call[Any], template: str, *, status: int = 200, **facts: Any) -> Reply:
    """Answer with a template; it sees `staff` (None where nobody is signed in), `navigation` and the given facts."""
    navigation = seen_by(call.staff) if call.staff else []
    body = rendered(template, staff=call.staff, navigation=navigation, **facts)
    return Reply(body, status=status, headers=dict(PAGE_HEADERS), content_type=HTML)


def see_other(address: str, **headers: str) -> Reply:
    """Send the browser on to another page of ours after a form (303)."""
    return Reply(status=303, headers={"Location": address, "Cache-Control": "no-store", **headers}, content_type=HTML)


def page_route(
    path: str, handler: Handler, summary: str, query: type[Any] | None = None, *, setup: bool = False
) -> Route:
    """Return the route of a page of the console."""
    return Route("GET", path, handler, Auth.STAFF, summary, _CONSOLE, query=query, page=True, setup=setup)


def form_route(
    path: str,
    handler: Handler,
    summary: str,
    body: type[Any] | None = None,
    *,
    consumes: str = FORM,
    limit_bytes: int = 65_536,
    setup: bool = False,
) -> Route:
    """Return the route of a form of the console: sent by a browser, answered by a page or a redirection."""
    return Route(
        "POST", path, handler, Auth.STAFF, summary, _CONSOLE, body=body, consumes=consumes, limit_bytes=limit_bytes,
        remembers=False, page=True, setup=setup,
    )  # fmt: skip


async def static_file(call: Call[None]) -> Reply:
    """Serve a static file by its hashed name."""
    found = assets.find_asset(call.path["name"])
    if found is None:
        raise NotFound
    return Reply(found.content, etag=f'"{found.digest}"', headers=dict(assets.HEADERS), content_type=found.content_type)


ROUTES = (
    Route(
        "GET",
        "/static/<name:str>",
        static_file,
        auth=Auth.PUBLIC,
        summary="页面所用的样式与脚本",
        tag="页面",
        page=True,
    ),
)
