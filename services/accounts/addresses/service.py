"""The citizen's address book (地址簿): stored encrypted, shown masked, one default.

The door's `addresses`; handlers call it for the owner, other rooms ask the service for a plain address.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import msgspec

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.divisions import country
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.identifiers import is_mobile_phone, mask_address, mask_name, mask_phone, normalise_phone
from services.accounts.addresses import repository
from services.accounts.addresses.pasted import read_pasted
from services.accounts.addresses.repository import StoredAddress
from services.accounts.addresses.types import (
    AddressChange,
    AddressDoubt,
    AddressView,
    NewAddress,
    ParsedAddress,
    PlainAddress,
    Region,
    RegionList,
)
from services.accounts.ports import Places

MOST_ADDRESSES = 20
_COLUMN = "address.content"


class _Content(msgspec.Struct, frozen=True):
    recipient: str
    phone: str
    street: str


class AddressBook:
    """Use cases of the address book; every one is about the caller's own book, others' addresses are NotFound.

    Args:
        number_home: says which division a citizen's ID number names; home where there is no default address.
    """

    def __init__(self, cipher: FieldCipher, places: Places, number_home: Callable[[uuid.UUID], Awaitable[str]]) -> None:
        self._cipher = cipher
        self._places = places
        self._number_home = number_home

    async def list(self, citizen_id: uuid.UUID) -> list[AddressView]:
        """List the book, the default first."""
        return [await self._view(row) for row in await repository.list_addresses(citizen_id)]

    async def add(self, citizen_id: uuid.UUID, new: NewAddress) -> AddressView:
        """Add an address; the first one becomes the default.

        Raises: InvalidRequest (phone, division), Conflict `address_book_full`.
        """
        stored = await self._stored(new.division_code, _Content(new.recipient, new.phone, new.street))
        row = await repository.add_address(
            citizen_id,
            stored,
            is_default=new.is_default,
            most=MOST_ADDRESSES,
            number_home=await self._number_home(citizen_id),
            now=clock.now(),
        )
        if row is None:
            raise Conflict(f"最多保存{MOST_ADDRESSES}个地址", code="address_book_full")
        return await self._view(row)

    async def change(self, citizen_id: uuid.UUID, address_id: uuid.UUID, change: AddressChange) -> AddressView:
        """Change what is given. Raises: InvalidRequest, NotFound. Idempotent."""
        row = await repository.find_address(citizen_id, address_id)
        if row is None:
            raise NotFound("地址不存在")
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        make_default = bool(given.pop("is_default", False))
        division_code = given.pop("division_code", row["division_code"])
        stored = await self._stored(division_code, msgspec.structs.replace(self._content(row), **given))
        changed = await repository.change_address(
            citizen_id,
            address_id,
            stored,
            make_default=make_default,
            number_home=await self._number_home(citizen_id),
            now=clock.now(),
        )
        if changed is None:
            raise NotFound("地址不存在")
        return await self._view(changed)

    async def delete(self, citizen_id: uuid.UUID, address_id: uuid.UUID) -> None:
        """Delete an address. Raises: NotFound."""
        if not await repository.delete_address(citizen_id, address_id, await self._number_home(citizen_id)):
            raise NotFound("地址不存在")

    async def plain(self, citizen_id: uuid.UUID, address_id: uuid.UUID) -> PlainAddress:
        """Return an own address in plain text, for a shipment. Raises: NotFound."""
        row = await repository.find_address(citizen_id, address_id)
        if row is None:
            raise NotFound("地址不存在")
        content = self._content(row)
        region = await self._region(row["division_code"])
        return PlainAddress(row["id"], row["division_code"], region, content.recipient, content.phone, content.street)

    def parse(self, text: str) -> ParsedAddress:
        """Read a pasted text (name, phone and address in any order) into fields; keep nothing of it."""
        read = read_pasted(text)
        return ParsedAddress(
            recipient=read.recipient,
            phone=read.phone,
            division_code=read.division_code,
            region=country().full_name(read.division_code),
            street=read.street,
            uncertain=[AddressDoubt(field=name, message=message) for name, message in read.doubts],
        )

    def regions(self, parent: str) -> RegionList:
        """List the divisions of the whole country right below one. Raises: NotFound for an unknown one."""
        land = country()
        if parent and parent not in land:
            raise NotFound("行政区划不存在")
        below = land.children(parent)
        choices = [
            Region(code=each.code, name=each.name, has_children=bool(land.children(each.code))) for each in below
        ]
        return RegionList(choices)

    async def _region(self, division_code: str) -> str:
        """Name a division: as the province's own table has it, else as the country's; "" where neither does."""
        return await self._places.region(division_code) or country().full_name(division_code)

    async def _stored(self, division_code: str, content: _Content) -> StoredAddress:
        phone = normalise_phone(content.phone)
        if not is_mobile_phone(phone):
            raise InvalidRequest(faults=(FieldFault("phone", "应为中国大陆手机号"),))
        region = await self._region(division_code)
        if not region:
            raise InvalidRequest(faults=(FieldFault("division_code", "行政区划不存在或已撤销"),))
        if len(country().path(division_code)) == 1:
            raise InvalidRequest(faults=(FieldFault("division_code", "请选择到市或区县"),))
        kept = _Content(content.recipient.strip(), phone, content.street.strip())
        shown = f"{mask_name(kept.recipient)} {mask_phone(phone)} {region}{mask_address(kept.street)}"
        return StoredAddress(division_code, self._cipher.encrypt_json(_COLUMN, kept), shown[:128])

    async def _view(self, row: Row) -> AddressView:
        content = self._content(row)
        return AddressView(
            id=row["id"].hex,
            recipient=mask_name(content.recipient),
            phone=mask_phone(content.phone),
            division_code=row["division_code"],
            region=await self._region(row["division_code"]),
            street=mask_address(content.street),
            is_default=row["is_default"],
        )

    def _content(self, row: Row) -> _Content:
        return msgspec.convert(self._cipher.decrypt_json(_COLUMN, row["content_cipher"]), _Content)
