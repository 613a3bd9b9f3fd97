"""The two citizens' journeys of the demonstration, over HTTP between separate processes."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from demo.journey import Journey, check_one_person_on_both_platforms
from tests.e2e.conftest import ROOT, Surroundings

pytestmark = pytest.mark.anyio


async def _play(scene: Surroundings, platform: str, key: str) -> str:
    story = json.loads((ROOT / "data" / "demo.json").read_text(encoding="utf-8"))
    window, reviewer = await scene.counter("window-xiaodian"), await scene.counter("reviewer-xiaodian")
    phone = scene.phone(platform, key)
    journey = Journey(phone, window, reviewer, scene.control, story, scene.session, Console(quiet=True))
    return await journey.play()


async def test_wechat_citizen_gets_the_licence_and_is_the_same_person_on_alipay(scene: Surroundings) -> None:
    number = await _play(scene, "wechat", "zhang-wei")
    first, second = scene.phone("wechat", "zhang-wei"), scene.phone("alipay", "zhang-wei")
    await check_one_person_on_both_platforms(first, second, number, Console(quiet=True))


async def test_alipay_citizen_gets_the_licence(scene: Surroundings) -> None:
    await _play(scene, "alipay", "li-na")
