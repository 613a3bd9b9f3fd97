"""Takes an address line apart into province, city, county and street. Pure; couriers' adapters call it."""

from __future__ import annotations

import msgspec

from app.divisions import country
from services.delivery.types import Contact


def with_parts(contact: Contact) -> Contact:
    """Return the contact with province, city, county and street apart, as far as its line names them.

    What it has already stays. A municipality is its own city (北京市 北京市 朝阳区), and so is a county right below a
    province; names are whole and of today, also where the line has a short or an old one. Idempotent.
    """
    if contact.province and contact.city and contact.street:
        return contact
    land = country()
    named = land.read("".join(contact.address.split()))
    province, city, county = land.parts(named.code)
    return msgspec.structs.replace(
        contact,
        province=contact.province or province,
        city=contact.city or city,
        county=contact.county or county,
        street=contact.street or named.rest or contact.address,
    )
