"""One choice for all results; what goes by courier shares one parcel, sent when everything that goes in it is ready."""

from __future__ import annotations

from typing import Any

import pytest

from app import db
from app.errors import NotFound
from app.events import DomainEvent
from services.applications.packages import sweeps
from services.applications.packages.reactions import PackageReactions
from services.applications.states import Act, Correction
from services.delivery.types import DeliveryMethod
from services.staff.types import Role
from tests.fakes.couriers import event_of, signed_for
from tests.integration.applications.conftest import staff
from tests.integration.packages.conftest import LOST_CARDS, NEWBORN, Town, parts_of
from tests.integration.packages.test_package_filing import ALLOWANCE, BIRTH, DRIVER, ID_CARD, MEDICAL, SOCIAL

pytestmark = pytest.mark.anyio


async def _couriered(town: Town, address_id: str, package_code: str = LOST_CARDS) -> dict[str, Any]:
    view = await town.submitted(package_code)
    body = {"method": "COURIER", "address_id": address_id}
    status, shown = await town.phone("PUT", f"package-cases/{view['package_no']}/delivery", body)
    assert status == 200, shown
    return view


def _numbers(view: dict[str, Any]) -> dict[str, str]:
    return {code: part["application_no"] for code, part in parts_of(view).items()}


async def _parcels(town: Town, view: dict[str, Any]) -> list[dict[str, Any]]:
    _, shown = await town.phone("GET", f"package-cases/{view['package_no']}/delivery")
    return list(shown["shipments"])


async def _grant(town: Town, number: str, *, early: bool = False) -> None:
    await town.act(number, Act.ACCEPT, Act.APPROVE)
    await town.settle()
    await town.act(number, Act.DELIVER)
    # What follows in the case's own delivery, once its licence is made; jobs may come before or after it.
    if early:
        await town.settle()
    await town.delivery.lock_choice(number, town.citizen.citizen_id, DeliveryMethod.COUNTER)
    await town.settle()


async def _arrives(town: Town, view: dict[str, Any], parcel: dict[str, Any]) -> None:
    await signed_for(parcel["shipment_no"])
    event = DomainEvent(name="shipment.delivered", subject_no=view["package_no"])
    for _, reaction in PackageReactions(town.applications.packages).table()[event.name]:
        await reaction(event)
        await reaction(event)
    await town.settle()


async def test_one_choice_holds_for_every_part_as_far_as_it_offers_it(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id, NEWBORN)
    status, shown = await town.phone("GET", f"package-cases/{view['package_no']}/delivery")
    assert (status, shown["method"], shown["receiver_shown"][:2]) == (200, "COURIER", "*伟")
    assert {part["item_code"]: (part["method"], part["together"]) for part in shown["parts"]} == {
        BIRTH: ("COURIER", True),
        MEDICAL: ("ELECTRONIC", False),
        ALLOWANCE: ("ELECTRONIC", False),
    }
    _, own = await town.phone("GET", f"applications/{_numbers(view)[BIRTH]}/delivery")
    assert (own["method"], own["receiver_shown"]) == ("COURIER", shown["receiver_shown"])


async def test_choice_of_a_draft_reaches_the_parts_when_they_are_handed_in(town: Town, address_id: str) -> None:
    draft = await town.draft(LOST_CARDS, lost_social_card=False, bank=None)
    one = f"package-cases/{draft['package_no']}"
    assert (await town.phone("GET", f"{one}/delivery"))[0] == 404
    await town.phone("PUT", f"{one}/delivery", {"method": "COURIER", "address_id": address_id})
    await town.phone("PATCH", one, {"form": town.form(LOST_CARDS)})
    status, _ = await town.phone("POST", f"{one}/submit", {})
    assert status == 200
    _, shown = await town.phone("GET", f"{one}/delivery")
    assert {part["item_code"] for part in shown["parts"] if part["together"]} == {ID_CARD, DRIVER, SOCIAL}


@pytest.mark.parametrize(
    ("package_code", "body", "answer"),
    [
        (LOST_CARDS, {"method": "COURIER"}, (400, "invalid_request")),
        (LOST_CARDS, {"method": "PIGEON"}, (400, "invalid_request")),
        ("YJS1401050003", {"method": "COUNTER"}, (409, "method_not_offered")),
    ],
)
async def test_choose_what_cannot_be_is_refused_and_keeps_nothing(
    town: Town, package_code: str, body: dict[str, Any], answer: tuple[int, str]
) -> None:
    view = await town.submitted(package_code)
    status, problem = await town.phone("PUT", f"package-cases/{view['package_no']}/delivery", body)
    assert (status, problem["code"]) == answer
    assert (await town.phone("GET", f"package-cases/{view['package_no']}/delivery"))[0] == 404


async def test_one_parcel_goes_when_the_last_couriered_result_is_ready(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    numbers = _numbers(view)
    await _grant(town, numbers[ID_CARD])
    assert await _parcels(town, view) == []
    await town.end(numbers[DRIVER], "REFUSED")
    await _grant(town, numbers[SOCIAL])
    parcels = await _parcels(town, view)
    assert [(parcel["application_no"], parcel["cargo"]) for parcel in parcels] == [
        (view["package_no"], "一件事办理结果")
    ]
    assert await db.fetch_row("SELECT 1 FROM shipment WHERE subject_no = ANY($1)", list(numbers.values())) is None
    await sweeps.continue_open(town.applications.packages)
    assert len(await _parcels(town, view)) == 1
    await _arrives(town, view, parcels[0])
    ended = await town.view(view["package_no"])
    assert (ended["status"], ended["result_text"]) == ("CLOSED", "共3项，办成2项")


async def test_parcel_whose_arrival_was_lost_is_noticed_by_the_sweep(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    for number in _numbers(view).values():
        await _grant(town, number, early=True)
    (parcel,) = await _parcels(town, view)
    await signed_for(parcel["shipment_no"])
    await sweeps.continue_open(town.applications.packages)
    await town.settle()
    assert (await town.view(view["package_no"]))["status"] == "CLOSED"


async def test_result_that_comes_after_the_parcel_goes_in_a_further_one(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    numbers = _numbers(view)
    await town.end(numbers[DRIVER], "NOT_ACCEPTED")
    await _grant(town, numbers[ID_CARD])
    await _grant(town, numbers[SOCIAL])
    first = (await _parcels(town, view))[0]
    await town.force(numbers[DRIVER], Correction.REVERSE_NOT_ACCEPTED)
    await _grant(town, numbers[DRIVER])
    parcels = await _parcels(town, view)
    assert [parcel["cargo"] for parcel in parcels] == ["一件事办理结果", "一件事办理结果（补寄1）"]
    await _arrives(town, view, first)
    cases = {code: part["case_status"] for code, part in parts_of(await town.view(view["package_no"])).items()}
    assert cases == {ID_CARD: "CLOSED", SOCIAL: "CLOSED", DRIVER: "DELIVERING"}


async def _certified(town: Town, *numbers: str) -> None:
    """Grant cases, make their licences and let them go out, as the job runner does."""
    for number in numbers:
        await town.act(number, Act.ACCEPT, Act.APPROVE)
        await town.applications.progress.certify(number)
    await town.settle()


async def _told(town: Town, shipment_no: str, status: str, at: str) -> None:
    courier: Any = town.delivery._couriers.get("SF")
    courier.road.append(event_of(shipment_no, status, at))
    await town.delivery.tracking.confirm({"shipment_no": shipment_no})


async def test_lost_shared_parcel_is_followed_by_a_further_shared_one(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    numbers = _numbers(view)
    await _certified(town, *numbers.values())
    (lost,) = await _parcels(town, view)
    await town.delivery.booking.book({"shipment_no": lost["shipment_no"]})
    await _told(town, lost["shipment_no"], "PICKED_UP", "2026-11-03T10:00:00+08:00")
    await _told(town, lost["shipment_no"], "LOST", "2026-11-05T10:00:00+08:00")
    for _ in range(2):
        await town.applications.remedies.reissue_admitted(lost["shipment_no"])
    for number in numbers.values():
        await town.applications.progress.certify(number)
    await town.settle()
    await sweeps.continue_open(town.applications.packages)
    first, further = await _parcels(town, view)
    assert (first["status"], further["cargo"], further["payer"]) == ("LOST", "一件事办理结果（补寄1）", "FREE")
    for number in numbers.values():
        pieces = await town.delivery.custody.of_case(number)
        assert [(piece.copy, piece.holder, piece.shipment_no) for piece in pieces] == [
            (1, "VOID", first["shipment_no"]),
            (2, "WINDOW", further["shipment_no"]),
        ]
    await town.delivery.booking.book({"shipment_no": further["shipment_no"]})
    await _told(town, further["shipment_no"], "DELIVERED", "2026-11-09T09:30:00+08:00")
    await town.settle()
    assert (await town.view(view["package_no"]))["status"] == "CLOSED"


async def test_lost_shared_parcel_whose_address_is_forgotten_needs_a_person(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    numbers = _numbers(view)
    await _certified(town, *numbers.values())
    (lost,) = await _parcels(town, view)
    await town.delivery.booking.book({"shipment_no": lost["shipment_no"]})
    await _told(town, lost["shipment_no"], "LOST", "2026-11-05T10:00:00+08:00")
    await db.execute("UPDATE shipment SET receiver_cipher = NULL, redacted_at = now()")
    await db.execute("UPDATE delivery_choice SET receiver_cipher = NULL")
    await town.applications.remedies.reissue_admitted(lost["shipment_no"])
    for number in numbers.values():
        await town.applications.progress.certify(number)
    await town.settle()
    await sweeps.continue_open(town.applications.packages)
    assert len(await _parcels(town, view)) == 1
    near = staff("near", Role.DISPATCHER, divisions=("14",))
    (task,) = (await town.delivery.tasks.page(near))[0]
    assert (task.kind, task.shipment_no) == ("NO_ADDRESS", lost["shipment_no"])
    path = f"shipments/{lost['shipment_no']}/remedy"
    assert (await town.phone("GET", path))[1]["is_open"] is True
    status, chosen = await town.phone("POST", path, {"method": "REDELIVER", "address_id": address_id})
    assert (status, chosen["is_open"]) == (200, False), chosen
    further = chosen["redelivered_as"]
    await town.delivery.booking.book({"shipment_no": further})
    await _told(town, further, "DELIVERED", "2026-11-09T09:30:00+08:00")
    await town.settle()
    assert (await town.view(view["package_no"]))["status"] == "CLOSED"
    assert (await town.delivery.tasks.page(near))[0] == []


async def test_returned_shared_parcel_that_is_sent_again_ends_its_cases(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    await _certified(town, *_numbers(view).values())
    (parcel,) = await _parcels(town, view)
    await town.delivery.booking.book({"shipment_no": parcel["shipment_no"]})
    await _told(town, parcel["shipment_no"], "RETURNED", "2026-11-05T10:00:00+08:00")
    status, chosen = await town.phone("POST", f"shipments/{parcel['shipment_no']}/remedy", {"method": "REDELIVER"})
    assert status == 200, chosen
    await town.delivery.booking.book({"shipment_no": chosen["redelivered_as"]})
    await _told(town, chosen["redelivered_as"], "DELIVERED", "2026-11-09T09:30:00+08:00")
    await town.settle()
    assert (await town.view(view["package_no"]))["status"] == "CLOSED", "not only when the sweep comes by"


async def test_choice_is_locked_once_a_result_waits_for_the_parcel(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    await _grant(town, _numbers(view)[ID_CARD])
    before = (await town.phone("GET", f"package-cases/{view['package_no']}/delivery"))[1]
    status, problem = await town.phone("PUT", f"package-cases/{view['package_no']}/delivery", {"method": "COUNTER"})
    assert (status, problem["code"]) == (409, "delivery_locked")
    assert (await town.phone("GET", f"package-cases/{view['package_no']}/delivery"))[1] == before


async def test_part_chosen_for_alone_leaves_the_shared_parcel(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    numbers = _numbers(view)
    status, _ = await town.phone("PUT", f"applications/{numbers[DRIVER]}/delivery", {"method": "ELECTRONIC"})
    assert status == 200
    await _grant(town, numbers[ID_CARD])
    await _grant(town, numbers[SOCIAL])
    assert len(await _parcels(town, view)) == 1, "the driving licence does not hold it up"


async def test_shared_parcel_is_looked_after_by_the_staff_of_any_of_its_parts(town: Town, address_id: str) -> None:
    view = await _couriered(town, address_id)
    for number in _numbers(view).values():
        await _grant(town, number)
    parcel = (await _parcels(town, view))[0]
    aftercare = town.applications.aftercare
    near, far = staff("near", Role.DISPATCHER), staff("far", Role.DISPATCHER, divisions=("1402",))
    assert len((await aftercare.shipments(near, view["package_no"])).data) == 1
    await aftercare.rebook(near, parcel["shipment_no"], "127.0.0.1")
    for call in (
        aftercare.shipments(far, view["package_no"]),
        aftercare.rebook(far, parcel["shipment_no"], "127.0.0.1"),
    ):
        with pytest.raises(NotFound):
            await call
