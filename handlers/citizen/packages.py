"""Doors of one's own package cases (一件事): draft, hand in, add what a part lacks, withdraw, follow, pay, delivery.

The parts are ordinary cases: a correction or a payment of one of them has its place at that case's own doors.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from handlers.citizen.applications import Submission, Withdrawal
from handlers.citizen.delivery import DeliveryWish
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import expected_version, make_cursor, read_cursor
from notify.types import Told
from services.applications.packages.types import (
    PackageBills,
    PackageCasePage,
    PackageCaseView,
    PackageDelivery,
    PackageStep,
)
from services.applications.types import MaterialRef

_TAG = "一件事"
_ALL = "/api/v1/package-cases"
_ONE = f"{_ALL}/<package_no:str>"
_LIMIT_BYTES = 262_144
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000, description="读取时的版本；不符则 409")]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Z]+$")]
Materials = Annotated[list[MaterialRef], msgspec.Meta(max_length=100)]
OptionalItems = Annotated[list[Code], msgspec.Meta(max_length=30)]
_FORM = {"applicant_name": "张伟", "reason": "遗失", "lost_driver_licence": True, "licence_class": "C1"}
_MATERIAL = {"material_code": "PK7Q2M9XA", "upload_id": "01939c5e-0000-7000-8000-000000000001"}


class NewPackageCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package case to begin; answers and materials may still be missing. Materials carry the package's codes."""

    package_code: Code
    form: dict[str, Any] = {}
    materials: Materials = []
    optional_items: OptionalItems = []


class PackageChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to replace; what is left out stays."""

    form: dict[str, Any] | None = None
    materials: Materials | None = None
    optional_items: OptionalItems | None = None
    version: Version | None = None


class PartAnswers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a waiting part still lacks: answers of the merged form, and materials besides those of the package."""

    form: dict[str, Any] = {}
    materials: Materials = []
    version: Version | None = None


class PackageTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a package and of all its parts together, and the notices about the package; never a next page."""

    data: list[PackageStep]
    notices: list[Told]
    next_cursor: None = None


class PackageListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tab of one's package cases: 草稿, 办理中, 已办结."""

    tab: Literal["", "draft", "handling", "closed"] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def create_package_case(call: Call[NewPackageCase]) -> Reply:
    """Begin a package case."""
    body = call.body
    view = await call.house.applications.packages.save_draft(
        call.caller, body.package_code, body.form, body.materials, body.optional_items
    )
    return Reply(view, status=201)


async def change_package_case(call: Call[PackageChange]) -> Reply:
    """Replace answers, materials or chosen items."""
    body = call.body
    view = await call.house.applications.packages.update_draft(
        call.caller,
        call.path["package_no"],
        form=body.form,
        materials=body.materials,
        optional_items=body.optional_items,
        version=expected_version(call.request, body.version),
    )
    return Reply(view)


async def submit_package_case(call: Call[Submission]) -> Reply:
    """Hand a package in."""
    number, version = call.path["package_no"], expected_version(call.request, call.body.version)
    return Reply(await call.house.applications.packages.submit(call.caller, number, version=version))


async def answer_part(call: Call[PartAnswers]) -> Reply:
    """Add what a part lacks."""
    body = call.body
    view = await call.house.applications.packages.answer_part(
        call.caller,
        call.path["package_no"],
        call.path["item_code"],
        form=body.form,
        materials=body.materials,
        version=expected_version(call.request, body.version),
    )
    return Reply(view)


async def withdraw_package_case(call: Call[Withdrawal]) -> Reply:
    """Take a package back."""
    number, body = call.path["package_no"], call.body
    return Reply(
        await call.house.applications.packages.withdraw(
            call.caller, number, body.reason, version=expected_version(call.request, body.version)
        )
    )


async def get_package_case(call: Call[None]) -> Reply:
    """Show one package case with its parts."""
    view, tag = await call.house.applications.packages.detail(call.caller, call.path["package_no"])
    return Reply(view, etag=tag)


async def list_package_cases(call: Call[None]) -> Reply:
    """List one tab, newest first."""
    query: PackageListQuery = call.query
    found, following = await call.house.applications.packages.list_own(
        call.caller, query.tab, read_cursor(query.cursor), query.limit
    )
    return Reply(PackageCasePage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_package_timeline(call: Call[None]) -> Reply:
    """Show every step of the package and its parts."""
    number = call.path["package_no"]
    steps = await call.house.applications.packages.timeline(call.caller, number)
    return Reply(PackageTimeline(data=steps, notices=await call.house.notify.told(number)))


async def list_package_bills(call: Call[None]) -> Reply:
    """List the bills of all parts."""
    return Reply(await call.house.applications.packages.bills(call.caller, call.path["package_no"]))


async def choose_package_delivery(call: Call[DeliveryWish]) -> Reply:
    """Choose how all results come, or choose anew."""
    number, body = call.path["package_no"], call.body
    return Reply(
        await call.house.applications.packages.choose_delivery(
            call.caller, number, body.method, body.address_id, body.wish
        )
    )


async def get_package_delivery(call: Call[None]) -> Reply:
    """Show the choice, what it means for each part, and the parcels."""
    return Reply(await call.house.applications.packages.delivery(call.caller, call.path["package_no"]))


def _change(method: str, path: str, handler: Any, body: type[Any], summary: str, example: Any) -> Route:
    return Route(
        method,
        path,
        handler,
        auth=Auth.CITIZEN,
        body=body,
        answer=PackageCaseView,
        status=201 if path == _ALL else 200,
        summary=summary,
        tag=_TAG,
        example=example,
        limit_bytes=_LIMIT_BYTES,
    )


def _read(path: str, handler: Any, answer: Any, summary: str, query: Any = None) -> Route:
    return Route("GET", path, handler, auth=Auth.CITIZEN, query=query, answer=answer, summary=summary, tag=_TAG)


ROUTES = (
    _change(
        "POST",
        _ALL,
        create_package_case,
        NewPackageCase,
        "保存一件事草稿",
        {"package_code": "YJS1401050005", "form": _FORM, "materials": [_MATERIAL]},
    ),
    _read(_ALL, list_package_cases, PackageCasePage, "我的一件事", PackageListQuery),
    _read(_ONE, get_package_case, PackageCaseView, "一件事详情和各事项进展"),
    _change("PATCH", _ONE, change_package_case, PackageChange, "修改一件事草稿", {"form": _FORM}),
    _change("POST", f"{_ONE}/submit", submit_package_case, Submission, "提交一件事", {"version": 1}),
    _change(
        "PATCH",
        f"{_ONE}/parts/<item_code:str>/form",
        answer_part,
        PartAnswers,
        "补充后续事项所需的信息",
        {"form": {"child_id_number": "140105202502180026"}},
    ),
    _change("POST", f"{_ONE}/withdraw", withdraw_package_case, Withdrawal, "撤回一件事", {"reason": "暂不办理"}),
    _read(f"{_ONE}/timeline", get_package_timeline, PackageTimeline, "一件事进度"),
    _read(f"{_ONE}/bills", list_package_bills, PackageBills, "一件事的全部缴款单"),
    Route(
        "PUT",
        f"{_ONE}/delivery",
        choose_package_delivery,
        auth=Auth.CITIZEN,
        body=DeliveryWish,
        answer=PackageDelivery,
        summary="选择一件事的送达方式",
        tag=_TAG,
        example={"method": "COURIER", "address_id": "01939c5e-0000-7000-8000-000000000002"},
        limit_bytes=4096,
    ),
    _read(f"{_ONE}/delivery", get_package_delivery, PackageDelivery, "查看一件事的送达方式"),
)
