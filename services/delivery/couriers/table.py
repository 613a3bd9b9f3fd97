"""The couriers of this installation by their codes. Asked by every part of the delivery room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.errors import NotFound
from services.delivery.ports import Courier


class CourierTable:
    """Code → courier, as wiring lists them.

    Args:
        usual: the code that parcels go to where no rule says otherwise.
    """

    def __init__(self, couriers: Mapping[str, Courier], usual: str = "SF") -> None:
        self._couriers = couriers
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
