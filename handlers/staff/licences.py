"""Door of staff to a licence of a case in their scope: its standing and history. Changes are in cases.py."""

from __future__ import annotations

from handlers.doors import Auth, Call, Reply, Route
from services.licences.types import LicenceHistory


async def show_licence(call: Call[None]) -> Reply:
    """Show a licence with its history."""
    return Reply(await call.house.applications.aftercare.licence(call.staff, call.path["licence_no"]))


ROUTES = (
    Route(
        "GET",
        "/api/staff/v1/licences/<licence_no:str>",
        show_licence,
        auth=Auth.STAFF,
        answer=LicenceHistory,
        summary="证照及其变更历史",
        tag="办件",
    ),
)
