"""Doors of the staff about couriers' statements: send one, its sums, its differences, settling one, comparing again."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.delivery.statements.types import (
    MOST_BYTES,
    CourierStatementDetail,
    CourierStatementPage,
    CourierStatementView,
    DifferencePage,
    Kind,
    Settling,
)

MULTIPART = "multipart/form-data"
BODY_BYTES = MOST_BYTES + 65_536
_TAG = "快递对账"
_ALL = "/api/staff/v1/courier-statements"
_ONE = f"{_ALL}/<statement_no:str>"
_RATE = "30/hour"


class StatementsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of statements."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class DifferencesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of differences: of one kind, or only those that are not settled."""

    difference: Kind = ""
    only_open: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class StatementForm(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the multipart form; `month` as 2026-10."""

    file: bytes
    courier: str
    month: str


async def upload(call: Call[StatementForm]) -> Reply:
    """Take a statement in and compare it."""
    return Reply(await taken(call), status=201)


async def taken(call: Call[Any]) -> CourierStatementView:
    """Take the statement of a multipart form. Raises: InvalidRequest, Forbidden, PayloadTooLarge, TooManyRequests."""
    request = call.request
    files = [part.body for part in request.files.getlist("file", [])] if request.files else []
    if len(files) != 1:
        raise InvalidRequest(faults=(FieldFault("file", "请上传一个文件"),))
    courier, month = (str((request.form.get(name) if request.form else "") or "") for name in ("courier", "month"))
    await call.house.limits.hit(_RATE, "courier_statement", call.staff.staff_id.hex)
    return await call.house.delivery.statements.upload(call.staff, courier, month.strip(), files[0], call.address)


async def list_statements(call: Call[None]) -> Reply:
    """List statements, newest first."""
    query: StatementsQuery = call.query
    found, following = await call.house.delivery.statements.page(call.staff, read_cursor(query.cursor), query.limit)
    return Reply(CourierStatementPage(data=found, next_cursor=make_cursor(following) if following else None))


async def show(call: Call[None]) -> Reply:
    """Show one statement with its sums."""
    return Reply(await call.house.delivery.statements.show(call.staff, call.path["statement_no"]))


async def list_differences(call: Call[None]) -> Reply:
    """List what differs."""
    query: DifferencesQuery = call.query
    found, following = await call.house.delivery.statements.differences(
        call.staff,
        call.path["statement_no"],
        difference=query.difference,
        only_open=query.only_open,
        after=read_cursor(query.cursor),
        limit=query.limit,
    )
    return Reply(DifferencePage(data=found, next_cursor=make_cursor(following) if following else None))


async def settle(call: Call[Settling]) -> Reply:
    """Note how a difference was settled."""
    desk, path = call.house.delivery.statements, call.path
    return Reply(await desk.settle(call.staff, path["statement_no"], path["line_id"], call.body.note, call.address))


async def compare(call: Call[None]) -> Reply:
    """Compare a statement again."""
    desk = call.house.delivery.statements
    return Reply(await desk.compare_again(call.staff, call.path["statement_no"], call.address))


ROUTES = (
    Route(
        "POST", _ALL, upload, Auth.STAFF, "上传快递对账单（CSV 或 XLSX）", _TAG,
        body=StatementForm, answer=CourierStatementView, status=201, consumes=MULTIPART, limit_bytes=BODY_BYTES,
    ),
    Route(
        "GET", _ALL, list_statements, Auth.STAFF, "快递对账单", _TAG,
        query=StatementsQuery, answer=CourierStatementPage,
    ),
    Route("GET", _ONE, show, Auth.STAFF, "快递对账单及合计", _TAG, answer=CourierStatementDetail),
    Route(
        "GET", f"{_ONE}/differences", list_differences, Auth.STAFF, "快递对账差异", _TAG,
        query=DifferencesQuery, answer=DifferencePage,
    ),
    Route(
        "POST", f"{_ONE}/differences/<line_id:str>/settle", settle, Auth.STAFF, "登记差异处理结果", _TAG,
        body=Settling, answer=CourierStatementView, example={"note": "快递公司已在下月账单冲减"},
    ),
    Route("POST", f"{_ONE}/compare", compare, Auth.STAFF, "重新比对", _TAG, answer=CourierStatementView),
)  # fmt: skip
