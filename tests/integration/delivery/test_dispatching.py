"""A day's batch: who is in it, labels by the job, scans at the hand-over, closing, cancelling, and who may."""

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pikepdf
import pypdfium2
import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, ProviderProtocolError, ProviderUnavailable
from services.delivery.booking.types import OwnParcel
from services.delivery.custody import moves
from services.delivery.custody.types import NewPiece
from services.delivery.dispatching import repository
from services.delivery.dispatching.types import Closing, NewDispatch
from services.delivery.ports import Ability
from services.delivery.service import DeliveryService
from services.delivery.types import Choice, Contact, DeliveryMethod, ParcelRef, ShipmentOrder
from services.staff.types import Role, StaffCaller
from tests.fakes.couriers import MemoryCourier

pytestmark = pytest.mark.anyio
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号3号楼")
SENDER = Contact(name="小店区政务服务中心", phone="0351-7190110", address="太原市小店区人民南路2号")
BODY = ("140105", "11140105MB0001177F")
NEW = NewDispatch(division_code=BODY[0], department_code=BODY[1], courier="SF")
CLERK = StaffCaller(
    staff_id=uuid.UUID(int=1), session_id=uuid.UUID(int=2), username="dispatcher", display_name="寄送",
    roles=frozenset({Role.DISPATCHER}), divisions=("1401",), departments=(), csrf_token="",
)  # fmt: skip
Send = Callable[..., Awaitable[str]]


@pytest.fixture
def send(delivery: DeliveryService) -> Send:
    """Make and book a parcel with one document in it."""

    async def made(case: str, body: tuple[str, str] = BODY) -> str:
        citizen = uuid.UUID(int=7)
        async with db.transaction() as tx:
            piece = NewPiece(
                subject_no=case, citizen_id=citizen, division_code=body[0], department_code=body[1],
                code="R1", title="居民身份证",
            )  # fmt: skip
            await moves.make(tx, [piece], clock.now())
        await delivery.choose(Choice(case, citizen, DeliveryMethod.COURIER, body[0], RECEIVER, "*伟 138****0001"))
        number = await delivery.request_shipment(ShipmentOrder(case, "居民身份证", SENDER, *body))
        assert number is not None
        await delivery.booking.book({"shipment_no": number})
        async with db.transaction() as tx:
            await moves.put_in(tx, [case], number, clock.now())
        return number

    return made


async def _batch(delivery: DeliveryService) -> str:
    made = await delivery.dispatching.create(CLERK, NEW, "10.0.0.1")
    await delivery.jobs()["delivery.label_dispatch"]({"dispatch_no": made.dispatch_no})
    return made.dispatch_no


async def _acts() -> list[tuple[str, dict[str, Any]]]:
    rows = await db.fetch_all("SELECT action, details FROM audit_entry ORDER BY seq")
    return [(row["action"], json.loads(row["details"])) for row in rows]


async def test_all_waiting_parcels_of_a_body_go_into_one_batch_and_get_labels(
    delivery: DeliveryService, send: Send
) -> None:
    numbers = [await send(f"C{place}") for place in range(3)]
    other = await send("C9", ("140106", BODY[1]))
    waiting = await delivery.dispatching.waiting(CLERK)
    assert [(each.division_code, each.parcels) for each in waiting] == [("140105", 3), ("140106", 1)]
    both = await asyncio.gather(
        *(delivery.dispatching.create(CLERK, NEW, "") for _ in range(3)), return_exceptions=True
    )
    refused = [each for each in both if isinstance(each, Conflict)]
    assert [each.stable_code for each in refused] == ["nothing_to_send"] * 2, "a parcel is in one batch only"
    made = next(each for each in both if not isinstance(each, BaseException))
    assert (made.status, made.total, made.remaining) == ("PREPARING", 3, 3)
    await delivery.jobs()["delivery.label_dispatch"]({"dispatch_no": made.dispatch_no})
    shown = await delivery.dispatching.show(CLERK, made.dispatch_no)
    assert [each.shipment_no for each in shown.parcels] == numbers
    assert other not in numbers
    assert (shown.dispatch.status, shown.dispatch.labelled, shown.dispatch.failed) == ("READY", 3, 0)
    with pikepdf.open(io.BytesIO(await delivery.dispatching.all_labels(CLERK, made.dispatch_no, ""))) as whole:
        assert len(whole.pages) == 3
    assert (await delivery.dispatching.manifest(CLERK, made.dispatch_no)).startswith(b"%PDF-")
    assert [action for action, _ in await _acts()] == ["dispatch.created", "dispatch.labels_printed"]


async def test_a_label_that_fails_is_listed_and_made_by_a_repeat(
    delivery: DeliveryService, send: Send, courier: MemoryCourier, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await send("C1"), await send("C2")
    asked: list[str] = []

    async def label(parcel: ParcelRef) -> bytes | None:
        asked.append(parcel.shipment_no)
        if parcel.shipment_no == bad and len(asked) < 3:
            raise ProviderUnavailable(provider="sf", reason="timeout")
        return None

    monkeypatch.setattr(courier, "label", label)
    number = await _batch(delivery)
    shown = await delivery.dispatching.show(CLERK, number)
    assert (shown.dispatch.status, shown.dispatch.labelled, shown.dispatch.failed) == ("READY", 1, 1)
    assert {each.shipment_no: each.label_fault for each in shown.parcels} == {
        bad: "快递公司暂时没有应答，请稍后重试",
        good: "",
    }
    await delivery.dispatching.repeat_labels(CLERK, number, "")
    await delivery.jobs()["delivery.label_dispatch"]({"dispatch_no": number})
    assert (await delivery.dispatching.summary(CLERK, number)).labelled == 2
    assert asked.count(good) == 1, "what has a label keeps it"


async def test_scans_hand_parcels_over_once_and_say_what_is_wrong(delivery: DeliveryService, send: Send) -> None:
    first, cancelled, left = [await send(f"C{place}") for place in range(3)]
    number = await _batch(delivery)
    elsewhere = await send("C7")
    second = await _batch(delivery)
    loose = await send("C8")
    await db.execute("UPDATE shipment SET cancel_wanted_at = now() WHERE shipment_no = $1", cancelled)
    waybill = await db.fetch_row("SELECT waybill_no FROM shipment WHERE shipment_no = $1", first)
    assert waybill is not None
    scans = [f" {waybill['waybill_no'].lower()} ", first, cancelled, elsewhere, loose, "SF0\x00", "", "Ｘ" * 64]
    done = await delivery.dispatching.scan(CLERK, number, scans, "10.0.0.1")
    assert [each.outcome for each in done.results] == [
        "HANDED_OVER", "TWICE", "CANCELLED", "OTHER_BATCH", "NO_BATCH", "UNKNOWN", "UNKNOWN",
    ]  # fmt: skip
    assert second in done.results[3].text
    assert (done.handed_over, done.remaining) == (1, 1)
    pieces = await db.fetch_all("SELECT subject_no, holder FROM piece ORDER BY subject_no")
    assert [each["subject_no"] for each in pieces if each["holder"] == "HANDED_OVER"] == ["C0"]
    change = await db.fetch_row("SELECT actor, reason FROM piece_change WHERE to_holder = 'HANDED_OVER'")
    assert change is not None
    assert (change["actor"], number in change["reason"]) == ("dispatcher", True)
    with pytest.raises(Conflict) as refused:
        await delivery.dispatching.cancel(CLERK, number, "")
    assert refused.value.stable_code == "dispatch_begun"
    with pytest.raises(Conflict) as refused:
        await delivery.dispatching.close(CLERK, number, Closing(), "")
    assert refused.value.stable_code == "parcels_missing"
    closed = await delivery.dispatching.close(CLERK, number, Closing(collector="K1", reason="证件待核对"), "")
    assert (closed.status, closed.collector) == ("HANDED_OVER", "K1")
    assert (await _acts())[-1] == (
        "dispatch.handed_over",
        {"reason": "证件待核对", "collector": "K1", "parcels": 1},
    )
    waiting = await delivery.dispatching.waiting(CLERK)
    assert waiting[0].parcels == 2, "what was missing waits again, with the one in no batch"
    assert left
    with pytest.raises(Conflict):
        await delivery.dispatching.scan(CLERK, number, [left], "")


async def test_the_same_parcel_scanned_at_two_desks_at_once_counts_once(delivery: DeliveryService, send: Send) -> None:
    parcel = await send("C1")
    number = await _batch(delivery)
    done = await asyncio.gather(*(delivery.dispatching.scan(CLERK, number, [parcel], "") for _ in range(5)))
    assert sorted(each.results[0].outcome for each in done) == ["HANDED_OVER", *["TWICE"] * 4]
    acts = [action for action, _ in await _acts()]
    assert acts.count("shipment.handed_over") == 1


async def test_what_the_courier_has_already_told_is_not_taken_back_by_a_scan(
    delivery: DeliveryService, send: Send
) -> None:
    parcel = await send("C1")
    number = await _batch(delivery)
    await db.execute("UPDATE shipment SET status = 'IN_TRANSIT' WHERE shipment_no = $1", parcel)
    await db.execute("UPDATE piece SET holder = 'COURIER'")
    done = await delivery.dispatching.scan(CLERK, number, [parcel], "")
    assert done.results[0].is_good
    piece = await db.fetch_row("SELECT holder FROM piece")
    assert piece is not None
    assert piece["holder"] == "COURIER"


async def test_a_cancelled_batch_gives_its_parcels_back(delivery: DeliveryService, send: Send) -> None:
    await send("C1")
    number = await _batch(delivery)
    assert (await delivery.dispatching.cancel(CLERK, number, "")).status == "CANCELLED"
    again = await delivery.dispatching.create(CLERK, NEW, "")
    assert again.total == 1
    await delivery.jobs()["delivery.label_dispatch"]({"dispatch_no": number})
    assert (await delivery.dispatching.summary(CLERK, number)).status == "CANCELLED"
    for act in (delivery.dispatching.repeat_labels, delivery.dispatching.cancel):
        with pytest.raises(Conflict):
            await act(CLERK, number, "")


async def test_a_changed_address_gets_a_new_label(
    delivery: DeliveryService, send: Send, courier: MemoryCourier
) -> None:
    parcel = await send("C1")
    before = await delivery.dispatching.labels.pdf(parcel)
    assert await delivery.dispatching.labels.pdf(parcel) == before
    cipher = delivery._cipher.encrypt_json("delivery.receiver", replace_address(RECEIVER))
    await db.execute("UPDATE shipment SET receiver_cipher = $2 WHERE shipment_no = $1", parcel, cipher)
    assert await delivery.dispatching.labels.pdf(parcel) != before
    await db.execute("UPDATE shipment SET receiver_cipher = NULL WHERE shipment_no = $1", parcel)
    with pytest.raises(Conflict) as refused:
        await delivery.dispatching.labels.pdf(parcel)
    assert refused.value.stable_code == "parcel_redacted"


def replace_address(contact: Contact) -> Contact:
    return Contact(name=contact.name, phone=contact.phone, address="山西省大同市平城区御河西路1号")


async def test_only_senders_within_their_scope_may(delivery: DeliveryService, send: Send) -> None:
    parcel = await send("C1")
    number = await _batch(delivery)
    desk = delivery.dispatching
    stranger = replace(CLERK, divisions=("1402",))
    for attempt in (
        desk.show(stranger, number), desk.scan(stranger, number, [parcel], ""), desk.label(stranger, parcel, ""),
        desk.create(stranger, NEW, ""), desk.show(CLERK, "JJ\u4e00" * 20),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await attempt
    reader = replace(CLERK, roles=frozenset({Role.ADMINISTRATOR}))
    assert (await desk.summary(reader, number)).total == 1
    for attempt in (desk.scan(reader, number, [parcel], ""), desk.all_labels(reader, number, "")):
        with pytest.raises(Forbidden):
            await attempt
    with pytest.raises(InvalidRequest):
        await desk.create(
            CLERK, NewDispatch(division_code="140105", courier="SF", day=clock.beijing_date().replace(year=2020)), ""
        )
    neighbour = replace(CLERK, divisions=("140105",), departments=("11140105MB0001999X",))
    assert await desk.waiting(neighbour) == []
    assert (await desk.page(neighbour))[0] == []
    assert [each.dispatch_no for each in (await desk.page(CLERK))[0]] == [number]


def _text(content: bytes) -> str:
    return pypdfium2.PdfDocument(content)[0].get_textpage().get_text_range().replace(" ", "")


async def test_a_label_is_masked_for_couriers_that_want_it_and_tells_nothing_of_the_case(
    delivery: DeliveryService, send: Send, courier: MemoryCourier
) -> None:
    courier.abilities = frozenset({Ability.ORDER})
    clear = _text(await delivery.dispatching.labels.pdf(await send("C1")))
    assert all(each in clear for each in (RECEIVER.name, RECEIVER.phone, SENDER.name, "托寄物文件"))
    assert "居民身份证" not in clear
    courier.abilities = frozenset({Ability.ORDER, Ability.MASKED_LABEL})
    masked = _text(await delivery.dispatching.labels.pdf(await send("C2")))
    assert RECEIVER.name not in masked
    assert RECEIVER.phone not in masked
    assert all(each in masked for each in ("138****0001", "平阳路88号", SENDER.name))


async def test_the_couriers_own_label_is_kept_and_nonsense_is_not(
    delivery: DeliveryService, send: Send, courier: MemoryCourier, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [b"%PDF-1.4 theirs", b"<html>"]

    async def label(parcel: ParcelRef) -> bytes | None:
        return given.pop(0)

    monkeypatch.setattr(courier, "label", label)
    first, second = await send("C1"), await send("C2")
    for _ in range(2):
        assert await delivery.dispatching.labels.pdf(first) == b"%PDF-1.4 theirs", "asked for once"
    with pytest.raises(ProviderProtocolError):
        await delivery.dispatching.labels.pdf(second)


async def test_batch_is_not_cancelled_while_its_first_parcel_is_handed_over(
    delivery: DeliveryService, send: Send
) -> None:
    parcel = await send("C1")
    number = await _batch(delivery)
    cancelling: list[asyncio.Task[Any]] = []

    async def meanwhile(tx: db.Transaction, status: str) -> None:
        cancel = delivery.dispatching.cancel(CLERK, number, "")
        cancelling.append(asyncio.create_task(cancel, context=contextvars.Context()))
        await asyncio.sleep(0.3)

    assert await repository.hand_over(number, parcel, "dispatcher", clock.now(), meanwhile)
    with pytest.raises(Conflict) as refused:
        await cancelling[0]
    assert refused.value.stable_code == "dispatch_begun"


async def test_scan_of_what_is_withdrawn_meanwhile_says_so(
    delivery: DeliveryService, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = await send("C1")
    number = await _batch(delivery)
    hand_over = repository.hand_over

    async def too_late(*args: Any) -> bool:
        await db.execute("UPDATE shipment SET cancel_wanted_at = now() WHERE shipment_no = $1", parcel)
        return await hand_over(*args)

    monkeypatch.setattr(repository, "hand_over", too_late)
    assert [each.outcome for each in (await delivery.dispatching.scan(CLERK, number, [parcel], "")).results] == [
        "CANCELLED"
    ]


async def test_scan_finds_our_parcel_though_a_citizen_typed_its_number(delivery: DeliveryService, send: Send) -> None:
    parcel = await send("C1")
    number = await _batch(delivery)
    row = await db.fetch_row("SELECT waybill_no FROM shipment WHERE shipment_no = $1", parcel)
    assert row is not None
    own = OwnParcel(
        subject_no="C2", citizen_id=uuid.UUID(int=8), cargo="申请材料", window=SENDER, waybill_no=row["waybill_no"],
        division_code="140999", department_code="x", carrier="yuantong",
    )  # fmt: skip
    await delivery.booking.follow_own(own)
    scanned = await delivery.dispatching.scan(CLERK, number, [row["waybill_no"]], "")
    assert [each.shipment_no for each in scanned.results if each.is_good] == [parcel]


async def test_cancelled_batch_keeps_no_file_with_addresses(delivery: DeliveryService, send: Send) -> None:
    await send("C1")
    number = await _batch(delivery)
    assert (await delivery.dispatching.all_labels(CLERK, number, "")).startswith(b"%PDF-")
    await delivery.dispatching.cancel(CLERK, number, "")
    with pytest.raises(Conflict) as refused:
        await delivery.dispatching.all_labels(CLERK, number, "")
    assert refused.value.stable_code == "labels_not_made"
