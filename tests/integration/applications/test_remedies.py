"""What becomes of a certificate whose parcel is lost, spoilt, sent back, or signed for and then not."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from app import db
from app.errors import Conflict, Forbidden, NotFound
from services.applications.reactions import ApplicationReactions
from services.applications.remedies.reactions import RemedyReactions
from services.applications.remedies.types import RemedyMethod
from services.delivery.tasks.types import Outcome, TaskKind
from services.delivery.types import DeliveryMethod
from services.staff.types import Role
from tests.integration.applications.conftest import World, staff
from tests.waiting import until

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"


class _Both(ApplicationReactions):
    """The reactions that a lost parcel meets."""

    def __init__(self, world: World) -> None:
        super().__init__(world.applications.progress)
        self._remedies = RemedyReactions(world.applications.remedies)

    def table(self) -> dict[str, Any]:
        return {**super().table(), **self._remedies.table()}


@pytest.fixture
async def sent(world: World) -> tuple[World, str, str]:
    """A granted case whose certificate is with the courier: the world, the case, the parcel."""
    world.reactions = _Both(world)
    number = await world.accepted()
    await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COURIER, uuid.UUID(int=1))
    await world.pay(number)
    await world.applications.desk.approve(world.reviewer, number, HERE)
    await world.react()
    (parcel,) = await parcels(number)
    await world.delivery.booking.book({"shipment_no": parcel})
    await world.told_by_courier(parcel, "PICKED_UP", "2026-11-03T10:00:00+08:00")
    await world.react()
    return world, number, parcel


async def parcels(number: str) -> list[str]:
    rows = await db.fetch_all("SELECT shipment_no FROM shipment WHERE subject_no = $1 ORDER BY id", number)
    return [row["shipment_no"] for row in rows]


async def holders(world: World, number: str) -> list[tuple[int, str]]:
    return [(piece.copy, piece.holder) for piece in await world.delivery.custody.of_case(number)]


async def valid_licences() -> list[tuple[int, str]]:
    rows = await db.fetch_all("SELECT version, status FROM licence ORDER BY version")
    return [(row["version"], row["status"]) for row in rows]


async def the_task(world: World, kind: TaskKind) -> Any:
    page, _ = await world.delivery.tasks.page(world.reviewer)
    return next(task for task in page if task.kind == kind)


async def test_parcel_that_the_courier_lost_is_voided_and_made_again_once(sent: tuple[World, str, str]) -> None:
    world, number, parcel = sent
    await world.told_by_courier(parcel, "LOST", "2026-11-05T10:00:00+08:00")
    assert await holders(world, number) == [(1, "LOST")]
    assert (await the_task(world, TaskKind.LOST)).is_overdue is False
    names = await world.react()
    assert names[0] == "shipment.exception"
    assert names.count("application.reissuing") == 1, "the citizen is told once"
    assert await valid_licences() == [(1, "CANCELLED"), (2, "VALID")]
    assert await holders(world, number) == [(1, "VOID"), (2, "WINDOW")]
    former, following = await parcels(number)
    assert former == parcel
    assert (await world.delivery.tasks.page(world.reviewer))[0] == [], "the loss is made good"
    await world.delivery.booking.book({"shipment_no": following})
    await world.told_by_courier(following, "DELIVERED", "2026-11-09T09:30:00+08:00")
    await world.react()
    assert await world.status(number) == "CLOSED"
    assert await holders(world, number) == [(1, "VOID"), (2, "CITIZEN")]
    licences = (await world.licences.list_own(world.citizen.citizen_id, None, 9))[0]
    shown = await world.delivery.custody.of_licence(number, licences[0].licence_no)
    assert [change.to_holder for change in shown[0].changes] == ["WINDOW", "WINDOW", "CITIZEN"]
    await world.applications.remedies.reissue_admitted(parcel)
    await world.applications.progress.continue_stalled(number)
    assert len(await parcels(number)) == 2


async def test_lost_parcel_that_is_found_opens_a_task_and_moves_nothing(sent: tuple[World, str, str]) -> None:
    world, number, parcel = sent
    await world.told_by_courier(parcel, "LOST", "2026-11-05T10:00:00+08:00")
    await world.react()
    await world.told_by_courier(parcel, "DELIVERED", "2026-11-06T10:00:00+08:00")
    await world.react()
    assert await holders(world, number) == [(1, "VOID"), (2, "WINDOW")]
    assert await world.status(number) == "DELIVERING", "what was voided closes nothing"
    assert "请收回" in (await the_task(world, TaskKind.EXCEPTION)).reason


async def test_loss_that_staff_declare_needs_a_second_person(sent: tuple[World, str, str]) -> None:
    world, number, parcel = sent
    both = staff("both", Role.WINDOW, Role.REVIEWER)
    tasks, settle = world.delivery.tasks, world.applications.remedies.settle
    task = await tasks.declare(both, parcel, TaskKind.LOST, "顺丰书面确认12月1日丢失", HERE)
    task_id = uuid.UUID(task.task_id)
    assert await holders(world, number) == [(1, "LOST")]
    with pytest.raises(Conflict) as refused:
        await tasks.declare(both, parcel, TaskKind.LOST, "顺丰书面确认12月1日丢失", HERE)
    assert refused.value.stable_code == "task_open"
    with pytest.raises(Conflict) as refused:
        await settle(both, task_id, Outcome.REISSUED, "已核对说明", HERE)
    assert refused.value.stable_code == "second_person_needed"
    with pytest.raises(Forbidden):
        await settle(world.window, task_id, Outcome.REISSUED, "已核对说明", HERE)
    assert await valid_licences() == [(1, "VALID")]
    done = await settle(world.reviewer, task_id, Outcome.REISSUED, "已核对快递公司说明", HERE)
    assert (done.outcome, done.closed_by, done.outcomes) == ("REISSUED", "reviewer", [])
    await world.react()
    assert await valid_licences() == [(1, "CANCELLED"), (2, "VALID")]
    assert await holders(world, number) == [(1, "VOID"), (2, "WINDOW")]
    with pytest.raises(Conflict) as refused:
        await settle(world.reviewer, task_id, Outcome.REISSUED, "再来一次试试", HERE)
    assert refused.value.stable_code == "task_taken"
    rows = await db.fetch_all("SELECT actor, action FROM audit_entry WHERE action LIKE 'shipment%' ORDER BY seq")
    assert [tuple(row.values()) for row in rows] == [
        ("both", "shipment.declared"),
        ("reviewer", "shipment_task.settled"),
    ]


async def test_certificate_that_arrived_spoilt_is_made_again_after_the_case_closed(
    sent: tuple[World, str, str],
) -> None:
    world, number, parcel = sent
    await world.told_by_courier(parcel, "DELIVERED", "2026-11-04T10:00:00+08:00")
    await world.react()
    assert await world.status(number) == "CLOSED"
    task = await world.delivery.tasks.declare(world.window, parcel, TaskKind.DAMAGED, "封套浸水，证面破损", HERE)
    await world.applications.remedies.settle(
        world.reviewer, uuid.UUID(task.task_id), Outcome.REISSUED, "破损原件已收回销毁", HERE
    )
    await world.react()
    assert await world.status(number) == "DELIVERING"
    assert await valid_licences() == [(1, "CANCELLED"), (2, "VALID")]
    assert await holders(world, number) == [(1, "VOID"), (2, "WINDOW")]
    assert len(await parcels(number)) == 2
    await world.applications.progress.continue_stalled(number)
    assert await world.status(number) == "DELIVERING", "the first parcel's signature closes nothing now"


async def test_returned_parcel_is_sent_again_as_the_citizen_wishes(sent: tuple[World, str, str]) -> None:
    world, number, parcel = sent
    remedies = world.applications.remedies
    with pytest.raises(Conflict) as refused:
        await remedies.choose(world.citizen, parcel, RemedyMethod.REDELIVER, None)
    assert refused.value.stable_code == "remedy_not_offered"
    await world.told_by_courier(parcel, "REJECTED", "2026-11-05T10:00:00+08:00")
    assert (await the_task(world, TaskKind.REJECTED)).kind_text == "收件人拒收"
    await world.told_by_courier(parcel, "RETURNED", "2026-11-07T10:00:00+08:00")
    open_tasks, _ = await world.delivery.tasks.page(world.reviewer)
    assert [task.kind for task in open_tasks] == ["RETURNED"], "a refusal ends with the return"
    assert await holders(world, number) == [(1, "RETURNED")]
    with pytest.raises(NotFound):
        await remedies.options(world.other, parcel)
    assert [option.method for option in (await remedies.options(world.citizen, parcel)).options] == [
        "REDELIVER",
        "COLLECT",
    ]
    chosen = await remedies.choose(world.citizen, parcel, RemedyMethod.REDELIVER, uuid.UUID(int=2))
    again = await remedies.choose(world.citizen, parcel, RemedyMethod.REDELIVER, None)
    _, following = await parcels(number)
    assert (chosen.is_open, chosen.redelivered_as, again.redelivered_as) == (False, following, following)
    pieces = await world.delivery.custody.of_case(number)
    assert [(piece.holder, piece.shipment_no) for piece in pieces] == [("RETURNED", following)]
    assert (await world.delivery.tasks.page(world.reviewer))[0] == []
    await world.told_by_courier(parcel, "IN_TRANSIT", "2026-11-08T10:00:00+08:00")
    assert await holders(world, number) == [(1, "RETURNED")], "the former parcel holds nothing any more"
    await world.delivery.booking.book({"shipment_no": following})
    await world.told_by_courier(following, "DELIVERED", "2026-11-10T10:00:00+08:00")
    await world.react()
    assert await world.status(number) == "CLOSED"
    assert await valid_licences() == [(1, "VALID")]


@pytest.mark.parametrize("first", list(RemedyMethod))
async def test_of_two_ways_chosen_at_the_same_moment_one_wins(
    sent: tuple[World, str, str], first: RemedyMethod
) -> None:
    world, number, parcel = sent
    await world.told_by_courier(parcel, "RETURNED", "2026-11-07T10:00:00+08:00")
    second = RemedyMethod.COLLECT if first is RemedyMethod.REDELIVER else RemedyMethod.REDELIVER
    async with db.connection() as held, held.transaction():
        # Both have seen that the result waits, and stand before the same row: the one that came first goes first.
        await held.execute("SELECT 1 FROM piece WHERE subject_no = $1 FOR UPDATE", number)
        tries = []
        for method in (first, second):
            tries.append(asyncio.create_task(world.applications.remedies.choose(world.citizen, parcel, method, None)))
            await until("both wait for the row", lambda: _has_waiting(len(tries)))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    lost = [each for each in outcomes if isinstance(each, Conflict)]
    assert [refusal.status for refusal in lost] == [409]
    won = RemedyMethod.REDELIVER if len(await parcels(number)) == 2 else RemedyMethod.COLLECT
    assert not isinstance(outcomes[(first, second).index(won)], Exception)
    (piece,) = await world.delivery.custody.of_case(number)
    choice = await world.delivery.choice_of(number)
    assert choice is not None
    if won is RemedyMethod.REDELIVER:
        assert (piece.holder, piece.shipment_no, choice.method) == ("RETURNED", (await parcels(number))[1], "COURIER")
        assert await world.delivery.collecting.find(number) is None
    else:
        assert (piece.holder, piece.shipment_no, choice.method) == ("WINDOW", "", "COUNTER")
        assert await world.delivery.collecting.find(number) is not None
    remedies = world.applications.remedies
    assert (await remedies.choose(world.citizen, parcel, won, None)).chosen == won, "the first choice holds"
    loser = second if won is first else first
    with pytest.raises(Conflict) as refused:
        await remedies.choose(world.citizen, parcel, loser, None)
    assert refused.value.stable_code == "remedy_not_offered"


async def _forgotten(parcel: str) -> None:
    await db.execute(
        "UPDATE shipment SET receiver_cipher = NULL, receiver_shown = '山西省太原市小店区', redacted_at = now()"
        " WHERE shipment_no = $1",
        parcel,
    )
    await db.execute("UPDATE delivery_choice SET receiver_cipher = NULL")


@pytest.fixture
async def unaddressed(sent: tuple[World, str, str]) -> tuple[World, str, str]:
    """A lost certificate that was made again after its address was forgotten."""
    world, number, parcel = sent
    await world.told_by_courier(parcel, "LOST", "2026-11-05T10:00:00+08:00")
    await _forgotten(parcel)
    await world.react()
    await world.applications.progress.continue_stalled(number)
    return sent


async def test_copy_whose_address_is_forgotten_asks_staff_and_goes_where_the_citizen_says(
    unaddressed: tuple[World, str, str],
) -> None:
    world, number, parcel = unaddressed
    assert await holders(world, number) == [(1, "VOID"), (2, "WINDOW")]
    (task,) = (await world.delivery.tasks.page(world.window))[0]
    assert (task.kind, task.kind_text, task.shipment_no) == ("NO_ADDRESS", "补发后缺少收件地址", parcel)
    assert "请联系申请人" in task.reason
    assert "重新寄送" in task.reason
    remedies = world.applications.remedies
    view = await remedies.options(world.citizen, parcel)
    assert (view.is_open, [option.method for option in view.options]) == (True, ["REDELIVER", "COLLECT"])
    with pytest.raises(Conflict) as refused:
        await remedies.choose(world.citizen, parcel, RemedyMethod.REDELIVER, None)
    assert refused.value.stable_code == "parcel_redacted"
    chosen = await remedies.choose(world.citizen, parcel, RemedyMethod.REDELIVER, uuid.UUID(int=2))
    _, following = await parcels(number)
    assert (chosen.is_open, chosen.redelivered_as) == (False, following)
    row = await db.fetch_row("SELECT payer, receiver_cipher FROM shipment WHERE shipment_no = $1", following)
    assert row is not None
    assert row["payer"] == "FREE"
    assert row["receiver_cipher"] is not None
    assert (await world.delivery.tasks.page(world.window))[0] == []
    await world.delivery.booking.book({"shipment_no": following})
    await world.told_by_courier(following, "DELIVERED", "2026-11-09T09:30:00+08:00")
    await world.react()
    assert await world.status(number) == "CLOSED"


async def test_copy_whose_address_is_forgotten_is_fetched_at_the_window(unaddressed: tuple[World, str, str]) -> None:
    world, number, parcel = unaddressed
    task = await the_task(world, TaskKind.NO_ADDRESS)
    await world.applications.remedies.settle(
        world.window, uuid.UUID(task.task_id), Outcome.TO_COLLECT, "申请人来电要求自取", HERE
    )
    assert await world.delivery.collecting.find(number) is not None
    await world.applications.progress.continue_stalled(number)
    assert (await world.delivery.tasks.page(world.window))[0] == []
    with pytest.raises(Conflict) as refused:
        await world.applications.remedies.choose(world.citizen, parcel, RemedyMethod.REDELIVER, uuid.UUID(int=2))
    assert refused.value.stable_code == "remedy_not_offered"
    await world.applications.desk.hand_over(world.window, number, HERE)
    assert await holders(world, number) == [(1, "VOID"), (2, "CITIZEN")]


async def _has_waiting(count: int) -> bool:
    row = await db.fetch_row(
        "SELECT count(*) AS waiting FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return row is not None and row["waiting"] >= count


async def test_returned_parcel_is_fetched_at_the_window(sent: tuple[World, str, str]) -> None:
    world, number, parcel = sent
    await world.told_by_courier(parcel, "RETURNED", "2026-11-07T10:00:00+08:00")
    task = await the_task(world, TaskKind.RETURNED)
    with pytest.raises(Conflict, match="尚未安排"):
        await world.applications.remedies.settle(
            world.reviewer, uuid.UUID(task.task_id), Outcome.ANSWERED, "快递公司已答复", HERE
        )
    await world.applications.remedies.settle(
        world.window, uuid.UUID(task.task_id), Outcome.TO_COLLECT, "申请人来电要求自取", HERE
    )
    choice = await world.delivery.choice_of(number)
    assert choice is not None
    assert choice.method == "COUNTER"
    assert await holders(world, number) == [(1, "WINDOW")]
    assert await world.delivery.collecting.find(number) is not None
    await world.applications.desk.hand_over(world.window, number, HERE)
    assert await holders(world, number) == [(1, "CITIZEN")]
    assert await world.status(number) == "CLOSED"


async def test_window_cannot_hand_over_what_the_courier_has(sent: tuple[World, str, str]) -> None:
    world, number, _ = sent
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.hand_over(world.window, number, HERE)
    assert refused.value.stable_code == "held_elsewhere"
    assert await world.status(number) == "DELIVERING"
    assert await holders(world, number) == [(1, "COURIER")]


async def test_signature_that_is_taken_back_after_the_case_closed_opens_a_task(sent: tuple[World, str, str]) -> None:
    world, number, parcel = sent
    await world.told_by_courier(parcel, "DELIVERED", "2026-11-04T10:00:00+08:00")
    await world.react()
    await world.told_by_courier(parcel, "RETURNING", "2026-11-04T12:00:00+08:00")
    assert await holders(world, number) == [(1, "COURIER")]
    assert "撤销" in (await the_task(world, TaskKind.EXCEPTION)).reason
    await world.told_by_courier(parcel, "RETURNED", "2026-11-06T12:00:00+08:00")
    await world.react()
    assert await world.status(number) == "CLOSED", "nobody reopens a case before it is known what follows"
    await world.applications.remedies.choose(world.citizen, parcel, RemedyMethod.REDELIVER, None)
    assert await world.status(number) == "DELIVERING"
