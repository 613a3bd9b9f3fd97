"""What only the adapter before the simulated platform can show: signatures, faults, regions, late fees, lists."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app import clock, metrics
from app.clock import beijing_date
from app.errors import ProviderProtocolError, ProviderUnavailable
from clients.breaker import Breaker
from clients.fiscal.client import FiscalClient
from clients.fiscal.wire import FiscalWire
from clients.rsa_keys import load_public_keys
from clients.transport import Transport
from payments.channels.fiscal import FiscalAdapter
from payments.fiscal.neutral import FiscalRefusal, FiscalStanding
from payments.fiscal.ports import FiscalRefused
from tests.contract.simulators.simulator_config import Keys

from .conftest import SimulatedStand
from .orders import a_payment, a_refund, an_order, confirmed, day_of, issued
from .test_fiscal_platform import CALLS, refusal_of

pytestmark = pytest.mark.anyio
NOT_GENUINE = ("unsigned", "wrong_signature", "stale", "rotated_key", "wrong_app")
DAY_SECONDS = 86_400


async def prepared(stand: SimulatedStand, call: str) -> Callable[[FiscalAdapter], Awaitable[object]]:
    """Return a call that would succeed."""
    platform = stand.platform
    if call == "reverse":
        payment = await confirmed(platform)
        return lambda adapter: adapter.reverse(a_refund(payment.payment_code))
    code = await issued(platform)
    return lambda adapter: CALLS[call](adapter, code)


@pytest.mark.parametrize("call", CALLS)
async def test_an_answer_that_is_not_proved_genuine_is_never_believed(simulated: SimulatedStand, call: str) -> None:
    ask = await prepared(simulated, call)
    for kind in NOT_GENUINE:
        await simulated.arm(call, kind)
        with pytest.raises(ProviderProtocolError) as refused:
            await ask(simulated.adapter())
        assert refused.value.details["reason"] in ("headers", "stale", "signature", "another_request")


@pytest.mark.parametrize("call", CALLS)
async def test_an_answer_of_another_region_is_never_believed(simulated: SimulatedStand, call: str) -> None:
    ask = await prepared(simulated, call)
    await simulated.arm(call, "wrong_merchant")
    with pytest.raises(ProviderProtocolError) as refused:
        await ask(simulated.adapter())
    assert refused.value.details["reason"] == "another_region"


@pytest.mark.parametrize("call", ["issue", "query", "confirm", "reverse", "list_day"])
async def test_a_wrong_amount_is_never_believed(simulated: SimulatedStand, call: str) -> None:
    ask = await prepared(simulated, call)
    await simulated.arm(call, "wrong_amount")
    with pytest.raises(ProviderProtocolError):
        await ask(simulated.adapter())


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", ["hang", "drop", "http"])
async def test_silence_and_5xx_are_unknown(simulated: SimulatedStand, call: str, kind: str) -> None:
    ask = await prepared(simulated, call)
    await simulated.arm(call, kind, -1)
    with pytest.raises(ProviderUnavailable) as unknown:
        await ask(simulated.adapter(timeout_seconds=0.4))
    assert unknown.value.details["nothing_sent"] is False


async def test_an_answer_that_comes_late_is_unknown_and_settled_by_a_repeat(simulated: SimulatedStand) -> None:
    payment = a_payment(await issued(simulated.platform))
    await simulated.arm("confirm", "delay", 1, delay_seconds=0.8)
    with pytest.raises(ProviderUnavailable):
        await simulated.adapter(timeout_seconds=0.3).confirm(payment)
    assert (await simulated.platform.confirm(payment)).confirmed_at is not None


async def test_one_lost_try_is_repeated_by_itself(simulated: SimulatedStand) -> None:
    payment = a_payment(await issued(simulated.platform))
    await simulated.arm("confirm", "drop_after")
    assert (await simulated.platform.confirm(payment)).confirmed_at is not None


async def test_nobody_there_proves_that_nothing_was_sent(simulated: SimulatedStand) -> None:
    nowhere = replace(simulated.account(), base_url="http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable) as unknown:
        await simulated.adapter(nowhere).issue(an_order())
    assert unknown.value.details["nothing_sent"] is True


async def test_the_breaker_spares_a_platform_that_is_away(
    simulated: SimulatedStand, session: aiohttp.ClientSession
) -> None:
    transport = Transport(session, "fiscal", breaker=Breaker(failure_threshold=2, open_seconds=60))
    adapter = FiscalAdapter(FiscalClient(FiscalWire(simulated.account(), transport)))
    await simulated.arm("query", "http", -1)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable) as unknown:
            await adapter.query("1" * 20)
    assert unknown.value.retry_after_seconds is not None
    calls: Any = await simulated.control("GET", "")
    assert calls["calls"]["fiscal"]["notice/query"] == 2


@pytest.mark.parametrize(
    ("code", "retryable"), [("NT9001", True), ("NT0003", True), ("NT0001", False), ("NT0002", False), ("X", False)]
)
async def test_refusals_say_whether_to_come_again(simulated: SimulatedStand, code: str, retryable: bool) -> None:
    await simulated.arm("query", "error", code=code)
    with pytest.raises(FiscalRefused) as refused:
        await simulated.platform.query("1" * 20)
    assert (refused.value.refusal, refused.value.retryable) == (FiscalRefusal.OTHER, retryable)
    assert (refused.value.provider, refused.value.provider_code) == ("fiscal", code)


async def test_the_platforms_system_error_is_unknown(simulated: SimulatedStand) -> None:
    await simulated.arm("confirm", "error", code="NT9999")
    with pytest.raises(ProviderUnavailable) as unknown:
        await simulated.platform.confirm(a_payment(await issued(simulated.platform)))
    assert unknown.value.details["nothing_sent"] is False


async def test_a_key_that_the_platform_does_not_know_is_refused(simulated: SimulatedStand) -> None:
    key = load_pem_private_key(simulated.sim.keys.private["merchant"].encode(), None)
    assert isinstance(key, RSAPrivateKey)
    with pytest.raises(FiscalRefused) as refused:
        await simulated.adapter(replace(simulated.account(), private_key=key)).query("1" * 20)
    assert refused.value.provider_code == "NT0002"
    with pytest.raises(FiscalRefused) as refused:
        await simulated.adapter(replace(simulated.account(), app_id="NOBODY")).query("1" * 20)
    assert refused.value.provider_code == "NT0004"


async def test_an_app_asks_only_for_its_own_region(simulated: SimulatedStand) -> None:
    with pytest.raises(FiscalRefused) as refused:
        await simulated.adapter(simulated.account(region="130000")).issue(an_order())
    assert refused.value.provider_code == "NT0005"


async def test_a_region_with_shorter_codes_has_its_own_bills(simulated: SimulatedStand) -> None:
    other = simulated.adapter(simulated.account("SJTTEST130000", "130000", 16))
    code = await issued(other)
    assert len(code) == 16
    assert await simulated.platform.query(code) is None
    assert await other.query(await issued(simulated.platform)) is None
    payment = await confirmed(other)
    assert [entry.payment_code for entry in await day_of(other)] == [payment.payment_code]
    assert await day_of(simulated.platform) == []


async def test_a_code_of_another_length_than_the_regions_is_not_believed(simulated: SimulatedStand) -> None:
    with pytest.raises(ProviderProtocolError):
        await simulated.adapter(simulated.account(code_length=18)).issue(an_order())


async def test_answers_are_believed_from_both_keys_while_the_platform_changes_them(simulated: SimulatedStand) -> None:
    keys = Keys()
    keys.make("next")
    both = load_public_keys((keys.public["next"] + simulated.sim.keys.public["fiscal"]).encode())
    assert len(both) == 2
    code = await issued(simulated.adapter(replace(simulated.account(), platform_keys=both)))
    with pytest.raises(ProviderProtocolError):
        await simulated.adapter(replace(simulated.account(), platform_keys=both[:1])).query(code)


async def test_late_fee_grows_daily_after_the_due_day(simulated: SimulatedStand) -> None:
    code = await issued(simulated.platform, due_on=beijing_date() + timedelta(days=2))
    grown = []
    for days in (0, 2, 3, 4, 34):
        await simulated.control("PUT", "/clock", {"offset_seconds": days * DAY_SECONDS})
        bill = await simulated.platform.query(code)
        assert bill is not None
        assert bill.amount_fen == 2000 + bill.late_fee_fen
        grown.append(bill.late_fee_fen)
    assert grown == [0, 0, 1, 2, 32]
    # What counts is the day of payment, not of confirmation.
    paid_at = datetime.now(UTC) + timedelta(days=4)
    assert await refusal_of(simulated.platform.confirm(a_payment(code, 2032, paid_at=paid_at))) is (
        FiscalRefusal.AMOUNT_DIFFERS
    )
    assert (await simulated.platform.confirm(a_payment(code, 2002, paid_at=paid_at))).confirmed_at is not None


async def test_late_fee_never_exceeds_the_sum(simulated: SimulatedStand) -> None:
    code = await issued(simulated.platform, due_on=beijing_date() - timedelta(days=3650))
    bill = await simulated.platform.query(code)
    assert bill is not None
    assert bill.late_fee_fen == 2000


async def test_held_steps_end_with_the_platforms_time(simulated: SimulatedStand) -> None:
    await simulated.control("POST", "/fiscal/hold", {"confirm_seconds": 30, "receipt_seconds": 60})
    payment = a_payment(await issued(simulated.platform))
    assert (await simulated.platform.confirm(payment)).confirmed_at is None
    await simulated.control("PUT", "/clock", {"offset_seconds": 31})
    assert (await simulated.platform.confirm(payment)).confirmed_at is not None
    assert await simulated.platform.receipt(payment.payment_code) is None
    await simulated.control("PUT", "/clock", {"offset_seconds": 91})
    assert await simulated.platform.receipt(payment.payment_code) is not None


async def test_a_status_that_no_table_knows_decides_nothing(simulated: SimulatedStand) -> None:
    payment = await confirmed(simulated.platform)
    before = metrics.UNKNOWN_CODES.labels("fiscal")._value.get()
    bill = await simulated.adapter(paid_status="9").query(payment.payment_code)
    assert bill is not None
    assert (bill.standing, bill.provider_status) == (FiscalStanding.UNRECOGNISED, "1")
    assert metrics.UNKNOWN_CODES.labels("fiscal")._value.get() == before + 1


async def test_a_list_does_not_move_while_it_is_read(simulated: SimulatedStand) -> None:
    payments = [await confirmed(simulated.platform) for _ in range(5)]
    reading = simulated.adapter(page_size=2).list_day(beijing_date())
    first = await anext(reading)
    await confirmed(simulated.platform)
    rest = [entry async for entry in reading]
    assert [entry.reference_no for entry in (first, *rest)] == [payment.out_trade_no for payment in payments]
    calls: Any = await simulated.control("GET", "")
    assert calls["calls"]["fiscal"]["statement/list"] == 3
    assert len(await day_of(simulated.platform)) == 6


async def test_a_list_whose_head_differs_raises_at_its_end(simulated: SimulatedStand) -> None:
    await confirmed(simulated.platform)
    await simulated.control("POST", "/fiscal/statement", {"tear": beijing_date().isoformat()})
    reading = simulated.platform.list_day(beijing_date())
    assert (await anext(reading)).amount_fen == 2000
    with pytest.raises(ProviderProtocolError):
        await anext(reading)
    await simulated.control("DELETE", "/fiscal/statement")
    assert len(await day_of(simulated.platform)) == 1


async def test_lists_can_be_made_to_differ(simulated: SimulatedStand) -> None:
    payment = await confirmed(simulated.platform)
    await simulated.control("POST", "/fiscal/statement", {"alter": payment.out_trade_no, "amount_fen": 1900})
    await simulated.control("POST", "/fiscal/statement", {"add": {"reference_no": "FOREIGN1", "amount_fen": 700}})
    listed = {entry.reference_no: entry.amount_fen for entry in await day_of(simulated.platform)}
    assert listed == {payment.out_trade_no: 1900, "FOREIGN1": 700}


async def test_a_failing_page_ends_the_list_with_an_error(simulated: SimulatedStand) -> None:
    for _ in range(3):
        await confirmed(simulated.platform)
    reading = simulated.platform.list_day(beijing_date())
    await anext(reading)
    await simulated.arm("list_day", "http", -1)
    with pytest.raises(ProviderUnavailable):
        _ = [entry async for entry in reading]


async def test_a_day_is_beijings(simulated: SimulatedStand) -> None:
    tomorrow = clock.beijing_date() + timedelta(days=1)
    await simulated.control("PUT", "/clock", {"offset_seconds": DAY_SECONDS})
    payment = await confirmed(simulated.platform)
    assert await day_of(simulated.platform) == []
    (entry,) = await day_of(simulated.platform, tomorrow)
    assert (entry.reference_no, beijing_date(entry.booked_at)) == (payment.out_trade_no, tomorrow)


async def test_a_receipts_link_opens_a_document(simulated: SimulatedStand, session: aiohttp.ClientSession) -> None:
    payment = await confirmed(simulated.platform)
    receipt = await simulated.platform.receipt(payment.payment_code)
    assert receipt is not None
    async with session.get(receipt.url) as answer:
        body = await answer.read()
    assert (answer.status, answer.content_type, body[:5]) == (200, "application/pdf", b"%PDF-")
    assert receipt.number.encode("utf-16-be").hex().encode() in body
    async with session.get(receipt.url.replace(".pdf", "0.pdf")) as missing:
        assert missing.status == 404


async def test_ten_repeats_at_once_issue_one_red_letter(simulated: SimulatedStand) -> None:
    refund = a_refund((await confirmed(simulated.platform)).payment_code, 2000)
    answers = await asyncio.gather(*(simulated.platform.reverse(refund) for _ in range(10)))
    assert len({each.receipt.number for each in answers if each.receipt}) == 1
    assert len(await day_of(simulated.platform)) == 2
