"""Takes an address line apart into province, city, county and street. Pure; couriers' adapters call it."""

from __future__ import annotations

import re

import msgspec

from services.delivery.types import Contact

_MUNICIPALITIES = ("北京市", "天津市", "上海市", "重庆市")
_LINE = re.compile(
    r"(?P<province>[^市县区]{2,8}?(?:省|自治区|特别行政区)|(?:北京|天津|上海|重庆)市)?"
    r"(?P<city>[^省市县区]{1,10}?(?:自治州|地区|盟|市))?"
    r"(?P<county>[^省市县区]{1,12}?(?:自治县|自治旗|林区|特区|县|区|市|旗))?"
    r"(?P<street>.*)",
    re.DOTALL,
)


def with_parts(contact: Contact) -> Contact:
    """Return the contact with province, city, county and street apart, as far as its line names them.

    What it has already stays. A municipality is its own city (北京市 北京市 朝阳区), as couriers want it. Idempotent.
    """
    if contact.province and contact.city and contact.street:
        return contact
    found = _LINE.match(re.sub(r"\s+", "", contact.address))
    if found is None:
        return contact
    province, city = found["province"] or "", found["city"] or ""
    if province in _MUNICIPALITIES:
        city = province
    return msgspec.structs.replace(
        contact,
        province=contact.province or province,
        city=contact.city or city,
        county=contact.county or found["county"] or "",
        street=contact.street or found["street"] or contact.address,
    )
