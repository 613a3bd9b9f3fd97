"""Notices and the console in the running product: the demonstration's fourth part."""

from __future__ import annotations

import pytest
from rich.console import Console

from demo.consulting import Consulting
from demo.mass_push import MassPush
from demo.narrator import Narrator
from demo.newcomer import Newcomer
from demo.notices import Notices
from demo.person import Person
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import STORY

pytestmark = pytest.mark.anyio
CROWD = (("wechat", "liu-yang"), ("wechat", "wang-fang"), ("alipay", "li-na"), ("wechat", "zhao-min"))


def _narrator() -> Narrator:
    return Narrator(Console(quiet=True))


async def test_people_are_told_and_answered_as_the_demonstration_shows(scene: Surroundings) -> None:
    citizen, window = Person(scene.phone("wechat", "zhao-min")), await scene.counter("window-xiaodian")
    number = await Notices(citizen, window, scene.control, STORY, scene.session, _narrator()).play()
    province = await scene.counter("approver")
    await Consulting(citizen.phone, province, window, scene.control, _narrator()).play(number)


async def test_two_people_send_a_mass_push_as_the_demonstration_shows(scene: Surroundings) -> None:
    crowd = [Person(scene.phone(platform, key)) for platform, key in CROWD]
    author, second = await scene.counter("publisher"), await scene.counter("approver")
    await MassPush(author, second, crowd, _narrator()).play()


async def test_newcomer_starts_and_the_trail_holds_as_the_demonstration_shows(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    number = await applicant.submitted()
    administrator, auditor = await scene.counter("admin"), await scene.counter("auditor")
    for _ in range(2):
        await Newcomer(administrator, auditor, scene.service, _narrator()).play(number)
