"""What 快递100 sends, as the adapter reads it: vectors, all that comes with a track, orders, fees, hostile bodies."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import clock
from app.errors import CallbackRejected
from clients.couriers.kuaidi100 import push as pushes
from clients.couriers.kuaidi100.client import Kuaidi100Client
from clients.couriers.kuaidi100.types import Kuaidi100Account
from clients.transport import Transport
from services.delivery.couriers.kuaidi100 import Kuaidi100Courier
from services.delivery.couriers.kuaidi100_codes import ORDER_STATUS
from services.delivery.states import ShipmentStatus
from services.delivery.types import Following, Push, Report, SignedAs, Waybill, WaybillKind

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "express.json").read_text())["vectors"]["kuaidi100"]
PUSHED = [case for case in VECTORS if case["name"].startswith("push")]
NUMBER, ORDERED = "SJ20260302TEST01", "1735689600"
pytestmark = pytest.mark.anyio


def vector(name: str) -> dict[str, Any]:
    return next(case for case in VECTORS if case["name"] == name)


@pytest.fixture
async def courier() -> Any:
    async with aiohttp.ClientSession() as session:
        client = Kuaidi100Client(Kuaidi100Account("http://127.0.0.1:9", "k", "c", "s"), Transport(session, "kuaidi100"))
        yield Kuaidi100Courier(client, "https://example.invalid/callbacks/kuaidi100/token", "salt key")


@pytest.fixture
def heard(courier: Kuaidi100Courier) -> Callable[..., Report]:
    """Read a body as if 快递100 had signed it for our parcel."""

    def hear(content: Any, **query: str) -> Report:
        param = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        salt = courier._salt(NUMBER)
        sign = hashlib.md5((param + salt).encode("utf-8", "surrogatepass")).hexdigest()
        body = urlencode({"taskId": "forged", "param": param, "sign": sign}, errors="surrogatepass").encode()
        return courier.parse_push(Push(body=body, query={"shipment": NUMBER, **query}))

    return hear


def track(*events: dict[str, str], **more: Any) -> dict[str, Any]:
    result = {"state": "0", "com": "ems", "nu": "1190000000001", "data": list(events)}
    return {"status": "polling", "lastResult": result | more}


def event(code: str, context: str = "到达", time: str = "2025-01-02 22:00:00", **more: str) -> dict[str, str]:
    return {"statusCode": code, "context": context, "ftime": time, "areaName": "山西,大同市", **more}


def order(status: int, **more: Any) -> dict[str, Any]:
    data = {"orderId": "20060001", "status": status, "kuaidinum": "1190000000001", **more}
    return {"kuaidicom": "ems", "status": "200", "data": data}


@pytest.mark.parametrize("case", PUSHED, ids=lambda case: case["name"])
def test_vector_is_read_or_refused(case: dict[str, str]) -> None:
    body = (case.get("form_body") or urlencode({"sign": case["sign"], "param": case["param"]})).encode()
    if case.get("expect") == "reject":
        with pytest.raises(CallbackRejected):
            pushes.read_track_push(body, case["salt"])
        return
    read = pushes.read_track_push(body, case["salt"])
    expected = json.loads(case["param"])
    assert (read.status, read.track.number) == (expected["status"], "1190000000001")
    assert [each.code for each in read.track.events] == [each["statusCode"] for each in expected["lastResult"]["data"]]
    for salt in (case["salt"] + "x", None):
        with pytest.raises(CallbackRejected):
            pushes.read_track_push(body, salt)


def test_order_vector_is_read() -> None:
    case = vector("border_callback_picked_up")
    read = pushes.read_order_callback(case["form_body"].encode(), case["salt"])
    assert (read.task_id, read.state.order_id, read.state.status) == (case["taskId"], "20060001", "10")
    assert (read.state.waybill_no, read.state.carrier) == ("1190000000001", "ems")
    assert (read.state.freight_fen, read.state.weight_grams, read.state.courier_mobile) == (1200, 500, "13800000003")


async def test_delivered_vector_becomes_three_events_in_utc(heard: Any) -> None:
    report = heard(vector("push_delivered")["param"])
    assert [(each.code, each.status) for each in report.events] == [
        ("301", "DELIVERED"),
        ("5", "OUT_FOR_DELIVERY"),
        ("103", "PICKED_UP"),
    ]
    assert report.events[0].occurred_at == datetime(2025, 1, 3, 2, 5, tzinfo=UTC)
    assert report.events[0].signed_as is SignedAs.SELF
    assert {each.shipment_no for each in report.events} == {NUMBER}
    assert [each.following for each in report.news] == [Following.ENDED]


async def test_event_key_is_the_houses(heard: Any) -> None:
    [read] = heard(track(event("1002", "到达处理中心"))).events
    seconds = int(datetime(2025, 1, 2, 14, tzinfo=UTC).timestamp())
    identity = f"kuaidi100|1190000000001|{seconds}|1002|到达处理中心"
    assert read.event_key == hashlib.sha256(identity.encode()).hexdigest()


async def test_given_up_number_is_told(heard: Any) -> None:
    report = heard(vector("push_abort_no_record")["param"])
    assert (report.events, [each.following for each in report.news]) == ((), [Following.ABORTED])


async def test_corrected_company_keeps_the_former_one(heard: Any) -> None:
    [news] = heard(track() | {"autoCheck": "1", "comOld": "ems", "comNew": "youzhengguonei"}).news
    assert news.waybills == (
        Waybill(waybill_no="1190000000001", carrier="ems", kind=WaybillKind.FORMER),
        Waybill(waybill_no="1190000000001", carrier="youzhengguonei"),
    )
    assert heard(track() | {"comOld": "ems", "comNew": "ems"}).news == ()
    assert heard(track() | {"comOld": "ems", "comNew": ""}).news == ()


@pytest.mark.parametrize(
    "more",
    [
        {"arrivalTime": "2025-01-04 18"},
        {"arrivalTime": "2025-01-04 18:00:00"},
        {"routeInfo": {"arrivalTime": "2025-01-04 18:00"}},
    ],
)
async def test_promised_arrival_is_found_where_it_may_stand(more: Any, heard: Any) -> None:
    [news] = heard(track(**more)).news
    assert news.promised_at == datetime(2025, 1, 4, 10, tzinfo=UTC)
    assert heard(track(arrivalTime="soon", routeInfo=[])).news == ()


async def test_locker_is_told_while_it_is_the_newest(heard: Any) -> None:
    there = event("501", "已放入丰巢柜，联系13900000009", "2025-01-03 10:00:00")
    [news] = heard(track(there, event("5"))).news
    assert (news.collect_hint, news.courier_phone) == ("已放入丰巢柜，联系139****0009", "")
    left = heard(track(event("304", "已放入3号柜"), event("5", time="2025-01-02 20:00:00")))
    assert (left.events[0].status, left.events[0].signed_as) == (ShipmentStatus.DELIVERED, SignedAs.LOCKER)
    assert left.news[0].collect_hint == "已放入3号柜"
    assert heard(track(event("301", time="2025-01-03 12:00:00"), there)).news == ()


async def test_who_brings_it_is_named_and_masked_in_the_words(heard: Any) -> None:
    report = heard(track(event("5", "派件员王师傅（13900000009）正在派件")))
    assert report.news[0].courier_phone == "13900000009"
    assert report.events[0].text == "派件员王师傅（139****0009）正在派件"


async def test_event_without_code_is_dated_the_same_when_it_is_no_longer_newest(heard: Any) -> None:
    plain = {"context": "已揽收", "time": "2025-01-02 18:00:00"}
    [first] = heard(track(plain, state="1")).events
    assert (first.code, first.status) == ("1", ShipmentStatus.PICKED_UP)
    later = heard(track(event("1002"), plain)).events[1]
    assert (later.event_key, later.occurred_at, later.status) == (first.event_key, first.occurred_at, "")
    named = heard(track({"context": "已签收", "time": "2025-01-02 18:00:00", "status": "签收"})).events[0]
    assert (named.code, named.status) == ("3", ShipmentStatus.DELIVERED)


async def test_every_order_status_has_its_state(heard: Any) -> None:
    table = {
        "CREATED": (0,),
        "PICKUP_PENDING": (1, 2),
        "PICKED_UP": (10,),
        "IN_TRANSIT": (101,),
        "DELIVERED": (13, 14),
        "RETURNED": (12,),
        "CANCELLED": (9, 99),
        "EXCEPTION": (610, 11),
        "": (15, 155, 4711),
    }
    wanted = {code: status for status, codes in table.items() for code in codes}
    read = {code: heard(order(code), kind="order", at=ORDERED).events[0] for code in wanted}
    assert {code: each.status for code, each in read.items()} == wanted
    assert set(ORDER_STATUS) == {str(code) for code, status in wanted.items() if status}
    assert (read[14].signed_as, read[13].signed_as) == (SignedAs.OTHER, SignedAs.UNKNOWN)


async def test_order_callback_brings_number_phone_and_weight(heard: Any) -> None:
    more = {"courierName": "王师傅", "courierMobile": "13900000009", "weight": "0.5", "freight": "12.00"}
    report = heard(order(10, **more), kind="order", at=str(clock.timestamp() - 3600))
    [news] = report.news
    assert news.waybills == (Waybill(waybill_no="1190000000001", carrier="ems"),)
    assert (news.courier_phone, news.weight_grams) == ("13900000009", 500)
    assert (news.freight_fen, news.order_ref) == (None, "")
    assert report.events[0].charge_fen is None


async def test_settled_parts_count_once_each(heard: Any) -> None:
    at = str(clock.timestamp() - 3600)
    first, again, second, heavier = (
        heard(order(status, freight=fen, weight="1"), kind="order", at=at).events[0]
        for status, fen in ((15, "12.00"), (15, "12.00"), (15, "3.50"), (155, "15.50"))
    )
    assert first == again
    assert len({first.event_key, second.event_key, heavier.event_key}) == 3
    assert (first.charge_fen, second.charge_fen, heavier.charge_fen) == (1200, 350, None)


async def test_repeated_progress_is_the_same_event_and_an_end_is_dated_now(heard: Any) -> None:
    at = str(clock.timestamp() - 3600)
    progress = [heard(order(10), kind="order", at=at).events[0] for _ in range(2)]
    assert progress[0] == progress[1]
    assert progress[0].occurred_at.timestamp() == int(at)
    cancelled = heard(order(99), kind="order", at=at).events[0]
    assert abs((cancelled.occurred_at - clock.now()).total_seconds()) < 5


@pytest.mark.parametrize("at", ["", "x", "99999999999", "-1", "1" * 40, "٣", "0"])
async def test_odd_moment_of_an_order_is_now(at: str, heard: Any) -> None:
    read = heard(order(10), kind="order", at=at).events[0]
    assert abs((read.occurred_at - clock.now()).total_seconds()) < 5


async def test_track_and_order_pushes_are_not_taken_for_each_other(heard: Any) -> None:
    with pytest.raises(CallbackRejected):
        heard(track(event("301")), kind="order")
    with pytest.raises(CallbackRejected):
        heard(order(10))


async def test_acknowledgements_are_the_vendors_words(courier: Kuaidi100Courier) -> None:
    plain, ordered = Push(body=b"", query={}), Push(body=b"", query={"kind": "order"})
    assert json.loads(courier.acknowledge(plain, accepted=True)) == {
        "result": True,
        "returnCode": "200",
        "message": "成功",
    }
    assert json.loads(courier.acknowledge(ordered, accepted=True))["message"] == "提交成功"
    for push in (plain, ordered):
        refusal = json.loads(courier.acknowledge(push, accepted=False))
        assert (refusal["result"], refusal["returnCode"]) == (False, "500")


def test_body_with_a_field_twice_is_refused() -> None:
    case = vector("push_in_transit")
    for extra in ("&param=%7B%7D", "&sign=0"):
        with pytest.raises(CallbackRejected):
            pushes.read_track_push((case["form_body"] + extra).encode(), case["salt"])


ODD: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(),
        st.text(max_size=12),
        st.sampled_from(["\x00", "\ud800", "9" * 5000, "1e999", "NaN", "9999999999999.99", "0001-01-01 00:00:00"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_NAMES = (
    "status lastResult comOld comNew nu com state data routeInfo arrivalTime context ftime statusCode areaName orderId"
    " kuaidinum freight weight courierMobile"
).split()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_signed_nonsense_is_refused_or_storable(data: st.DataObject) -> None:
    """Whatever the vendor signs: CallbackRejected, or events and news that every column can hold."""
    client = Kuaidi100Client(Kuaidi100Account("http://x", "k", "c", "s"), None)  # type: ignore[arg-type]  # never calls
    reader = Kuaidi100Courier(client, "https://example.invalid/x", "salt key")
    content: Any = data.draw(st.sampled_from([track(event("301"), event("5")), order(15, freight="1.00")]))
    content = json.loads(json.dumps(content))
    for _ in range(data.draw(st.integers(1, 3))):
        inner = content.get("lastResult", content.get("data"))
        listed = inner.get("data") if isinstance(inner, dict) else None
        places = [content, inner, *(listed if isinstance(listed, list) else [])]
        place = data.draw(st.sampled_from([each for each in places if isinstance(each, dict)] or [content]))
        place[data.draw(st.sampled_from(_NAMES))] = data.draw(ODD)
        if not isinstance(content.get("lastResult", content.get("data")), dict):
            break
    param = json.dumps(content)
    sign = hashlib.md5((param + reader._salt(NUMBER)).encode()).hexdigest()
    query = {"shipment": NUMBER, **data.draw(st.sampled_from([{}, {"kind": "order", "at": ORDERED}]))}
    try:
        report = reader.parse_push(Push(body=urlencode({"param": param, "sign": sign}).encode(), query=query))
    except CallbackRejected:
        return
    for each in report.events:
        for text, most in ((each.text, 300), (each.place, 100), (each.code, 16), (each.waybill_no, 40)):
            assert len(text) <= most
            assert "\x00" not in text
            text.encode()
        assert each.charge_fen is None or abs(each.charge_fen) < 2**31
    for news in report.news:
        assert len(news.collect_hint) <= 100
        assert news.weight_grams is None or 0 <= news.weight_grams < 2**31
        assert all(len(number.waybill_no) <= 40 and len(number.carrier) <= 24 for number in news.waybills)
