"""One suite for the port PaymentChannel, run over the WeChat and Alipay adapters (against the simulated platforms)
and over the fake that the other tests use: whatever the room relies on holds for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from app.errors import CallbackRejected, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments.channels.alipay_gateway import AlipayPlatformGateway
from payments.neutral import (
    ChannelOrder,
    DepositBack,
    OrderHint,
    PaymentNotified,
    RefundNotified,
    RefundOrder,
    Standing,
)
from payments.states import RefundMove

from .channel_stands import AlipayStand, FakeStand, Raw, SimulatedStand, Stand, WeChatStand
from .simulator_process import Simulators

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture(params=["fake", "wechat", "alipay"])
def stand(request: pytest.FixtureRequest, sim: Simulators, session: aiohttp.ClientSession) -> Any:
    if request.param == "fake":
        return FakeStand()
    return WeChatStand(sim, session) if request.param == "wechat" else AlipayStand(sim, session)


@pytest.fixture(params=["wechat", "alipay"])
def simulated(request: pytest.FixtureRequest, sim: Simulators, session: aiohttp.ClientSession) -> Any:
    return WeChatStand(sim, session) if request.param == "wechat" else AlipayStand(sim, session)


def an_order(stand: Stand, number: str = "P20261121CONTRACT0000001") -> ChannelOrder:
    draft = ChannelOrder(
        out_trade_no=number,
        description="居民身份证 换领工本费",
        amount_fen=2000,
        app_id=stand.app_id,
        mch_id=stand.mch_id,
        sub_mch_id="",
        payer_subject=stand.payer,
        expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30),
    )
    return draft.with_request(stand.channel.prepare(draft))


async def opened(stand: Stand) -> tuple[ChannelOrder, str]:
    order = an_order(stand)
    return order, (await stand.channel.open(order)).prepay_reference


async def paid(stand: Stand) -> tuple[ChannelOrder, Raw]:
    order, reference = await opened(stand)
    return order, await stand.pay(order, reference)


async def test_order_that_was_never_placed_is_known_as_such(stand: Stand) -> None:
    order = an_order(stand)
    assert (await stand.channel.query(order)).standing is Standing.NOT_PLACED
    assert await stand.channel.close(order) is Standing.NOT_PLACED


async def test_open_twice_is_one_unpaid_order(stand: Stand) -> None:
    order, _ = await opened(stand)
    again = await stand.channel.open(order)
    state = await stand.channel.query(order)
    assert (state.standing, state.paid) == (Standing.UNPAID, None)
    assert again.prepay_until > datetime.now(UTC)
    assert stand.channel.phone_parameters(order, again.prepay_reference)


async def test_open_with_other_words_is_refused(stand: Stand) -> None:
    order, _ = await opened(stand)
    other = replace(order, amount_fen=2001)
    with pytest.raises(ProviderRejected):
        await stand.channel.open(other.with_request(stand.channel.prepare(other)))


async def test_callback_and_question_name_one_event(stand: Stand) -> None:
    order, raw = await paid(stand)
    told = stand.channel.parse_callback(*raw)
    state = await stand.channel.query(order)
    assert state.standing is Standing.PAID
    assert isinstance(told, PaymentNotified)
    assert state.paid is not None
    same = (
        "provider",
        "event_key",
        "occurred_at",
        "out_trade_no",
        "provider_trade_no",
        "app_id",
        "mch_id",
        "amount_fen",
    )
    assert [getattr(told, name) for name in same] == [getattr(state.paid, name) for name in same]
    assert (told.app_id, told.mch_id, told.amount_fen, told.currency) == (stand.app_id, stand.mch_id, 2000, "CNY")
    assert stand.payer in told.payer_subjects
    assert stand.payer in state.paid.payer_subjects


async def test_changed_callback_is_refused(stand: Stand) -> None:
    _, (headers, body) = await paid(stand)
    forged = {**headers, "signature": "forged"} if isinstance(stand, FakeStand) else headers
    with pytest.raises(CallbackRejected):
        stand.channel.parse_callback(forged, body[:-2] + bytes([body[-2] ^ 1]) + body[-1:])
    with pytest.raises(CallbackRejected):
        stand.channel.parse_callback({}, b"")


async def test_closed_order_stays_closed_and_cannot_be_opened(stand: Stand) -> None:
    order, _ = await opened(stand)
    assert await stand.channel.close(order) is Standing.CLOSED
    assert await stand.channel.close(order) is Standing.CLOSED
    assert (await stand.channel.query(order)).standing is Standing.CLOSED
    with pytest.raises(ProviderRejected):
        await stand.channel.open(order)


async def test_paid_order_cannot_be_closed_or_opened(stand: Stand) -> None:
    order, _ = await paid(stand)
    assert await stand.channel.close(order) is Standing.PAID
    with pytest.raises(ProviderRejected):
        await stand.channel.open(order)


@pytest.mark.parametrize("call", ["open", "close"])
async def test_lost_answer_is_unknown_and_the_question_tells(stand: Stand, call: str) -> None:
    order = an_order(stand)
    if call == "close":
        await stand.channel.open(order)
    stand.lose_answers(call)
    with pytest.raises(ProviderUnavailable) as unknown:
        await (stand.channel.open(order) if call == "open" else stand.channel.close(order))
    assert unknown.value.details.get("nothing_sent") is not True
    stand.heal()
    expected = Standing.UNPAID if call == "open" else Standing.CLOSED
    assert (await stand.channel.query(order)).standing is expected


async def test_refund_by_our_number_happens_once(stand: Stand) -> None:
    order, _ = await paid(stand)
    refund = RefundOrder(out_refund_no="R20261121CONTRACT0000001", amount_fen=500, reason="多缴", order=order)
    assert await stand.channel.query_refund(refund) is None
    for _ in range(2):
        event = await stand.channel.refund(refund)
        assert (event.out_refund_no, event.amount_fen) == (refund.out_refund_no, 500)
        assert event.move in (RefundMove.ACCEPT, RefundMove.SUCCEED)
    if isinstance(stand, WeChatStand):
        path = f"/wechat_pay/refunds/{refund.out_refund_no}/finish"
        await asyncio.to_thread(stand.sim.control, "POST", path, {"result": "SUCCESS"})
        told = stand.channel.parse_callback(*await stand.received(2))
        assert isinstance(told, RefundNotified)
        assert (told.move, told.amount_fen, told.mch_id) == (RefundMove.SUCCEED, 500, stand.mch_id)
    asked = await stand.channel.query_refund(refund)
    assert asked is not None
    assert (asked.move, asked.amount_fen) == (RefundMove.SUCCEED, 500)
    assert (await stand.channel.query(order)).standing is Standing.PAID, "a refunded order was paid"


async def test_refund_calls_of_an_order_keep_their_distance(stand: Stand) -> None:
    least = {WeChatStand: (60, 60), AlipayStand: (3, 10)}.get(type(stand), (0, 0))
    assert stand.channel.refund_spacing >= timedelta(seconds=least[0])
    assert stand.channel.refund_question_after >= timedelta(seconds=least[1])
    assert stand.channel.refund_spacing < timedelta(minutes=5), "many parts of one payment must come to an end"


async def test_bank_that_gives_a_refund_back_is_heard_of_by_question(
    sim: Simulators, session: aiohttp.ClientSession
) -> None:
    stand = AlipayStand(sim, session)
    order, _ = await paid(stand)
    refund = RefundOrder(out_refund_no="R20261121CONTRACT0000003", amount_fen=500, reason="多缴", order=order)
    await stand.channel.refund(refund)
    path = f"/alipay/trades/{order.out_trade_no}/refunds/{refund.out_refund_no}/deposit-back"
    moves = {"P": RefundMove.ACCEPT, "F": RefundMove.BOUNCE, "S": RefundMove.SUCCEED}
    for status, move in moves.items():
        sim.sink.clear()
        await asyncio.to_thread(sim.control, "POST", path, {"status": status})
        told = await stand.channel.query_refund(refund)
        assert told is not None
        assert (told.move, told.amount_fen, told.tells_of_bank) == (move, 500, True)
        raw = await asyncio.to_thread(sim.sink.wait_for, f"{stand.callback_path}/gateway")
        message = AlipayPlatformGateway(stand.app).parse_message(raw[-1].body)
        assert message.deposit_back == DepositBack(
            out_trade_no=order.out_trade_no, out_refund_no=refund.out_refund_no, move=str(move), amount_fen=500
        )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"out_trade_no": "P1"}, ("P1", "", "", None)),
        ({"out_trade_no": "P1", "out_request_no": "R1", "dback_status": "X"}, ("P1", "R1", "", None)),
        ({"out_trade_no": "P1", "dback_status": "F", "dback_amount": "many"}, ("P1", "", "bounce", None)),
        ({"out_trade_no": "P1", "out_request_no": ["R1"], "dback_amount": "5.00"}, ("P1", "", "", 500)),
        ({"out_trade_no": "P1", "dback_status": None, "dback_amount": 5}, ("P1", "", "", 500)),
        ({"out_request_no": "R1", "dback_status": "F"}, None),
        ({}, None),
    ],
)
async def test_message_of_a_bank_is_read_as_far_as_it_can_be(
    sim: Simulators,
    session: aiohttp.ClientSession,
    content: dict[str, Any],
    expected: tuple[str, str, str, int | None] | None,
) -> None:
    stand = AlipayStand(sim, session)
    sent = {"msg_method": "alipay.trade.refund.depositback.completed", "biz_content": content}
    await asyncio.to_thread(sim.control, "POST", "/alipay/gateway-messages", sent)
    raw = await asyncio.to_thread(sim.sink.wait_for, f"{stand.callback_path}/gateway")
    told = AlipayPlatformGateway(stand.app).parse_message(raw[-1].body).deposit_back
    assert (told and (told.out_trade_no, told.out_refund_no, told.move, told.amount_fen)) == expected


async def test_unsigned_answer_is_never_believed(simulated: SimulatedStand) -> None:
    order, _ = await paid(simulated)  # type: ignore[arg-type]  # both stands have the protocol's shape
    for call, kind in (("query", "unsigned"), ("query", "wrong_signature")):
        simulated.fault(call, kind)
        with pytest.raises(ProviderProtocolError):
            await simulated.channel.query(order)  # type: ignore[attr-defined]  # as above
        simulated.heal()


async def test_probe_and_stale_notifications_are_refused(simulated: SimulatedStand) -> None:
    order, reference = await opened(simulated)  # type: ignore[arg-type]  # both stands have the protocol's shape
    await simulated.pay(order, reference)  # type: ignore[attr-defined]  # as above
    folder = "wechat_pay/orders" if isinstance(simulated, WeChatStand) else "alipay/trades"
    simulated.sim.sink.clear()
    body = {"notify": "wrong_signature"}
    await asyncio.to_thread(simulated.sim.control, "POST", f"/{folder}/{order.out_trade_no}/notify", body)
    raw = await simulated.received()
    with pytest.raises(CallbackRejected):
        simulated.channel.parse_callback(*raw)  # type: ignore[attr-defined]  # as above


async def test_alipay_refund_echo_is_a_hint_never_a_payment(sim: Simulators, session: aiohttp.ClientSession) -> None:
    stand = AlipayStand(sim, session)
    order, _ = await paid(stand)
    refund = RefundOrder(out_refund_no="R20261121CONTRACT0000002", amount_fen=2000, reason="撤销办理", order=order)
    await stand.channel.refund(refund)
    state = await stand.channel.query(order)
    assert state.provider_status == "TRADE_CLOSED"
    assert state.standing is Standing.PAID, "closed by a full refund means that money came"
    told = stand.channel.parse_callback(*await stand.received(2))
    assert isinstance(told, OrderHint)
    assert told.out_trade_no == order.out_trade_no


async def test_acknowledgement_is_the_providers_own(sim: Simulators, session: aiohttp.ClientSession) -> None:
    wechat, alipay = (
        WeChatStand(sim, session).channel.acknowledgement(),
        AlipayStand(sim, session).channel.acknowledgement(),
    )
    assert (wechat.status, wechat.body) == (204, b"")
    assert (alipay.status, alipay.body) == (200, b"success")
