"""Doors of the staff about batches: make, show, scan, close, cancel one; labels and the list as PDF."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.delivery.dispatching.types import (
    Closing,
    DispatchDetail,
    DispatchPage,
    DispatchView,
    NewDispatch,
    Scanned,
    Scanning,
    WaitingList,
)

_TAG = "寄送"
_PDF = "application/pdf"
_ALL = "/api/staff/v1/dispatches"
_ONE = f"{_ALL}/<dispatch_no:str>"


class DispatchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of batches."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def waiting(call: Call[None]) -> Reply:
    """Show what waits for a batch, by body and courier."""
    return Reply(WaitingList(data=await call.house.delivery.dispatching.waiting(call.staff)))


async def create(call: Call[NewDispatch]) -> Reply:
    """Make a batch of everything that waits of one body at one courier."""
    return Reply(await call.house.delivery.dispatching.create(call.staff, call.body, call.address), status=201)


async def list_dispatches(call: Call[None]) -> Reply:
    """List batches, newest first."""
    query: DispatchQuery = call.query
    found, following = await call.house.delivery.dispatching.page(call.staff, read_cursor(query.cursor), query.limit)
    return Reply(DispatchPage(data=found, next_cursor=make_cursor(following) if following else None))


async def show(call: Call[None]) -> Reply:
    """Show one batch with its parcels; the counts tell how far its labels are."""
    return Reply(await call.house.delivery.dispatching.show(call.staff, call.path["dispatch_no"]))


async def scan(call: Call[Scanning]) -> Reply:
    """Note parcels as handed over."""
    desk = call.house.delivery.dispatching
    return Reply(await desk.scan(call.staff, call.path["dispatch_no"], call.body.numbers, call.address))


async def close(call: Call[Closing]) -> Reply:
    """End the hand-over of a batch."""
    desk = call.house.delivery.dispatching
    return Reply(await desk.close(call.staff, call.path["dispatch_no"], call.body, call.address))


async def cancel(call: Call[None]) -> Reply:
    """Give up a batch of which nothing was handed over."""
    desk = call.house.delivery.dispatching
    return Reply(await desk.cancel(call.staff, call.path["dispatch_no"], call.address))


async def repeat_labels(call: Call[None]) -> Reply:
    """Have missing labels made."""
    desk = call.house.delivery.dispatching
    return Reply(await desk.repeat_labels(call.staff, call.path["dispatch_no"], call.address), status=202)


async def labels(call: Call[None]) -> Reply:
    """Send all labels of a batch."""
    number = call.path["dispatch_no"]
    content = await call.house.delivery.dispatching.all_labels(call.staff, number, call.address)
    return _pdf(content, f"labels-{number}")


async def manifest(call: Call[None]) -> Reply:
    """Send the list that a batch is handed over with."""
    number = call.path["dispatch_no"]
    return _pdf(await call.house.delivery.dispatching.manifest(call.staff, number), f"manifest-{number}")


async def label(call: Call[None]) -> Reply:
    """Send the label of one parcel."""
    number = call.path["shipment_no"]
    content = await call.house.delivery.dispatching.label(call.staff, number, call.address)
    return _pdf(content, f"label-{number}")


def _pdf(content: bytes, name: str) -> Reply:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "no-store"}
    return Reply(content, headers=headers, content_type=_PDF)


_NEW_EXAMPLE: dict[str, Any] = {"division_code": "140105", "department_code": "11140105MB0001177F", "courier": "SF"}
ROUTES = (
    Route("GET", f"{_ALL}/waiting", waiting, Auth.STAFF, "待列入批次的快递", _TAG, answer=WaitingList),
    Route(
        "POST", _ALL, create, Auth.STAFF, "新建交寄批次", _TAG,
        body=NewDispatch, answer=DispatchView, status=201, example=_NEW_EXAMPLE,
    ),
    Route("GET", _ALL, list_dispatches, Auth.STAFF, "交寄批次", _TAG, query=DispatchQuery, answer=DispatchPage),
    Route("GET", _ONE, show, Auth.STAFF, "交寄批次及面单进度", _TAG, answer=DispatchDetail),
    Route(
        "POST", f"{_ONE}/scans", scan, Auth.STAFF, "扫描交接", _TAG,
        body=Scanning, answer=Scanned, example={"numbers": ["SF1234567890123"]},
    ),
    Route(
        "POST", f"{_ONE}/close", close, Auth.STAFF, "结束交接", _TAG,
        body=Closing, answer=DispatchView, example={"collector": "SX0351", "reason": ""},
    ),
    Route("POST", f"{_ONE}/cancel", cancel, Auth.STAFF, "取消交寄批次", _TAG, answer=DispatchView),
    Route(
        "POST", f"{_ONE}/labels", repeat_labels, Auth.STAFF, "重新生成面单", _TAG, answer=DispatchView, status=202
    ),
    Route("GET", f"{_ONE}/labels.pdf", labels, Auth.STAFF, "批次全部面单（PDF）", _TAG),
    Route("GET", f"{_ONE}/manifest.pdf", manifest, Auth.STAFF, "交寄清单（PDF）", _TAG),
    Route("GET", "/api/staff/v1/shipments/<shipment_no:str>/label.pdf", label, Auth.STAFF, "面单（PDF）", _TAG),
)  # fmt: skip
