"""A certificate whose courier cancels the order before the pick-up: one click of staff, and the case is delivered."""

from __future__ import annotations

import uuid

import pytest

from app import db
from app.errors import Conflict
from services.delivery.tasks.types import Outcome, TaskKind
from services.delivery.types import DeliveryMethod
from tests.integration.applications.conftest import World

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"


@pytest.fixture
async def ordered(world: World) -> tuple[World, str, str]:
    """A granted case whose certificate waits for the courier: the world, the case, the parcel."""
    number = await world.accepted()
    await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COURIER, uuid.UUID(int=1))
    await world.pay(number)
    await world.applications.desk.approve(world.reviewer, number, HERE)
    await world.react()
    (row,) = await db.fetch_all("SELECT shipment_no FROM shipment WHERE subject_no = $1", number)
    await world.delivery.booking.book({"shipment_no": row["shipment_no"]})
    return world, number, row["shipment_no"]


@pytest.mark.parametrize("told", ["EXCEPTION", "CANCELLED"])
async def test_certificate_that_was_not_picked_up_is_ordered_again_and_arrives(
    ordered: tuple[World, str, str], told: str
) -> None:
    """EXCEPTION is what SF's route query makes of its own cancellation (70 with reason 46)."""
    world, number, former = ordered
    await world.told_by_courier(former, told, "2026-11-03T10:00:00+08:00")
    await world.react()
    ((task, *others), _) = await world.delivery.tasks.page(world.reviewer)
    assert (task.kind, others, next(one.outcome for one in task.outcomes)) == ("BOOKING_REFUSED", [], Outcome.REBOOKED)
    settled = await world.applications.remedies.settle(
        world.reviewer, uuid.UUID(task.task_id), Outcome.REBOOKED, "已与顺丰核实未揽收", HERE
    )
    assert (settled.outcome, settled.closed_by) == (Outcome.REBOOKED, world.reviewer.username)
    with pytest.raises(Conflict):
        await world.applications.remedies.settle(
            world.reviewer, uuid.UUID(task.task_id), Outcome.REBOOKED, "再点一次", HERE
        )
    rows = await db.fetch_all("SELECT shipment_no, status FROM shipment WHERE subject_no = $1 ORDER BY id", number)
    assert [row["status"] for row in rows] == ["CANCELLED", "REQUESTED"]
    following = rows[1]["shipment_no"]
    await world.delivery.booking.book({"shipment_no": following})
    await world.told_by_courier(following, "PICKED_UP", "2026-11-04T10:00:00+08:00")
    await world.told_by_courier(following, "DELIVERED", "2026-11-05T10:00:00+08:00")
    await world.react()
    assert await world.status(number) == "CLOSED"
    assert [piece.holder for piece in await world.delivery.custody.of_case(number)] == ["CITIZEN"]
    assert (await world.delivery.tasks.page(world.reviewer))[0] == []
    acts = await db.fetch_all("SELECT 1 FROM audit_entry WHERE action = 'shipment_task.settled'")
    assert len(acts) == 1
    kinds = await db.fetch_all("SELECT kind FROM shipment_task")
    assert [row["kind"] for row in kinds] == [TaskKind.BOOKING_REFUSED]
