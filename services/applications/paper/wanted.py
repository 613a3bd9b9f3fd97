"""Which originals a case needs at the window, and where they go to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.applications.materials.types import Source
from services.catalogue.types import Item, ItemRecord
from services.delivery.mailing.types import Content
from services.delivery.types import Contact

_MAIL, _TO_CENTRE, _ORIGINAL, _ELECTRONIC = "4", "to_centre", "original", "electronic"
_ON_PAPER = (Source.UPLOAD, Source.EARLIER)
"""Ways of providing a material behind which there is a paper; what a licence or shared data spares is not asked for."""


def wanted(item: Item, answers: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]) -> tuple[Content, ...]:
    """Return the originals to be sent in; none where the item takes nothing by post.

    Args:
        listed: the case's materials with their sources.
    """
    record = item.record
    if not _takes_mail(record):
        return ()
    spared = {part["material_code"] for part in listed if part["source"] not in _ON_PAPER}
    return tuple(
        Content(code=material.code, name=material.name, required=not _has(material.forms, _ELECTRONIC))
        for material in item.needed_materials(answers)
        if _has(material.forms, _ORIGINAL) and material.code not in spared
    )


def window_of(record: ItemRecord) -> Contact:
    """Return where originals go to: the item's leg to the centre, else its body."""
    leg = next((leg for leg in record.delivery.legs if leg.direction.value == _TO_CENTRE), None)
    if leg is not None:
        return Contact(name=leg.contact, phone=leg.phone, address=leg.address)
    place = next((channel for channel in record.complaints if channel.address), None)
    return Contact(name=record.body.name, phone=record.phone, address=place.address if place else record.body.name)


def payer_of(record: ItemRecord) -> str:
    """Return who pays by the item itself: `citizen` or `government`."""
    return next((leg.payer.value for leg in record.delivery.legs if leg.direction.value == _TO_CENTRE), "citizen")


def _takes_mail(record: ItemRecord) -> bool:
    by_leg = any(leg.direction.value == _TO_CENTRE for leg in record.delivery.legs)
    return by_leg or _has(record.handling_forms, _MAIL)


def _has(coded: Sequence[Any], value: str) -> bool:
    return any(each.value == value for each in coded)
