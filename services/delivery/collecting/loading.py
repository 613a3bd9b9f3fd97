"""Reads the points and lockers of a data folder into their table. Called by the frame's loading only."""

from __future__ import annotations

from pathlib import Path

import msgspec

from services.delivery.collecting.repository import save_places
from services.delivery.collecting.types import PlaceKind, PlaceRecord


def read_places(file: Path) -> tuple[PlaceRecord, ...]:
    """Read a file of points. Raises: ValueError naming what is wrong in it."""
    places = msgspec.json.decode(file.read_bytes(), type=tuple[PlaceRecord, ...])
    codes = [place.code for place in places]
    if len(set(codes)) != len(codes):
        raise ValueError(f"{file.name}: 领取点代码重复")
    for place in places:
        if (place.kind is PlaceKind.LOCKER) != (place.boxes > 0):
            raise ValueError(f"{file.name}: {place.code} 的箱格数与类型不符")
    return places


async def load_places(file: Path) -> None:
    """Make the points of a file the current ones; a point that it does not name stays, but takes nothing new.

    Idempotent: yes. Raises: ValueError.
    """
    await save_places(read_places(file))
