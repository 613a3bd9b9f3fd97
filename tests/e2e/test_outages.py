"""Database, Redis and our own processes gone in the middle of the day: honest answers, nothing lost, no restart."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import aiohttp
import psutil
import pytest

from app.embedded import EmbeddedPostgres, EmbeddedRedis
from demo.wire import Answer, until
from tests.e2e.conftest import Product, Surroundings
from tests.e2e.steps import STORY
from tests.e2e.walking import Doors
from tests.knocking import Heard, check_problem

pytestmark = pytest.mark.anyio
SOON_SECONDS = 2.5


@contextmanager
def _without_database(product: Product) -> Iterator[None]:
    server = psutil.Process(product.database_pid())
    server.send_signal(signal.SIGINT)
    limit = time.monotonic() + 60
    with suppress(psutil.NoSuchProcess):
        while server.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < limit, "the database does not stop"
            time.sleep(0.05)
    try:
        yield
    finally:
        EmbeddedPostgres(product.var).start()


@contextmanager
def _without_redis(product: Product) -> Iterator[None]:
    EmbeddedRedis(product.var).stop()
    try:
        yield
    finally:
        EmbeddedRedis(product.var).start()


async def _ready(product: Product, seconds: float = 120.0) -> float:
    """Wait until everything is well; return how long it took."""
    started = time.monotonic()
    while not await asyncio.to_thread(product.is_ready):
        assert time.monotonic() - started < seconds, product.readiness()
        await asyncio.sleep(0.1)
    return time.monotonic() - started


async def test_without_its_database_the_service_says_so_at_once_and_comes_back(
    scene: Surroundings, doors: Doors
) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    number = await applicant.submitted()
    soon = await _soon_seconds(scene)
    with _without_database(scene.product):
        assert (await scene.service.send("GET", "/healthz")).status == 200
        for route in doors.routes():
            if route.path in ("/api/v1/me", "/api/v1/applications", "/api/v1/notices", "/api/staff/v1/cases"):
                body = None if route.method == "GET" else b'{"item_code": "1"}'
                _check_unavailable(lambda r=route, b=body: doors.send(r, b), soon)
        await _check_crowd_is_answered(scene, soon)
        started = time.monotonic()
        ready = await scene.service.send("GET", "/readyz")
        assert time.monotonic() - started < soon
        assert (ready.status, ready.value["database"], ready.value["status"]) == (503, "away", "unavailable")
        assert int(ready.headers["Retry-After"]) > 0
    await _ready(scene.product)
    (await applicant.window.call("POST", f"/cases/{number}/accept", {})).expect(200)
    bill = await until("bill by the job runner", lambda: applicant.bill(number), bool)
    await applicant.tap(await applicant.order(bill["bill_no"]))
    await applicant.paid(number)


async def _soon_seconds(scene: Surroundings) -> float:
    """How long "at once" may take here: on a slow or busy machine everything takes longer, well or not."""
    phone = (await scene.applicant("wechat", "liu-yang")).phone
    started = time.monotonic()
    await asyncio.gather(*(phone.call("GET", "/applications") for _ in range(40)))
    return SOON_SECONDS + 2 * (time.monotonic() - started)


def _check_unavailable(ask: Callable[[], Heard], soon: float) -> None:
    started = time.monotonic()
    heard = ask()
    assert time.monotonic() - started < soon
    assert check_problem(heard, 503)["code"] == "service_unavailable"
    assert int(heard.headers["retry-after"]) > 0


async def _check_crowd_is_answered(scene: Surroundings, soon: float) -> None:
    """Forty at once: more than there are connections to the database."""
    phone = (await scene.applicant("wechat", "liu-yang")).phone
    started = time.monotonic()
    answers = await asyncio.gather(*(phone.call("GET", "/applications") for _ in range(40)))
    assert {answer.status for answer in answers} == {503}
    assert time.monotonic() - started < 2 * soon


async def test_without_redis_everything_goes_on(scene: Surroundings) -> None:
    with _without_redis(scene.product):
        ready = await until(
            "Redis away", lambda: scene.service.send("GET", "/readyz"), lambda answer: answer.value["redis"] == "away"
        )
        assert (ready.status, ready.value["status"]) == (200, "degraded")
        fresh = scene.phone("wechat", "zhao-min")
        await fresh.sign_in()
        (await fresh.call("GET", "/items?q=身份证")).expect(200)
        (await fresh.call("GET", f"/items/{STORY['item_code']}")).expect(200)
        applicant = await scene.applicant("alipay", "chen-jing")
        number, bill_no = await applicant.billed()
        await applicant.tap(await applicant.order(bill_no))
        await applicant.paid(number)
        await applicant.finished(number)
        (await fresh.call("POST", "/auth/logout")).expect(204)
        gone = await until("logout", lambda: fresh.call("GET", "/me"), lambda answer: answer.status == 401)
        assert gone.value["code"] == "token_revoked"
    await _ready(scene.product)
    await _check_live_events_arrive(scene)


async def _check_live_events_arrive(scene: Surroundings) -> None:
    """What happens in the first second may be told to nobody: the processes have to find each other again."""
    applicant = await scene.applicant("alipay", "chen-jing")
    await applicant.phone.listen(scene.session)

    async def told() -> bool:
        number = await applicant.submitted()
        await asyncio.sleep(0.5)
        return any(event.get("subject_no") == number for event in applicant.phone.seen)

    await until("live event", told, bool, seconds=60)
    applicant.phone.hang_up()


async def _persistently(ask: Callable[[], Awaitable[Answer]], *statuses: int) -> Any:
    """Ask as a phone on a bad line: again and again, until one of these statuses."""
    limit = time.monotonic() + 120
    while True:
        try:
            answer = await ask()
            if answer.status in statuses:
                return answer.value
            assert answer.status in (409, 503), answer.value
        except aiohttp.ClientError:
            answer = None
        assert time.monotonic() < limit, answer
        await asyncio.sleep(0.2)


async def test_killed_processes_in_the_middle_of_a_journey_lose_nothing(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    phone, product = applicant.phone, scene.product
    number = str((await applicant.draft())["application_no"])
    product.api_worker().kill()
    await _persistently(lambda: phone.call("POST", f"/applications/{number}/submit", {}), 200, 409)
    (await _persistently(lambda: applicant.window.call("POST", f"/cases/{number}/accept", {}), 200))
    (await product.job_runner()).kill()
    bill = await until("bill", lambda: applicant.bill(number), bool, seconds=120)
    wish = {"bill_no": bill["bill_no"], "channel": "WECHAT"}
    slow = {"provider": "wechat_pay", "call": "jsapi", "kind": "delay", "delay_seconds": 4, "times": 1}
    (await scene.control.send("POST", "/control/faults", value=slow)).expect(201)
    worker = product.api_worker()
    opening = asyncio.create_task(phone.call("POST", "/payments", wish))
    await asyncio.sleep(0.7)
    worker.kill()
    with pytest.raises(aiohttp.ClientError):
        await opening
    order = await _persistently(lambda: phone.call("POST", "/payments", wish), 201)
    paying = asyncio.create_task(applicant.tap(order))
    (await product.job_runner()).kill()
    await paying
    await until("paid", lambda: applicant.bill(number), lambda bill: bill["status"] == "CONFIRMED", seconds=120)
    await applicant.finished(number)
    await _ready(product)
    steps = (await phone.call("GET", f"/applications/{number}/timeline")).expect(200)["data"]
    titles = [step["title"] for step in steps]
    assert len(titles) == len(set(titles)), titles
