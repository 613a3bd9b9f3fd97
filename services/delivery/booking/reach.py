"""Before a choice is kept: who would carry, what it costs whom, and whether a courier goes there. Doors call it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import structlog

from app.errors import Conflict, SanjinError
from services.delivery.booking.making import ParcelMaker
from services.delivery.booking.types import LevelOption, PayerOption
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Ability, Courier
from services.delivery.repository import ShipmentRow
from services.delivery.rules.types import Carriage, Errand, Terms
from services.delivery.types import PAYER_TEXT, Contact, Leg, Level, Payer, Reach

LEVEL_TEXT = {Level.STANDARD: "标准快递", Level.EXPRESS: "特快"}

_PATIENCE_SECONDS = 4.0
"""Nobody waits longer for couriers at a door, for all of them together; who is away has not said no."""
_MOST_ASKED = 3
log = structlog.get_logger()


class ReachDesk:
    """Use cases of asking before a parcel is made."""

    def __init__(self, couriers: CourierTable, maker: ParcelMaker) -> None:
        self._couriers, self._maker = couriers, maker

    async def terms(self, errand: Errand, item_codes: Sequence[str], leg_payer: str) -> Terms:
        """Return who may pay for such a parcel, the usual first."""
        return await self._maker.terms(errand, item_codes, leg_payer)

    async def carriages(self, errand: Errand) -> tuple[Carriage, ...]:
        """Return who may carry such a parcel, the choice first."""
        return await self._maker.rules.carriages(errand)

    async def levels(self, errand: Errand, item_codes: Sequence[str], leg_payer: str) -> list[LevelOption]:
        """Return how fast such a parcel may go, and who may pay for it."""
        return [await self._level(replace(errand, level=level), item_codes, leg_payer) for level in Level]

    async def _level(self, errand: Errand, item_codes: Sequence[str], leg_payer: str) -> LevelOption:
        first = (await self.carriages(errand))[0]
        terms = await self.terms(errand, item_codes, leg_payer)
        return LevelOption(
            level=errand.level,
            level_text=LEVEL_TEXT[errand.level],
            courier_name=self._couriers.name(first.courier),
            days=first.days or None,
            payers=[
                PayerOption(
                    payer=payer,
                    payer_text=PAYER_TEXT[payer],
                    postage_fen=terms.postage_fen if payer is Payer.ONLINE else None,
                )
                for payer in terms.payers
            ],
        )

    async def require_for(self, row: ShipmentRow, theirs: Contact, division_code: str) -> None:
        """Refuse another address of a parcel to which none of the couriers goes. Raises: Conflict."""
        errand = Errand(
            division_code=row.division_code,
            to_division_code=division_code,
            leg=Leg(row.leg),
            level=Level(row.level),
        )
        ours = msgspec.convert(row.sender["contact"], Contact)
        await self.require(errand, ours, theirs, "请更换地址")

    async def require(self, errand: Errand, ours: Contact, theirs: Contact, alternatives: str) -> None:
        """Refuse an address to which none of the couriers goes, where each of them says so.

        A courier that is away, or cannot say, never stops anybody.

        Args:
            alternatives: what else the citizen may choose, as the end of a Chinese sentence.
        Raises: Conflict `address_not_served`.
        """
        listed = (await self._maker.rules.carriages(errand))[:_MOST_ASKED]
        sender, receiver = (theirs, ours) if errand.leg is Leg.INBOUND else (ours, theirs)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                for carriage in listed:
                    if await self._reach(carriage, sender, receiver) is not Reach.NO:
                        return
        except TimeoutError:
            log.warning("reach_not_learnt", error="TimeoutError")
            return
        names = "、".join(dict.fromkeys(self._couriers.name(carriage.courier) for carriage in listed))
        raise Conflict(f"该地址暂不在{names}的服务范围内，{alternatives}", code="address_not_served")

    async def _reach(self, carriage: Carriage, sender: Contact, receiver: Contact) -> Reach:
        courier = self._couriers.get(carriage.courier)
        if Ability.REACH not in courier.abilities:
            return Reach.UNKNOWN
        return await _asked(courier, sender, receiver, carriage.carrier)


async def _asked(courier: Courier, sender: Contact, receiver: Contact, carrier: str) -> Reach:
    try:
        return await courier.reaches(sender, receiver, carrier)
    except SanjinError as error:
        log.warning("reach_not_learnt", courier=courier.code, error=type(error).__name__)
        return Reach.UNKNOWN
