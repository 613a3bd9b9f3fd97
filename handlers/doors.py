"""What a handler sees and answers, and the row that lists it: `Call`, `Reply`, `Route`.

Handlers are plain functions of a `Call`; a module lists them in its `ROUTES`. handlers/doorkeeper.py opens the doors;
OpenAPI and the test that walks all authorisations read the same table.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from sanic import Request

from app.tokens import Caller

if TYPE_CHECKING:
    from app.wiring import Container
    from services.exchange.types import SystemCaller
    from services.staff.types import StaffCaller

B = TypeVar("B")
JSON = "application/json; charset=utf-8"
STAFF_COOKIE = "sjt_staff"
FORM = "application/x-www-form-urlencoded"
_ADDRESS_LENGTH = 64


class Auth(StrEnum):
    """Who may come in. Every route names one; roles, levels and ownership are the services' business."""

    PUBLIC = "public"
    CITIZEN = "citizen"
    STAFF = "staff"
    PROVIDER = "provider"
    SYSTEM = "system"


@dataclass(slots=True)
class Call(Generic[B]):
    """One request as a handler sees it."""

    request: Request
    house: Container
    path: Mapping[str, str]
    request_id: str
    caller: Caller = None  # type: ignore[assignment]  # set by the door where auth is CITIZEN
    staff: StaffCaller = None  # type: ignore[assignment]  # set by the door where auth is STAFF
    system: SystemCaller = None  # type: ignore[assignment]  # set by the door where auth is SYSTEM
    body: B = None  # type: ignore[assignment]  # set by the door where the route has a body
    query: Any = None

    @property
    def address(self) -> str:
        """The caller's network address; behind proxies what the nearest trusted one saw (SJT_PROXIES)."""
        return str(self.request.client_ip)[:_ADDRESS_LENGTH]

    @property
    def agent(self) -> str:
        """The browser or program as it names itself."""
        return str(self.request.headers.get("user-agent", ""))

    @property
    def raw(self) -> bytes:
        """The body exactly as it came."""
        return bytes(self.request.body)


@dataclass(slots=True)
class Reply:
    """A handler's answer: a value to encode, or bytes with their content type, or pieces that are sent as they come.

    What goes wrong before the first piece becomes a problem as anywhere; afterwards the connection is cut, so that
    nobody takes a part for the whole.
    """

    value: Any = None
    status: int = 200
    etag: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    pieces: AsyncGenerator[bytes, None] | None = None


Handler = Callable[[Call[Any]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address: what it is, who may call it, what it reads and answers."""

    method: str
    path: str
    handler: Handler
    auth: Auth
    summary: str
    tag: str
    body: type[Any] | None = None
    query: type[Any] | None = None
    answer: Any = None
    status: int = 200
    example: Any = None
    answer_example: Any = None
    consumes: str = "application/json"
    limit_bytes: int = 65_536
    remembers: bool = True
    """Whether an Idempotency-Key is honoured (not where the answer holds credentials)."""
    page: bool = False
    """Whether people see it in a browser: errors are pages, forms come from our own pages only."""
    setup: bool = False
    """Whether it serves staff too who have their password or second factor to put right; no other door does."""


def all_optional(route: Route) -> bool:
    """Tell whether nothing in a body is required: then a request without any body means all its defaults."""
    if route.consumes != "application/json":
        return False
    try:
        msgspec.convert({}, route.body)
    except msgspec.ValidationError:
        return False
    return True


def public_route(
    path: str, handler: Handler, summary: str, answer: Any = dict[str, Any], query: type[Any] | None = None, *, tag: str
) -> Route:
    """Return the route of something that anybody may read."""
    return Route("GET", path, handler, Auth.PUBLIC, summary, tag, answer=answer, query=query)


def act_route(
    path: str,
    handler: Handler,
    body: type[Any],
    summary: str,
    example: Any,
    *,
    under: str,
    answer: Any,
    tag: str,
    limit_bytes: int = 8192,
) -> Route:
    """Return the route of an act of staff on the thing whose address is `under`; it answers how the thing stands."""
    return Route(
        "POST", f"{under}/{path}", handler, Auth.STAFF, summary, tag, body=body, answer=answer, example=example,
        limit_bytes=limit_bytes,
    )  # fmt: skip
