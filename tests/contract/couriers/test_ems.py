"""EMS as a courier: what it says when it takes back a pick-up, and what a refused withdrawal then means."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from app.errors import ProviderRejected
from services.delivery.ports import COLLECTED
from services.delivery.states import ShipmentStatus, Sighting, derive
from tests.contract.couriers.ems_stand import EmsStand
from tests.contract.simulators.simulator_process import Simulators

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ems(platforms: Simulators) -> AsyncIterator[EmsStand]:
    platforms.control("POST", "/reset")
    platforms.sink.clear()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield EmsStand(platforms, session)


@pytest.mark.parametrize("road", ["207", "212", "203 207", "208 212", "203 207 208 212"])
async def test_withdrawal_that_is_refused_after_a_pick_up_was_taken_back_is_done(ems: EmsStand, road: str) -> None:
    parcel = await ems.booked()
    pushes = [push for code in road.split() for push in await ems.play(parcel, code)]
    told = [
        Sighting(each.status, each.occurred_at, confirmed=True, code=each.code, undoes=" ".join(each.undoes))
        for each in ems.events(pushes)
    ]
    assert derive(told).status is ShipmentStatus.REQUESTED, "by itself it ends nothing"
    await ems.courier.cancel(parcel, "改寄新单")


@pytest.mark.parametrize(("cargo", "kind"), [("文件", "1"), ("物品", "3")])
async def test_kind_of_content_follows_the_word_on_the_waybill(ems: EmsStand, cargo: str, kind: str) -> None:
    await ems.courier.book(ems.order(cargo=cargo))
    assert (await ems.control("GET", "/ems/orders"))[0]["content"] == kind


@pytest.mark.parametrize("road", ["203", "203 207 203", "212 208"])
async def test_withdrawal_of_what_was_picked_up_after_all_says_collected(ems: EmsStand, road: str) -> None:
    parcel = await ems.booked()
    for code in road.split():
        await ems.play(parcel, code)
    with pytest.raises(ProviderRejected) as refused:
        await ems.courier.cancel(parcel, "改寄新单")
    assert refused.value.provider_code == COLLECTED
