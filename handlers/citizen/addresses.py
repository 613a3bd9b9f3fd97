"""Doors of the address book: own addresses only, shown masked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route
from services.accounts.addresses.types import (
    AddressChange,
    AddressList,
    AddressView,
    NewAddress,
    ParsedAddress,
    PastedText,
    RegionList,
    RegionQuery,
)

_TAG = "地址"
_ONE = "/api/v1/addresses/<address_id:str>"
_EXAMPLE = {
    "recipient": "张伟",
    "phone": "13800000001",
    "division_code": "140105",
    "street": "长风街1号院2号楼301",
    "is_default": True,
}


def _address_id(path: Mapping[str, str]) -> uuid.UUID:
    try:
        return uuid.UUID(path["address_id"])
    except ValueError:
        raise NotFound("地址不存在") from None


async def list_addresses(call: Call[None]) -> Reply:
    """List the caller's addresses."""
    return Reply(AddressList(await call.house.accounts.addresses.list(call.caller.citizen_id)))


async def add_address(call: Call[NewAddress]) -> Reply:
    """Add one."""
    return Reply(await call.house.accounts.addresses.add(call.caller.citizen_id, call.body), status=201)


async def change_address(call: Call[AddressChange]) -> Reply:
    """Change one."""
    book = call.house.accounts.addresses
    return Reply(await book.change(call.caller.citizen_id, _address_id(call.path), call.body))


async def delete_address(call: Call[None]) -> Reply:
    """Delete one."""
    await call.house.accounts.addresses.delete(call.caller.citizen_id, _address_id(call.path))
    return Reply(status=204)


async def parse_address(call: Call[PastedText]) -> Reply:
    """Read a pasted text into fields."""
    return Reply(call.house.accounts.addresses.parse(call.body.text))


async def list_regions(call: Call[None]) -> Reply:
    """List divisions of the country to choose from."""
    return Reply(call.house.accounts.addresses.regions(call.query.parent))


ROUTES = (
    Route(
        "POST",
        "/api/v1/addresses/parse",
        parse_address,
        auth=Auth.CITIZEN,
        body=PastedText,
        answer=ParsedAddress,
        summary="识别粘贴的收件信息",
        tag=_TAG,
        example={"text": "收件人：张伟 电话：138 0000 0001 山西省太原市小店区长风街1号院2号楼301"},
        remembers=False,
    ),
    Route(
        "GET",
        "/api/v1/addresses/regions",
        list_regions,
        auth=Auth.CITIZEN,
        query=RegionQuery,
        answer=RegionList,
        summary="全国行政区划（选择地址用）",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/v1/addresses",
        list_addresses,
        auth=Auth.CITIZEN,
        answer=AddressList,
        summary="我的地址簿",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/v1/addresses",
        add_address,
        auth=Auth.CITIZEN,
        body=NewAddress,
        answer=AddressView,
        status=201,
        summary="新增地址",
        tag=_TAG,
        example=_EXAMPLE,
    ),
    Route(
        "PATCH",
        _ONE,
        change_address,
        auth=Auth.CITIZEN,
        body=AddressChange,
        answer=AddressView,
        summary="修改地址",
        tag=_TAG,
        example={"street": "长风街2号", "is_default": True},
    ),
    Route("DELETE", _ONE, delete_address, auth=Auth.CITIZEN, summary="删除地址", tag=_TAG, status=204),
)
