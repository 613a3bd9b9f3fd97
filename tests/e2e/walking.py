"""The product's doors one by one, from its own route table, with tokens of people who may come in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from app.settings import Settings
from handlers.doors import Auth, Route
from handlers.routes import all_routes
from tests.knocking import Heard, Knocker

PARAMETER = re.compile(r"<(\w+)(?::\w+)?>")
_ENDS_A_SESSION = ("/logout", "/sign-out")
_NEVER_ENDS = ("/staff/stream",)
_STAFF = (
    ("/campaign", "publisher"),
    ("/staff/templates", "publisher"),
    ("/staff/v1/templates", "publisher"),
    ("/audience-lists", "publisher"),
    ("/payments", "cashier"),
    ("/refunds", "cashier"),
    ("/reconciliations", "cashier"),
    ("/discrepancies", "cashier"),
    ("/quarantined", "cashier"),
    ("/statements", "cashier"),
    ("/shipments", "dispatcher"),
    ("/shipment-counts", "dispatcher"),
    ("/deliveries", "dispatcher"),
    ("/delivery-rules", "admin"),
    ("/shipment-task", "dispatcher"),
    ("/delivery-tasks", "dispatcher"),
    ("/mailings", "window-xiaodian"),
    ("/collections", "window-xiaodian"),
    ("/staff/custody", "dispatcher"),
    ("/dispatches", "dispatcher"),
    ("/courier-statements", "dispatcher"),
    ("/licences", "reviewer-xiaodian"),
    ("/force", "admin"),
    ("/items", "publisher"),
    ("/item-report", "publisher"),
    ("/rating-follow-ups", "approver-xiaodian"),
    ("/staff/ratings", "approver-xiaodian"),
    ("/staff/rating-figures", "approver-xiaodian"),
    ("/extend", "approver-xiaodian"),
    ("/assign", "approver-xiaodian"),
    ("/decision-explanation", "reviewer-xiaodian"),
    ("/review-answer", "reviewer-xiaodian"),
    ("/promise-check", "reviewer-xiaodian"),
    ("/reviews", "reviewer-xiaodian"),
    ("/approve", "reviewer-xiaodian"),
    ("/deny", "reviewer-xiaodian"),
    ("/suspend", "reviewer-xiaodian"),
    ("/resume", "reviewer-xiaodian"),
    ("/terminate", "reviewer-xiaodian"),
    ("/overdue-reason", "reviewer-xiaodian"),
    ("/staff/v1/staff", "admin"),
    ("/staff/members", "admin"),
    ("/audit", "admin"),
    ("/providers", "admin"),
    ("/jobs", "admin"),
    # Wrong proofs lock their account against signing in; nobody signs in as this one afterwards.
    ("/v1/me/", "auditor"),
    ("/staff/profile", "auditor"),
    ("/setup", "auditor"),
    ("/staff/totp.svg", "auditor"),
)
STAFF = sorted({"window-xiaodian", *(name for _, name in _STAFF)})
_EXAMPLES = (
    ("/staff/v1/queues/", {"name": "unclaimed"}),
    ("/staff/queues/", {"name": "unclaimed"}),
    ("/staff/v1/templates/", {"code": "bill.issued", "version": "1"}),
    ("/staff/templates/", {"code": "bill.issued", "version": "1"}),
    ("/api/staff/v1/items/", {"version": "1"}),
    ("/staff/items/", {"version": "1", "act": "publish"}),
    ("/api/v1/items/", {"item_code": "11140105MB0001177F4140709012000", "material_code": "M02"}),
    ("/api/v1/packages/", {"package_code": "YJS1401050005"}),
    ("/api/v1/service-points/", {"code": "140105-hall"}),
    ("/materials/", {"material_code": "M02"}),
    ("/parts/", {"item_code": "11140105MB0001177F4140709012000"}),
)
"""Names that exist, or could, by where they stand: doors are to be walked through, not only knocked at."""
_NEEDED = {"/file": "?purpose=ab"}
"""What a door of citizens cannot be asked without."""


@dataclass(frozen=True)
class Doors:
    """The running product with everybody's tokens: "citizen", "stranger", and staff by username."""

    base: str
    tokens: dict[str, str]
    application_no: str

    def routes(self) -> list[Route]:
        """Every JSON door, and every page; not those that ask for a signature, end a session or never end."""
        listed = [route for route in all_routes(Settings()) if route.auth not in (Auth.PROVIDER, Auth.SYSTEM)]
        return [route for route in listed if not route.path.endswith(_ENDS_A_SESSION + _NEVER_ENDS)]

    def writing(self) -> list[Route]:
        """Doors that read a JSON body."""
        return [route for route in self.routes() if route.body is not None and route.consumes == "application/json"]

    def knocker(self, route: Route, number: int = 0) -> Knocker:
        """Somebody who may come in; each number comes from an address of its own, so that no rate limit is met."""
        forwarded = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        return Knocker(self.base, self.tokens.get(self._who(route), ""), forwarded)

    def _who(self, route: Route) -> str:
        if route.auth is Auth.CITIZEN:
            return "citizen"
        if route.auth is not Auth.STAFF:
            return ""
        return next((name for part, name in _STAFF if part in route.path), "window-xiaodian")

    def address(self, route: Route, **values: str) -> str:
        """The address of a door, leading to the citizen's own case where it leads to one."""
        known = {"application_no": self.application_no} | _example_names(route.path) | values
        return PARAMETER.sub(lambda found: known.get(found[1], "X1"), route.path)

    def whole_address(self, route: Route, **values: str) -> str:
        """The address of a door with the query that it cannot be asked without."""
        needed = next((text for part, text in _NEEDED.items() if route.query and route.path.endswith(part)), "")
        return self.address(route, **values) + needed

    def send(self, route: Route, body: bytes | None, number: int = 0, **more: Any) -> Heard:
        """Knock with a body of the door's own content type."""
        more.setdefault("content_type", route.consumes)
        return self.knocker(route, number).knock(route.method, self.address(route), body, **more)


def _example_names(path: str) -> dict[str, str]:
    return next((names for part, names in _EXAMPLES if part in path), {})


def example(route: Route) -> dict[str, Any]:
    """The request example of a door, to be spoiled."""
    value: dict[str, Any] = json.loads(json.dumps(route.example))
    if "username" in value:
        value["username"] = "nobody"  # wrong passwords would lock somebody's account
    return value


def encoded(value: Any) -> bytes:
    """JSON text, surrogates and all."""
    return json.dumps(value).encode()


def fields(route: Route) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields of a door's body with their schemas."""
    _, components = msgspec.json.schema_components([route.body])
    assert route.body is not None
    yield from components[route.body.__name__]["properties"].items()
