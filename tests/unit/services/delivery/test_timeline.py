"""Words of a parcel's progress that a phone shows."""

from __future__ import annotations

from app import clock
from services.delivery.states import ShipmentStatus
from services.delivery.tracking.timeline import next_text, status_text, steps


def test_parcel_of_a_typed_number_is_not_said_to_be_ordered_by_us() -> None:
    created = ShipmentStatus.CREATED
    assert status_text(created, is_own=True) == "已登记运单号"
    assert next_text(created, "INBOUND", is_own=True) == "等待快递公司更新物流信息"
    assert [step.title for step in steps(created, [], clock.now(), is_own=True)][:2] == ["已登记运单号", "已揽收"]
    assert status_text(ShipmentStatus.PICKED_UP, is_own=True) == "已揽收"
    assert status_text(created) == "已下单"
