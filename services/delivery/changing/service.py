"""Changing the way of a result after it was fixed and before it was handed over. Called by the delivery room only.

The courier's order is withdrawn first, outside any transaction; then one compare-and-set lets the result go its new
way. Whatever happens between the two can be repeated.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app import clock
from app.db import Row
from app.errors import Conflict
from app.events import DomainEvent
from services.delivery import repository as choices
from services.delivery.booking.notes import goes_otherwise
from services.delivery.changing import repository
from services.delivery.collecting import repository as collections
from services.delivery.collecting.types import CollectionStatus
from services.delivery.custody.states import HOLDER_TEXT
from services.delivery.repository import ChoiceRow
from services.delivery.states import ShipmentStatus
from services.delivery.types import METHOD_TEXT, Choice, DeliveryMethod

Withdraw = Callable[[str, str], Awaitable[ShipmentStatus]]
_PHYSICAL = (DeliveryMethod.COURIER, DeliveryMethod.COUNTER, DeliveryMethod.LOCKER)


class Changing:
    """The use case of changing one's mind about the way of a result.

    Args:
        withdraw: cancels a parcel with its reason and says where it stands then; a Conflict where it is too late.
    """

    def __init__(self, withdraw: Withdraw) -> None:
        self._withdraw = withdraw

    async def change(self, choice: Choice, receiver_cipher: bytes | None) -> None:
        """Let a result that waits to be sent or fetched go another way.

        Paid postage of a withdrawn parcel goes back. Idempotent: yes, the last choice holds.
        Raises: Conflict `delivery_locked` (with the reason), `result_deposited`, `cancel_pending`, and as the
        courier's cancellation where the parcel is on its way.
        """
        former = await choices.find_choice(choice.subject_no)
        _require_changeable(choice, former)
        assert former is not None, "required just above"
        await self._require_not_deposited(choice.subject_no)
        elsewhere = await repository.find_elsewhere(choice.subject_no)
        if elsewhere is not None:
            raise Conflict(f"办理结果现由“{HOLDER_TEXT[elsewhere]}”保管，不能再更改送达方式", code="delivery_locked")
        for parcel in await repository.list_live_parcels(choice.subject_no):
            await self._withdrawn(parcel, choice.method)
        event = DomainEvent(
            name="delivery.changed",
            subject_no=choice.subject_no,
            citizen_id=choice.citizen_id.hex,
            facts={"method_text": METHOD_TEXT[choice.method]},
        )
        if not await repository.change(choice, receiver_cipher, former.method, clock.now(), event):
            raise Conflict("送达安排刚有变化，请刷新后再试", code="delivery_locked")

    async def _withdrawn(self, parcel: Row, to: DeliveryMethod) -> None:
        status = await self._withdraw(parcel["shipment_no"], goes_otherwise(METHOD_TEXT[to]))
        if status is not ShipmentStatus.CANCELLED:
            raise Conflict("正在向快递公司取消订单，请稍后再试", code="cancel_pending")

    @staticmethod
    async def _require_not_deposited(subject_no: str) -> None:
        row = await collections.find(subject_no)
        if row is None or row["status"] in (CollectionStatus.PREPARING, CollectionStatus.ENDED):
            return
        if row["status"] == CollectionStatus.COLLECTED:
            raise Conflict("办理结果已领取，不能再更改送达方式", code="delivery_locked")
        raise Conflict("办理结果已放入自取点，请凭取件码领取；如需更改请联系窗口", code="result_deposited")


def _require_changeable(choice: Choice, former: ChoiceRow | None) -> None:
    if former is None or former.method not in _PHYSICAL or choice.method not in _PHYSICAL:
        raise Conflict("办理结果已送达或已制成证件，不能改为该送达方式", code="delivery_locked")
    if former.together_no:
        raise Conflict("该办件的结果与一件事的其他结果一并寄送，不能单独更改", code="delivery_locked")
    if former.method == choice.method == DeliveryMethod.COURIER:
        raise Conflict("快递已安排，如需更改地址请在快递详情中修改", code="delivery_locked")
