"""kill -9 at every beat of a payment, a callback, a refund and an order of a courier: before the provider acts, after
it has acted and before our commit, after our commit and before anybody hears of it. Nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from demo.wire import Unexpected, until
from tests.e2e.books import Books
from tests.e2e.conftest import Product, Surroundings, free_ports, product_folder
from tests.e2e.relay import Relay
from tests.e2e.steps import Applicant

pytestmark = pytest.mark.anyio
FEE_FEN, PART_FEN = 4000, 1000
_FEW_MINUTES = 120.0
_BOOK = "EXP_RECE_CREATE_ORDER"


@pytest.fixture(scope="module")
def relay() -> Iterator[tuple[Relay, Product]]:
    """A product whose callbacks come through a relay."""
    port, sim_port = free_ports()
    relay = Relay(port)
    extra = {"SJT_PUBLIC_URL": relay.url, "SJT_PAYMENT_SWEEP_SECONDS": "1", "SJT_CITIZEN_RATE": "100000/minute"}
    with product_folder() as folder:
        product = Product(folder / "var", port, sim_port, extra)
        product.start()
        yield relay, product
        product.stop()
    relay.close()


@pytest.fixture
async def scene(relay: tuple[Relay, Product]) -> AsyncIterator[Surroundings]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        around = Surroundings(relay[1], session)
        await until("the product", lambda: _ready(around), bool, _FEW_MINUTES)
        yield around
        await around.control.send("DELETE", "/control/faults")


async def _ready(scene: Surroundings) -> bool:
    return await asyncio.to_thread(scene.product.is_ready)


async def _arm(scene: Surroundings, call: str, kind: str, provider: str = "wechat_pay", **more: Any) -> None:
    fault = {"provider": provider, "call": call, "kind": kind, "times": 1, **more}
    (await scene.control.send("POST", "/control/faults", value=fault)).expect(201)


async def _struck(scene: Surroundings, call: str, kind: str, provider: str = "wechat_pay") -> None:
    """Wait until the provider has met the fault: the call is in its hands now."""

    async def outcomes() -> list[str]:
        rows = (await scene.control.send("GET", f"/control/requests?provider={provider}&call={call}")).expect(200)
        return [row["outcome"] for row in rows]

    await until(f"{call} at the provider", outcomes, lambda found: any(f"fault:{kind}" in each for each in found))


async def _persistently(applicant: Applicant, bill_no: str) -> dict[str, Any]:
    """Tap on `pay` until there is an order."""
    wish = {"bill_no": bill_no, "channel": "WECHAT"}

    async def tapped() -> dict[str, Any]:
        with suppress(aiohttp.ClientError):
            answer = await applicant.phone.call("POST", "/payments", wish)
            return dict(answer.value) if answer.status == 201 else {}
        return {}

    return await until("an order", tapped, bool, _FEW_MINUTES)


async def _settled(applicant: Applicant, number: str) -> None:
    """Wait until the bill is paid and confirmed, through whatever restarts."""

    async def status() -> str:
        with suppress(aiohttp.ClientError, Unexpected):
            return str((await applicant.bill(number))["status"])
        return ""

    await until("confirmation", status, lambda found: found == "CONFIRMED", _FEW_MINUTES)


async def _check_money(scene: Surroundings, order: dict[str, Any], *, refunded_fen: int = 0) -> None:
    """The provider holds what our books say, each booked once."""
    number, books = order["out_trade_no"], Books(scene)
    there = (await scene.control.send("GET", f"/control/wechat_pay/orders/{number}")).expect(200)
    assert there["total_fen"] == FEE_FEN
    assert there["trade_state"] == ("REFUND" if refunded_fen else "SUCCESS")
    back = (await scene.control.send("GET", "/control/wechat_pay/refunds")).expect(200)
    own = [row for row in back if row["out_trade_no"] == number]
    assert [row["amount"]["refund"] for row in own if row["status"] == "SUCCESS"] == [refunded_fen][
        : bool(refunded_fen)
    ]
    assert len(own) == bool(refunded_fen)
    assert await books.transfer(f"payment.succeeded:{number}") == (2, 0)
    held = (
        "SELECT sum(l.amount_fen)::bigint FROM ledger_entry l JOIN bill b ON b.bill_no = l.bill_no"
        " JOIN payment p ON p.bill_id = b.id WHERE p.out_trade_no = $1 AND l.account = 'channel:WECHAT'"
    )
    assert await books.value(held, number) == FEE_FEN - refunded_fen
    orders = "SELECT count(*) FROM payment WHERE bill_id = (SELECT bill_id FROM payment WHERE out_trade_no = $1)"
    assert await books.value(orders, number) == 1
    assert await books.value("SELECT count(*) FROM inbox_event WHERE reference_no = $1", number) == 1
    assert await books.value("SELECT coalesce(sum(amount_fen), 0)::bigint FROM ledger_entry") == 0


async def _knock(scene: Surroundings, applicant: Applicant, bill_no: str) -> asyncio.StreamWriter:
    """Send a tap on `pay` and read nothing of the answer."""
    body = json.dumps({"bill_no": bill_no, "channel": "WECHAT"}).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", scene.product.port)
    head = (
        f"POST /api/v1/payments HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {applicant.phone.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    return writer


_ORDER = "SELECT p.id FROM payment p JOIN bill b ON b.id = p.bill_id WHERE b.bill_no = $1"


@pytest.mark.parametrize("beat", ["before the call", "after the call", "before the commit", "before the answer"])
async def test_api_dies_while_an_order_is_opened(scene: Surroundings, beat: str) -> None:
    applicant, books = await scene.applicant("wechat", "liu-yang"), Books(scene)
    number, bill_no = await applicant.billed()
    kind = {"before the call": "hang", "after the call": "hang_after"}.get(beat, "delay")
    await _arm(scene, "jsapi", kind, delay_seconds=1.5 if kind == "delay" else 0)
    phone = await _knock(scene, applicant, bill_no)
    if kind != "delay":
        await _struck(scene, "jsapi", kind)
        scene.product.api_worker().kill()
    elif beat == "before the commit":
        async with books.held(f"{_ORDER} FOR UPDATE OF p", bill_no):
            await books.somebody_waits()
            scene.product.api_worker().kill()
            await books.forget_who_waits()
    else:
        done = f"{_ORDER} AND p.status = 'AWAITING'"
        await until("the commit", lambda: books.rows(done, bill_no), bool)
        scene.product.api_worker().kill()
    phone.close()
    first = await books.value(_ORDER.replace("p.id", "p.out_trade_no"), bill_no)
    order = await _persistently(applicant, bill_no)
    assert order["out_trade_no"] == first, "the number of the first try goes on"
    await applicant.tap(order)
    await _settled(applicant, number)
    await _check_money(scene, order)


@pytest.mark.parametrize("beat", ["before the callback", "before the commit", "before the acknowledgement"])
async def test_api_dies_in_a_callback(scene: Surroundings, relay: tuple[Relay, Product], beat: str) -> None:
    """The provider repeats it by its schedule; our own questions fail meanwhile, so that only it can help."""
    applicant, books = await scene.applicant("wechat", "liu-yang"), Books(scene)
    number, bill_no = await applicant.billed()
    order = await _persistently(applicant, bill_no)
    await _arm(scene, "query", "http", times=-1)
    if beat == "before the commit":
        async with books.held(f"{_ORDER} FOR UPDATE OF p", bill_no):
            paying = asyncio.create_task(applicant.tap(order))
            await books.somebody_waits()
            scene.product.api_worker().kill()
            await books.forget_who_waits()
            await paying
        assert await books.transfer(f"payment.succeeded:{order['out_trade_no']}") == (0, 0)
    else:
        step = "before" if beat == "before the callback" else "after"
        setattr(relay[0], step, lambda: scene.product.api_worker().kill())
        await applicant.tap(order)
        booked = await books.transfer(f"payment.succeeded:{order['out_trade_no']}")
        assert booked == ((0, 0) if step == "before" else (2, 0))
    await _settled(applicant, number)
    await _check_money(scene, order)


_REFUND = "SELECT r.id FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.out_trade_no = $1"
# Once a runner has picked it: a job that is held before is left alone.
_JOB = "SELECT id FROM pgqueuer WHERE entrypoint = 'payments.push_refund' AND status = 'picked'"


@pytest.mark.parametrize("beat", ["before the call", "after the call", "before the commit", "before the job is done"])
async def test_job_runner_dies_while_a_refund_is_pushed(scene: Surroundings, beat: str) -> None:
    applicant, books = await scene.applicant("wechat", "liu-yang"), Books(scene)
    cashier = await scene.counter("cashier")
    number, bill_no = await applicant.billed()
    order = await _persistently(applicant, bill_no)
    await applicant.tap(order)
    await _settled(applicant, number)
    kind = {"before the call": "hang", "after the call": "hang_after"}.get(beat, "delay")
    await _arm(scene, "refund", kind, delay_seconds=4.0 if kind == "delay" else 0)
    path, wish = f"/payments/{order['out_trade_no']}/refunds", {"amount_fen": PART_FEN, "reason": "多缴"}
    refund = (await cashier.call("POST", path, wish)).expect(201)
    if kind != "delay":
        await _struck(scene, "refund", kind)
        (await scene.product.job_runner()).kill()
    elif beat == "before the commit":
        async with books.held(f"{_REFUND} FOR UPDATE OF r", order["out_trade_no"]):
            await books.somebody_waits()
            (await scene.product.job_runner()).kill()
            await books.forget_who_waits()
    else:
        async with books.held(f"{_JOB} FOR UPDATE"):
            done = f"{_REFUND} AND r.status <> 'REQUESTED'"
            await until("the commit", lambda: books.rows(done, order["out_trade_no"]), bool)
            (await scene.product.job_runner()).kill()

    async def status() -> str:
        return str((await cashier.call("GET", f"/refunds/{refund['out_refund_no']}")).expect(200)["status"])

    await until("the refund", status, lambda found: found == "SUCCEEDED", _FEW_MINUTES)
    assert await books.transfer(f"refund.succeeded:{refund['out_refund_no']}") == (2, 0)
    await _settled(applicant, number)
    await _check_money(scene, order, refunded_fen=PART_FEN)


async def _runs_out(books: Books, number: str) -> None:
    """Let what a dead runner held run out: its job after ten seconds, its talk to the courier after a minute.

    A runner that took its place has neither yet.
    """
    aged = "UPDATE pgqueuer SET heartbeat = now() - interval '1 minute' WHERE entrypoint = $1 AND status = 'picked'"
    await books.rows(aged, "delivery.book")
    await books.rows("UPDATE shipment SET ordering_until = now() WHERE subject_no = $1", number)


async def _to_be_sent(scene: Surroundings, applicant: Applicant) -> str:
    """Hand a case in whose result goes by courier, have it accepted and paid; return its number."""
    phone, number = applicant.phone, str((await applicant.draft())["application_no"])
    person = phone.person
    address = {"recipient": person["name"], "phone": person["phone"], "division_code": "140105", "street": "学府街66号"}
    kept = (await phone.call("POST", "/addresses", address)).expect(201)
    wish = {"method": "COURIER", "address_id": kept["id"], "payer": "ON_DELIVERY"}
    (await phone.call("PUT", f"/applications/{number}/delivery", wish)).expect(200)
    (await phone.call("POST", f"/applications/{number}/submit", {})).expect(200)
    (await applicant.window.call("POST", f"/cases/{number}/accept", {})).expect(200)
    bill = await until("bill", lambda: applicant.bill(number), bool)
    await applicant.tap(await _persistently(applicant, bill["bill_no"]))
    await _settled(applicant, number)
    return number


@pytest.mark.parametrize("beat", ["before the call", "after the call", "before the commit"])
async def test_job_runner_dies_while_a_parcel_is_booked(scene: Surroundings, beat: str) -> None:
    applicant, books = await scene.applicant("wechat", "liu-yang"), Books(scene)
    number = await _to_be_sent(scene, applicant)
    placed = len((await scene.control.send("GET", "/control/sf/orders")).expect(200))
    kind = {"before the call": "hang", "after the call": "hang_after"}.get(beat, "delay")
    await _arm(scene, _BOOK, kind, "sf", delay_seconds=4.0 if kind == "delay" else 0)
    await applicant.approved(number)
    if kind == "delay":
        tried = "SELECT id FROM shipment WHERE subject_no = $1 AND booking_tried_at IS NOT NULL FOR UPDATE"
        async with books.held(tried, number):
            await books.somebody_waits()
            (await scene.product.job_runner()).kill()
            await books.forget_who_waits()
    else:
        await _struck(scene, _BOOK, kind, "sf")
        (await scene.product.job_runner()).kill()
    await _runs_out(books, number)

    async def parcels() -> list[dict[str, Any]]:
        return list((await applicant.phone.call("GET", f"/applications/{number}/shipments")).expect(200)["data"])

    shown = await until("waybill", parcels, lambda rows: bool(rows and rows[0]["waybill_no"]), _FEW_MINUTES)
    assert len(shown) == 1
    orders = (await scene.control.send("GET", "/control/sf/orders")).expect(200)
    assert len(orders) == placed + 1
    assert orders[-1]["waybill_no"] == shown[0]["waybill_no"]
    move = f"/control/sf/orders/{shown[0]['shipment_no']}/move"
    (await scene.control.send("POST", move, value={"to": "delivered"})).expect(200)
    assert (await applicant.phone.case_in(number, "CLOSED"))["outcome"] == "GRANTED"
    chain = "SELECT string_agg(c.to_holder, ' ' ORDER BY c.version) FROM piece_change c"
    held = f"{chain} JOIN piece p ON p.id = c.piece_id WHERE p.subject_no = $1"
    assert await books.value(held, number) == "WINDOW WINDOW COURIER CITIZEN", "printed, packed, picked up, signed for"
