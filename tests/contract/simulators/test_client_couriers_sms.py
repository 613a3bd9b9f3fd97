"""Our SF and SMS clients against their simulators: two sides that share no code agree on every journey and fault."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from app.errors import ProviderRejected, ProviderUnavailable
from clients.couriers.sf import push
from clients.couriers.sf.client import SfClient
from clients.couriers.sf.codes import SfProblem, problem_of
from clients.couriers.sf.types import FilterResult, PayMethod, SfAccount, SfContact, SfOrder
from clients.sms import aliyun, tencent
from clients.sms.aliyun import AliyunSms, AliyunSmsAccount
from clients.sms.problems import SmsProblem
from clients.sms.problems import problem_of as sms_problem_of
from clients.sms.tencent import TencentSms, TencentSmsAccount
from clients.transport import Transport

pytestmark = pytest.mark.anyio
WINDOW = SfContact("政务大厅", "13800000002", "山西省", "太原市", "小店区", "测试街2号")
CITIZEN = SfContact("测试甲", "13800000001", "山西省", "大同市", "平城区", "测试路1号")
ORDER = SfOrder("ZT1", WINDOW, CITIZEN, "证照", PayMethod.SENDER)
PUSH_PATH = "/callbacks/sf/sf-token"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def sf(sim: Any, session: aiohttp.ClientSession) -> SfClient:
    account = SfAccount("SJTTEST", "c" * 32, "7551234567", f"{sim.url('sf')}/std/service")
    return SfClient(account, Transport(session, "sf"))


def fault(sim: Any, provider: str, call: str, kind: str, **more: Any) -> None:
    sim.control("POST", "/faults", {"provider": provider, "call": call, "kind": kind} | more)


async def test_parcel_is_ordered_moved_and_followed(sf: SfClient, sim: Any) -> None:
    placed = await sf.create_order(ORDER)
    assert placed.waybill_no.startswith("SF")
    assert await sf.search_order("ZT1") == placed
    sim.sink.answers[PUSH_PATH] = [(200, push.acknowledgement(b"{}", accepted=True).decode())] * 20
    sim.control("POST", "/sf/orders/ZT1/move", {"to": "delivered"})
    pushed = [event for sent in sim.sink.wait_for(PUSH_PATH, 8) for event in push.read_push(sent.body).routes]
    queried = await sf.routes_of_order("ZT1")
    assert [event.op_code for event in queried] == [event.op_code for event in pushed]
    assert "80" in [event.op_code for event in queried]
    assert [event.happened_at for event in queried] == sorted(event.happened_at for event in pushed)
    assert {(event.order_id, event.waybill_no) for event in pushed} == {("ZT1", placed.waybill_no)}
    assert len({event.event_id for event in pushed}) == len(pushed)
    assert await sf.routes_of_waybills([placed.waybill_no], phone_tail="0001") == queried


async def test_repeated_order_number_gives_the_first_order_back(sf: SfClient, sim: Any) -> None:
    placed = await sf.create_order(ORDER)
    assert await sf.create_order(replace(ORDER, cargo_name="其他")) == placed


async def test_order_whose_answer_got_lost_is_found(sf: SfClient, sim: Any) -> None:
    fault(sim, "sf", "EXP_RECE_CREATE_ORDER", "drop_after")
    with pytest.raises(ProviderUnavailable):
        await sf.create_order(ORDER)
    assert (await sf.search_order("ZT1")).waybill_no.startswith("SF")


async def test_read_whose_answer_got_lost_is_answered_all_the_same(sf: SfClient, sim: Any) -> None:
    placed = await sf.create_order(ORDER)
    fault(sim, "sf", "EXP_RECE_SEARCH_ORDER_RESP", "drop_after")
    assert await sf.search_order("ZT1") == placed


async def test_order_is_cancelled_once_and_not_after_collection(sf: SfClient, sim: Any) -> None:
    await sf.create_order(ORDER)
    await sf.cancel_order("ZT1")
    await sf.cancel_order("ZT1")
    await sf.create_order(replace(ORDER, order_id="ZT2"))
    sim.control("POST", "/sf/orders/ZT2/move", {"to": "picked_up", "push": False})
    with pytest.raises(ProviderRejected):
        await sf.cancel_order("ZT2")


async def test_refusals_of_sf_are_told_apart(sf: SfClient, sim: Any) -> None:
    with pytest.raises(ProviderRejected) as unknown:
        await sf.search_order("NEVER")
    assert problem_of(unknown.value.provider_code) is SfProblem.NOT_FOUND
    with pytest.raises(ProviderRejected) as faulty:
        await sf.create_order(replace(ORDER, receiver=replace(CITIZEN, address="")))
    assert problem_of(faulty.value.provider_code) is SfProblem.ADDRESS
    fault(sim, "sf", "EXP_RECE_CREATE_ORDER", "error", code="A1005")
    with pytest.raises(ProviderRejected) as busy:
        await sf.create_order(ORDER)
    assert busy.value.retryable


async def test_wrong_check_word_is_a_matter_of_configuration(sim: Any, session: aiohttp.ClientSession) -> None:
    account = SfAccount("SJTTEST", "x" * 32, "7551234567", f"{sim.url('sf')}/std/service")
    with pytest.raises(ProviderRejected) as refused:
        await SfClient(account, Transport(session, "sf")).create_order(ORDER)
    assert (refused.value.provider_code, problem_of("A1006")) == ("A1006", SfProblem.CONFIGURATION)


async def test_reach_and_price_are_known_before_ordering(sf: SfClient, sim: Any) -> None:
    assert (await sf.check_reach(WINDOW, CITIZEN)).result is FilterResult.SERVED
    far = await sf.check_reach(WINDOW, replace(CITIZEN, address="超范围村1号"))
    assert far.result is FilterResult.NOT_SERVED
    [estimate] = await sf.estimate(WINDOW, CITIZEN, express_type_id=2)
    assert (estimate.business_type, estimate.fee_fen) == ("2", 1800)
    assert estimate.arrives_at is not None
    assert len(await sf.estimate(WINDOW, CITIZEN)) == 2


@pytest.fixture
def aliyun_sms(sim: Any, session: aiohttp.ClientSession) -> AliyunSms:
    account = AliyunSmsAccount("AKIDTEST", "a" * 30, f"{sim.url('sms')}/")
    return AliyunSms(account, Transport(session, "aliyun_sms"))


@pytest.fixture
def tencent_sms(sim: Any, session: aiohttp.ClientSession) -> TencentSms:
    account = TencentSmsAccount("SECRETIDTEST", "k" * 32, "1400000001", endpoint=f"{sim.url('sms')}/")
    return TencentSms(account, Transport(session, "tencent_sms"))


async def send_aliyun(sender: AliyunSms, sign_name: str = "三晋通") -> str:
    values = {"item": "居住证", "no": "SJT1 +*~"}
    return await sender.send(
        "13800000001", sign_name=sign_name, template_code="SMS_100001", values=values, out_id="ATTEMPT1"
    )


async def send_tencent(sender: TencentSms, sign_name: str = "三晋通") -> str:
    return await sender.send(
        "13800000001", sign_name=sign_name, template_id="200001", values=["居住证", "SJT1"], session_context="ATTEMPT1"
    )


def shown(sim: Any) -> str:
    return json.dumps(sim.control("GET", "/messages?person=zhang-wei&channel=sms"), ensure_ascii=False)


async def test_aliyun_text_reaches_the_phone_and_is_receipted(aliyun_sms: AliyunSms, sim: Any) -> None:
    biz_id = await send_aliyun(aliyun_sms)
    assert "您的居住证已受理，编号SJT1 +*~。" in shown(sim)
    path = "/callbacks/sms/aliyun/aliyun-token"
    sim.sink.answers[path] = [(200, aliyun.RECEIPTS_ACCEPTED.decode())] * 3
    sim.control("POST", f"/sms/messages/{biz_id}/receipt", {"success": False, "err_code": "MOBILE_OFF"})
    receipts = [each for sent in sim.sink.wait_for(path) for each in aliyun.read_receipts(sent.body)]
    failed = [each for each in receipts if not each.delivered]
    assert [(each.biz_id, each.out_id, each.error_code) for each in failed] == [(biz_id, "ATTEMPT1", "MOBILE_OFF")]
    assert failed[0].phone == "13800000001"


async def test_tencent_text_reaches_the_phone_and_is_receipted(tencent_sms: TencentSms, sim: Any) -> None:
    serial_no = await send_tencent(tencent_sms)
    assert "您的居住证已受理，编号SJT1。" in shown(sim)
    path = "/callbacks/sms/tencent/tencent-token"
    sim.sink.answers[path] = [(200, tencent.RECEIPTS_ACCEPTED.decode())] * 3
    sim.control("POST", f"/sms/messages/{serial_no}/receipt", {"success": True})
    receipts = [each for sent in sim.sink.wait_for(path) for each in tencent.read_receipts(sent.body)]
    assert (receipts[-1].serial_no, receipts[-1].delivered) == (serial_no, True)


async def test_unapproved_signature_is_a_matter_of_configuration(
    aliyun_sms: AliyunSms, tencent_sms: TencentSms, sim: Any
) -> None:
    with pytest.raises(ProviderRejected) as first:
        await send_aliyun(aliyun_sms, "别的名字")
    with pytest.raises(ProviderRejected) as second:
        await send_tencent(tencent_sms, "别的名字")
    assert {sms_problem_of(first.value), sms_problem_of(second.value)} == {SmsProblem.CONFIGURATION}


async def test_wrong_secret_is_refused_by_both(sim: Any, session: aiohttp.ClientSession) -> None:
    one = AliyunSms(AliyunSmsAccount("AKIDTEST", "x" * 30, f"{sim.url('sms')}/"), Transport(session, "aliyun_sms"))
    other = TencentSmsAccount("SECRETIDTEST", "x" * 32, "1400000001", endpoint=f"{sim.url('sms')}/")
    with pytest.raises(ProviderRejected, match="provider_rejected"):
        await send_aliyun(one)
    with pytest.raises(ProviderRejected) as refused:
        await send_tencent(TencentSms(other, Transport(session, "tencent_sms")))
    assert refused.value.provider_code.startswith("AuthFailure")


async def test_limit_and_outage_are_told_apart(aliyun_sms: AliyunSms, tencent_sms: TencentSms, sim: Any) -> None:
    fault(sim, "sms", "*", "error", code="isv.BUSINESS_LIMIT_CONTROL")
    with pytest.raises(ProviderRejected) as limited:
        await send_aliyun(aliyun_sms)
    assert sms_problem_of(limited.value) is SmsProblem.LIMIT
    fault(sim, "sms", "*", "drop_after", times=2)
    with pytest.raises(ProviderUnavailable):
        await send_aliyun(aliyun_sms)
    with pytest.raises(ProviderUnavailable):
        await send_tencent(tencent_sms)
