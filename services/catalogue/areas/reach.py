"""通办 scope: may somebody in a division file an item there, and in which way does it reach the deciding body; pure.

Source: 政务服务事项通办 (全程网办, 异地代收代办, 多地联办); the case's 受理地 differs from its 办理地.
"""

from __future__ import annotations

from services.catalogue.areas.divisions import Area
from services.catalogue.areas.types import Way
from services.catalogue.codes import HandlingForm, OnlineDepth, Reach
from services.catalogue.records import ItemRecord

_EVERYWHERE = (Reach.NATION, Reach.CROSS_PROVINCE, Reach.CROSS_CITY)
_ONLINE = {HandlingForm.MOBILE, HandlingForm.COMPUTER}


def is_own(division: str, area: Area) -> bool:
    """Tell whether a body of `division` serves the area itself: its own, one above it, or one within it."""
    return division in area.chain or division.startswith(area.below)


def may_be_filed(reach: Reach, division: str, area: Area) -> bool:
    """Tell whether an item of `division` may be filed from the area. Our areas are all in one province."""
    if is_own(division, area) or reach in _EVERYWHERE:
        return True
    return reach is Reach.CROSS_COUNTY and division.startswith(area.city)


def way_of(record: ItemRecord, area: Area) -> Way:
    """Return the way in which an item that may be filed from the area gets to the body that decides it."""
    if is_own(record.division_code, area):
        return Way.LOCAL
    if record.online_depth is OnlineDepth.WHOLLY_ONLINE:
        return Way.ONLINE
    return Way.JOINT if _ONLINE & set(record.handling_forms) else Way.FORWARDED
