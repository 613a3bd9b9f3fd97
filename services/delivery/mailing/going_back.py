"""What a parcel is called that takes originals back to their citizen, so that every part knows one. Pure."""

from __future__ import annotations

from services.delivery.types import Leg

GOING_BACK = "申请材料原件退回"


def goes_back(leg: str, cargo: str) -> bool:
    """Tell whether a parcel takes originals back, and no result."""
    return leg == Leg.OUTBOUND and cargo == GOING_BACK
