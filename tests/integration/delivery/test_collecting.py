"""Self-collection on a real database: made ready, one-time codes, two at once, the locker's door, recall."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Conflict, InvalidRequest, NotFound
from services.delivery.collecting import sweeps
from services.delivery.collecting.loading import load_places
from services.delivery.collecting.lockers import Lockers
from services.delivery.collecting.service import Collecting
from services.delivery.collecting.types import Collector, Deposit, NewCollection, Proof
from services.delivery.custody import moves
from services.delivery.custody.states import Holder, PieceKind
from services.delivery.custody.types import NewPiece
from services.delivery.types import DeliveryMethod
from services.staff.types import Role, StaffCaller

pytestmark = pytest.mark.anyio

DATA = Path(__file__).parents[3] / "data"
CITIZEN = uuid.UUID(int=7)
BODY = ("140105", "11140105MB0001177F")
CASE, OTHER = "1420260302ABCDEFGHJK", "1420260302ABCDEFGHJM"
BOX = "140105-police-box"
Emitted = Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""


@pytest.fixture
async def collecting(database: str, cipher: FieldCipher) -> Collecting:
    await load_places(DATA / "collection_points.json")
    return Collecting(cipher)


@pytest.fixture
def lockers(cipher: FieldCipher) -> Lockers:
    return Lockers(cipher)


async def prepared(collecting: Collecting, case: str = CASE) -> None:
    async with db.transaction() as tx:
        piece = NewPiece(
            subject_no=case,
            citizen_id=CITIZEN,
            division_code=BODY[0],
            department_code=BODY[1],
            code="R01",
            title="居民身份证",
        )
        await moves.make(tx, [piece], clock.now())
    await collecting.prepare(
        NewCollection(subject_no=case, citizen_id=CITIZEN, division_code=BODY[0], department_code=BODY[1])
    )


async def ready(collecting: Collecting, case: str = CASE, deposit: Deposit | None = None) -> None:
    await prepared(collecting, case)
    await collecting.deposit(case, deposit or Deposit(BOX, "7"), nobody)


async def holder(case: str = CASE) -> str:
    row = await db.fetch_row("SELECT holder FROM piece WHERE subject_no = $1", case)
    assert row is not None
    return str(row["holder"])


async def test_prepare_twice_waits_once_at_the_body_s_own_window(collecting: Collecting) -> None:
    await prepared(collecting)
    await prepared(collecting)
    found = await collecting.find(CASE)
    assert found is not None
    assert found.place is not None
    assert (found.status, found.place.place_code) == ("PREPARING", "140105-police-pick")
    assert len(await db.fetch_all("SELECT 1 FROM collection")) == 1


async def test_places_of_a_city_hold_those_of_its_counties(collecting: Collecting) -> None:
    codes = {place.place_code for place in await collecting.places("140100")}
    assert {"140100-hall-pick", BOX} <= codes
    assert "140213-hall-pick" not in codes
    offered = await collecting.places_of(*BODY)
    assert [place.place_code for place in offered][:2] == ["140105-police-pick", BOX]


@pytest.mark.parametrize("code", ["140213-hall-box", "140105-police-pick", "nowhere"])
async def test_locker_that_the_case_can_not_use_is_refused(collecting: Collecting, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        await collecting.require_place(DeliveryMethod.LOCKER, code, *BODY)
    assert refused.value.stable_code == "place_not_offered"


async def test_deposit_tells_where_and_until_when_and_moves_the_document(
    collecting: Collecting, emitted: Emitted
) -> None:
    await ready(collecting)
    (name, facts) = (await emitted())[-1]
    assert name == "collection.ready"
    assert facts["place_name"] == "小店公安分局户政服务大厅自助取证柜"
    assert set(facts) == {"place_name", "place_address", "place_hours", "until"}
    assert await holder() == "POINT"


async def test_originals_that_came_back_with_the_parcel_go_along(collecting: Collecting) -> None:
    await prepared(collecting)
    back = NewPiece(
        subject_no=CASE,
        citizen_id=CITIZEN,
        division_code=BODY[0],
        department_code=BODY[1],
        kind=PieceKind.ORIGINAL,
        code="M02",
        title="原居民身份证",
        holder=Holder.RETURNED,
    )
    async with db.transaction() as tx:
        await moves.make(tx, [back], clock.now())
    await collecting.deposit(CASE, Deposit(BOX, "7"), nobody)
    rows = await db.fetch_all("SELECT holder FROM piece WHERE subject_no = $1", CASE)
    assert [row["holder"] for row in rows] == ["POINT", "POINT"]


@pytest.mark.parametrize("box", ["", "0", "31", "七", "1e1"])
async def test_deposit_without_a_real_box_is_refused(collecting: Collecting, box: str) -> None:
    await prepared(collecting)
    with pytest.raises(InvalidRequest):
        await collecting.deposit(CASE, Deposit(BOX, box), nobody)


async def test_two_results_in_one_box_at_once_one_is_refused(collecting: Collecting) -> None:
    await prepared(collecting)
    await prepared(collecting, OTHER)
    given = await asyncio.gather(
        *(collecting.deposit(case, Deposit(BOX, "7"), nobody) for case in (CASE, OTHER)), return_exceptions=True
    )
    refused = [each for each in given if isinstance(each, Conflict)]
    assert [each.stable_code for each in refused] == ["box_taken"]


async def test_code_is_stored_hashed_and_hands_over_once_of_ten_at_once(
    collecting: Collecting, emitted: Emitted
) -> None:
    await ready(collecting, deposit=Deposit("140105-police-pick"))
    made = await collecting.new_code(CASE, Collector.AGENT)
    row = await db.fetch_row("SELECT row_to_json(c)::text AS all FROM collection c")
    assert row is not None
    assert len(made.code) == 8
    assert made.code not in row["all"]
    assert made.code not in repr(made)
    given = await asyncio.gather(
        *(collecting.hand_over(CASE, Proof(made.code), "clerk", nobody) for _ in range(10)), return_exceptions=True
    )
    assert given.count(None) == 1
    assert {each.stable_code for each in given if isinstance(each, Conflict)} == {"not_ready"}
    told = [facts for name, facts in await emitted() if name == "collection.collected"]
    assert told == [{"collector_text": "受托人"}]
    assert await holder() == "CITIZEN"


async def test_fifth_wrong_code_ends_it_and_a_new_one_works(collecting: Collecting) -> None:
    await ready(collecting)
    made = await collecting.new_code(CASE, Collector.SELF)
    wrong = f"{(int(made.code) + 1) % 10**8:08d}"
    codes = []
    for _ in range(6):
        with pytest.raises(Conflict) as refused:
            await collecting.hand_over(CASE, Proof(wrong), "clerk", nobody)
        codes.append(refused.value.stable_code)
    assert codes == ["code_wrong"] * 5 + ["code_expired"]
    with pytest.raises(Conflict):
        await collecting.hand_over(CASE, Proof(made.code), "clerk", nobody)
    newer = await collecting.new_code(CASE, Collector.SELF)
    await collecting.hand_over(CASE, Proof(newer.code), "clerk", nobody)


async def test_code_of_quarter_of_an_hour_ago_is_refused(collecting: Collecting) -> None:
    await ready(collecting)
    made = await collecting.new_code(CASE, Collector.SELF)
    await db.execute("UPDATE collection SET code_until = now()")
    with pytest.raises(Conflict) as refused:
        await collecting.hand_over(CASE, Proof(made.code), "clerk", nobody)
    assert refused.value.stable_code == "code_expired"


async def test_identity_seen_in_person_needs_a_reason(collecting: Collecting) -> None:
    await ready(collecting)
    with pytest.raises(InvalidRequest):
        await collecting.hand_over(CASE, Proof(), "clerk", nobody)
    await collecting.hand_over(CASE, Proof(reason="手机没电，已核对身份证"), "clerk", nobody)
    found = await collecting.find(CASE)
    assert found is not None
    assert (found.status, found.collected_by_text) == ("COLLECTED", "申请人本人")


async def test_locker_opens_once_and_answers_a_repeat_alike(collecting: Collecting, lockers: Lockers) -> None:
    await ready(collecting)
    made = await collecting.new_code(CASE, Collector.SELF)
    calls = [lockers.open((BODY[1],), BOX, made.code, "gongan", nobody) for _ in range(4)]
    answers = await asyncio.gather(*calls)
    assert {(each.box, each.application_no) for each in answers} == {("7", CASE)}
    assert await holder() == "CITIZEN"
    await ready(collecting, OTHER)
    with pytest.raises(Conflict):
        await lockers.open((BODY[1],), BOX, made.code, "gongan", nobody)


@pytest.mark.parametrize(("departments", "place"), [(("11140000MB0001038B",), BOX), ((BODY[1],), "140105-hall-box")])
async def test_locker_of_others_finds_nothing(
    collecting: Collecting, lockers: Lockers, departments: tuple[str, ...], place: str
) -> None:
    await ready(collecting)
    made = await collecting.new_code(CASE, Collector.SELF)
    with pytest.raises(NotFound):
        await lockers.open(departments, place, made.code, "gongan", nobody)


async def test_not_fetched_is_reminded_once_then_goes_back_with_a_task(
    collecting: Collecting, emitted: Emitted
) -> None:
    await ready(collecting)
    await collecting.new_code(CASE, Collector.SELF)
    await db.execute("UPDATE collection SET ready_at = now() - interval '73 hours'")
    await sweeps.remind()
    await sweeps.remind()
    await db.execute("UPDATE collection SET keep_until = now() - interval '1 minute'")
    await sweeps.recall_overdue()
    await sweeps.recall_overdue()
    assert [name for name, _ in await emitted()][1:] == ["collection.reminded", "collection.recalled"]
    tasks = await db.fetch_all("SELECT kind, reason, closed_at FROM shipment_task")
    assert [(task["kind"], task["reason"]) for task in tasks] == [("UNCOLLECTED", f"逾期未领取，请从{BOX} 7取回窗口")]
    assert await holder() == "WINDOW"
    await collecting.deposit(CASE, Deposit(), nobody)
    assert (await db.fetch_all("SELECT 1 FROM shipment_task WHERE closed_at IS NULL")) == []


async def test_pages_hold_only_what_is_in_scope(collecting: Collecting) -> None:
    await ready(collecting)

    def caller(division: str, *roles: Role) -> StaffCaller:
        return StaffCaller(uuid.uuid4(), uuid.uuid4(), "x", "x", frozenset(roles), (division,), (), "t")

    from services.delivery.collecting.types import CollectionStatus

    mine, _ = await collecting.page(caller("140105", Role.WINDOW), [CollectionStatus.READY])
    theirs, _ = await collecting.page(caller("140213", Role.WINDOW), [CollectionStatus.READY])
    assert ([each.application_no for each in mine], theirs) == ([CASE], [])
