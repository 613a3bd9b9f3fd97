"""Originals that a citizen had mailed go back by parcel (寄回原件), free of postage; by staff, for a case that ended.

The delivery room shows it as `.sending_back`. Until the courier has the parcel they may be given back by hand instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app import clock
from app.errors import Conflict
from services.delivery import repository as choices
from services.delivery.booking.making import ParcelMaker
from services.delivery.mailing import back_repository
from services.delivery.mailing.going_back import GOING_BACK
from services.delivery.mailing.types import Record
from services.delivery.rules.types import Errand
from services.delivery.types import Leg, Level, Payer


class SendingBack:
    """The use case. Scope, and that the case ended, are the caller's business."""

    def __init__(self, maker: ParcelMaker) -> None:
        self._maker = maker

    async def order(self, subject_no: str, item_codes: Sequence[str], by: str, record: Record) -> str:
        """Have originals at the window go back to where they were sent from; a job books it. Returns the number.

        Whoever pays at all pays by the lines of postage, the usual one; nobody pays online for what was refused.
        Raises: Conflict `no_originals`, `no_return_address` where nobody knows where they came from.
        Idempotent: yes, while one is under way.
        """
        came = await back_repository.find_inbound(subject_no)
        if came is None:
            raise Conflict("原件不是邮寄来的，请通知申请人到窗口领取", code="no_return_address")
        new = replace(
            self._maker.successor(came),
            leg=Leg.OUTBOUND,
            replaces_no="",
            level=Level.STANDARD,
            cargo=GOING_BACK,
            postage_fen=0,
            pickup_from=None,
            pickup_until=None,
            custody="WINDOW",
        )
        if came.is_own or came.receiver_cipher is None:
            choice = await choices.find_choice(subject_no)
            if choice is None or choice.receiver_cipher is None:
                raise Conflict("没有可用的收件地址，请通知申请人到窗口领取", code="no_return_address")
            receiver = self._maker.opened(choice.receiver_cipher)
            new = self._maker.sent_to(new, receiver, choice.receiver_shown, choice.division_code)
        errand = Errand(division_code=new.division_code, to_division_code=new.to_division_code)
        payer = (await self._maker.terms(errand, item_codes, "government")).usual
        new = replace(new, payer=Payer.FREE if payer is Payer.ONLINE else payer)
        return await back_repository.send(await self._maker.routed(new), clock.now(), by, record)
