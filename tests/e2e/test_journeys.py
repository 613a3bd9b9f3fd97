"""The two citizens' journeys and the money part of the demonstration, over HTTP between separate processes."""

from __future__ import annotations

import pytest
from rich.console import Console

from demo.journey import Journey, check_one_person_on_both_platforms
from demo.money import Money
from demo.payer import Payer
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import STORY

pytestmark = pytest.mark.anyio


async def _play(scene: Surroundings, platform: str, key: str) -> str:
    window, reviewer = await scene.counter("window-xiaodian"), await scene.counter("reviewer-xiaodian")
    phone = scene.phone(platform, key)
    journey = Journey(phone, window, reviewer, scene.control, STORY, scene.session, Console(quiet=True))
    return await journey.play()


async def test_wechat_citizen_gets_the_licence_and_is_the_same_person_on_alipay(scene: Surroundings) -> None:
    number = await _play(scene, "wechat", "zhang-wei")
    first, second = scene.phone("wechat", "zhang-wei"), scene.phone("alipay", "zhang-wei")
    await check_one_person_on_both_platforms(first, second, number, Console(quiet=True))


async def test_alipay_citizen_gets_the_licence(scene: Surroundings) -> None:
    await _play(scene, "alipay", "li-na")


async def test_money_part_of_the_demonstration_holds(scene: Surroundings) -> None:
    window = await scene.counter("window-xiaodian")
    cashier, second = await scene.counter("cashier"), await scene.counter("cashier-second")
    payer = Payer(scene.phone("wechat", "zhang-wei"), scene.phone("alipay", "zhang-wei"), window, STORY)
    await Money(payer, cashier, second, scene.control, STORY, Console(quiet=True)).play()
