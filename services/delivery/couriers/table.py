"""The couriers of this installation by their codes. Asked by every part of the delivery room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping

from app.errors import NotFound
from services.delivery.ports import Courier


async def nobody_away() -> Collection[str]:
    """Know of no courier that does not answer."""
    return ()


class CourierTable:
    """Code → courier, as wiring lists them.

    Args:
        usual: the code that parcels go to where no rule says otherwise.
        away: names the couriers that do not answer at present, by their codes.
    """

    def __init__(
        self,
        couriers: Mapping[str, Courier],
        usual: str = "SF",
        away: Callable[[], Awaitable[Collection[str]]] = nobody_away,
    ) -> None:
        self._couriers = couriers
        self._away = away
        self.usual = usual

    def __iter__(self) -> Iterator[Courier]:
        return iter(self._couriers.values())

    def __contains__(self, code: str) -> bool:
        return code in self._couriers

    def get(self, code: str) -> Courier:
        """Return a courier. Raises: NotFound where this installation has none of that code."""
        courier = self._couriers.get(code)
        if courier is None:
            raise NotFound("快递公司未配置", courier=code)
        return courier

    def name(self, code: str) -> str:
        """Return its Chinese name, or the code where it is not there any more."""
        courier = self._couriers.get(code)
        return courier.name if courier else code

    async def is_away(self, code: str) -> bool:
        """Tell whether a courier does not answer at present, so that what we know of its parcels may be old."""
        return code in await self._away()
