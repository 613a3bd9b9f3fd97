"""A process killed between the beats of tracking loses and doubles nothing: whoever runs next ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import clock, db
from app.crypto import FieldCipher
from services.delivery.service import DeliveryService
from services.delivery.tasks.following import TaskFollower
from services.delivery.tracking import following_repository, repository
from services.delivery.tracking.sweeps import ask_silent, open_silent
from services.delivery.types import Report
from tests.fakes.told import ToldCourier, booked_parcel, seen, tell

pytestmark = pytest.mark.anyio
Emitted = Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def courier() -> ToldCourier:
    return ToldCourier(signs_pushes=False)


@pytest.fixture
def start() -> datetime:
    return (clock.now() - timedelta(days=2)).replace(microsecond=0)


def dying(work: Callable[..., Awaitable[Any]], *, after: bool) -> Callable[..., Awaitable[Any]]:
    """Return work that ends the process before it begins or when it has been done."""

    async def run(*given: Any, **named: Any) -> Any:
        if after:
            await work(*given, **named)
        raise Killed

    return run


@pytest.mark.parametrize(
    ("place", "name", "after"),
    [
        (ToldCourier, "track", False),
        (ToldCourier, "track", True),
        (repository, "record_events", False),
        (TaskFollower, "parcel_moved", False),
        (TaskFollower, "parcel_moved", True),
        (repository, "record_events", True),
    ],
)
async def test_question_killed_at_any_beat_is_ended_by_the_next(
    delivery: DeliveryService,
    courier: ToldCourier,
    cipher: FieldCipher,
    emitted: Emitted,
    start: datetime,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    name: str,
    after: bool,
) -> None:
    number = await booked_parcel(cipher)
    signed = seen(number, "DELIVERED", start)
    await tell(delivery, courier, seen(number, "PICKED_UP", start - timedelta(hours=5)), signed)
    courier.answer = Report(events=(signed,))
    with monkeypatch.context() as patched:
        patched.setattr(place, name, dying(getattr(place, name), after=after))
        with pytest.raises(Killed):
            await delivery.tracking.confirm({"shipment_no": number})
    await delivery.tracking.confirm({"shipment_no": number})
    row = await db.fetch_row("SELECT status, delivered_at, ask_after FROM shipment")
    assert row is not None
    assert tuple(row) == ("DELIVERED", start, None)
    assert [event for event, _ in await emitted()] == ["shipment.picked_up", "shipment.delivered"]
    assert len(await db.fetch_all("SELECT 1 FROM tracking_event")) == 2


async def test_push_killed_before_its_answer_comes_again_and_adds_nothing(
    delivery: DeliveryService,
    courier: ToldCourier,
    cipher: FieldCipher,
    emitted: Emitted,
    start: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = await booked_parcel(cipher)
    push = courier.lay_down(seen(number, "PICKED_UP", start, charge_fen=1200))
    for after in (False, True):
        with monkeypatch.context() as patched:
            patched.setattr(repository, "record_events", dying(repository.record_events, after=after))
            with pytest.raises(Killed):
                await delivery.tracking.receive("SF", push)
    assert await delivery.tracking.receive("SF", push) == b"ok"
    row = await db.fetch_row("SELECT status, freight_fen FROM shipment")
    assert row is not None
    assert tuple(row) == ("PICKED_UP", 1200)
    assert [event for event, _ in await emitted()] == ["shipment.picked_up"]


async def test_sweeps_killed_midway_leave_their_parcels_to_the_next(
    delivery: DeliveryService,
    courier: ToldCourier,
    cipher: FieldCipher,
    start: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = await booked_parcel(cipher)
    await tell(delivery, courier, seen(number, "PICKED_UP", clock.now() - timedelta(days=4)))
    await db.execute("UPDATE shipment SET follow_after = now()")
    with monkeypatch.context() as patched:
        patched.setattr(following_repository, "open_task", dying(following_repository.open_task, after=True))
        patched.setattr(ToldCourier, "follow", dying(ToldCourier.follow, after=True))
        patched.setattr(ToldCourier, "track", dying(ToldCourier.track, after=True))
        with pytest.raises(Killed):
            await open_silent()
        with pytest.raises(Killed):
            await delivery.subscriber.subscribe_due()
        await db.execute("UPDATE shipment SET ask_after = now()")
        with pytest.raises(Killed):
            await ask_silent(delivery)
    assert await db.fetch_row("SELECT 1 FROM shipment_task") is None
    await open_silent()
    assert len(await db.fetch_all("SELECT 1 FROM shipment_task")) == 1
    row = await db.fetch_row("SELECT follow_after - now() AS wait, ask_after FROM shipment")
    assert row is not None
    assert timedelta(0) < row["wait"] <= timedelta(minutes=30), "the lease ends, then it is somebody's turn"
    await db.execute("UPDATE shipment SET follow_after = now(), ask_after = now()")
    await delivery.subscriber.subscribe_due()
    await ask_silent(delivery)
    row = await db.fetch_row("SELECT follow_after, follow_count FROM shipment")
    assert row is not None
    assert tuple(row) == (None, 1)
    assert len(courier.asked) == 2
