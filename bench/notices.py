"""The delivery of a campaign's batch against a bare client that posts the same bodies to the same simulator.

Both run one after the other in a process of their own on the core of the servers; the simulator has the other core.
`python -m bench.notices` measures this alone; `python -m bench` has it as one of its lines.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import uvloop

from app import db, start, wiring
from app.clock import now
from app.ids import new_id
from app.settings import Settings
from app.worker import COLLECTED_AFTER
from bench.engines import ROOT, engines
from bench.report import Pair
from bench.servers import cores
from notify import notices_repository
from notify.channels.wechat import fitted
from notify.notices_repository import NewNotice
from notify.render import filled, filled_all
from notify.states import lease
from notify.templates import Template, read_templates

_CODE, _PEOPLE, _AT_ONCE, _BATCH = "application.submitted", 1000, 50, 500
_VARIABLES = {"item_name": "居民身份证换领", "time": "2026-11-22 09:00", "subject_no": "A20261122BENCH"}
_NOTICES = 4_000
"""So many that opening links and planning statements, which a process does once, does not weigh on each."""


def pairs(settings: Settings, rounds: int, notices: int = _NOTICES) -> list[Pair]:
    """Measure so many alternations of so many notices each, after one to warm up."""
    (folder := settings.var / "notices").mkdir(exist_ok=True)
    _add_people(settings)
    with start.simulators(ROOT, settings), _pinned():
        openids = [_openid(settings, number) for number in range(_PEOPLE)]
        job = folder / "bodies.json"
        job.write_text(json.dumps(_bodies(openids, notices), ensure_ascii=False))
        asyncio.run(_seed_people(settings, openids))
        found = []
        for _ in range(rounds + 1):
            campaign_id = asyncio.run(_seed_campaign(settings, notices))
            found.append(Pair(_run("post", str(job)), _run("deliver", campaign_id.hex)))
    return found[1:]


def _run(what: str, argument: str) -> float:
    environment = os.environ | {"SJT_NOTICE_RATE_WECHAT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "bench.notices", what, argument],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout.split()[-1])


def _add_people(settings: Settings) -> None:
    config = settings.var.resolve() / "keys" / "simulators.json"
    content = json.loads(config.read_text(encoding="utf-8"))
    pattern = content["people"][0]
    content["people"] += [
        pattern | {"key": f"bench-{number}", "id_number": _id_number(number), "phone": f"139{number:08}"}
        for number in range(_PEOPLE)
    ]
    config.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _id_number(number: int) -> str:
    digits = f"1401051980010{number:04}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


@contextmanager
def _pinned() -> Iterator[None]:
    """Keep the simulators to the core of the load."""
    if (chosen := cores()) is not None:
        for child in psutil.Process().children():
            if "simulators" in child.cmdline():
                os.sched_setaffinity(child.pid, {chosen[1]})
    yield


def _openid(settings: Settings, number: int) -> str:
    """The person signs in and agrees for good; what the platform counts is not what is measured."""
    query = f"appid={settings.wechat_app_id}&secret={settings.wechat_app_secret}&js_code=demo-bench-{number}"
    url = f"{settings.wechat_api_base}/sns/jscode2session?{query}&grant_type=authorization_code"
    with urllib.request.urlopen(url) as answer:
        openid = str(json.loads(answer.read())["openid"])
    body = {"person": f"bench-{number}", "template_id": _template_id(), "long_term": True, "push": False}
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.sim_port}/control/wechat/subscriptions", json.dumps(body).encode()
    )
    with urllib.request.urlopen(request):
        return openid


def _template() -> Template:
    return next(each for each in read_templates(ROOT / "data" / "templates.json") if each.code == _CODE)


def _template_id() -> str:
    return _template().bindings["WECHAT"].template_id


def _bodies(openids: list[str], notices: int) -> list[dict[str, Any]]:
    binding = _template().bindings["WECHAT"]
    data = {key: {"value": value} for key, value in fitted(filled_all(binding.fields, _VARIABLES)).items()}
    return [
        {
            "touser": openids[number % _PEOPLE],
            "template_id": binding.template_id,
            "data": data,
            "miniprogram_state": "formal",
            "lang": "zh_CN",
            "page": filled(binding.page, _VARIABLES),
        }
        for number in range(notices)
    ]


def _person(number: int) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"bench-{number}")


async def _seed_people(settings: Settings, openids: list[str]) -> None:
    link = await asyncpg.connect(settings.database_url)
    people = [_person(number) for number in range(_PEOPLE)]
    await link.execute(
        "INSERT INTO citizen (id, created_at, updated_at, status, real_name_level, name_masked, id_number_masked,"
        " phone_masked, preferences) SELECT id, now(), now(), 'ACTIVE', 'L1', '', '', '', '{\"quiet\": false}'"
        " FROM unnest($1::uuid[]) AS id",
        people,
    )
    await link.execute(
        "INSERT INTO identity (id, created_at, citizen_id, provider, app_id, subject, signed_in_at)"
        " SELECT id, now(), id, 'WECHAT', $2, openid, now() FROM unnest($1::uuid[], $3::varchar[]) AS one (id, openid)",
        people,
        settings.wechat_app_id,
        openids,
    )
    await link.close()


async def _seed_campaign(settings: Settings, notices: int) -> uuid.UUID:
    """Write a campaign's notices and a one-time permission for each."""
    campaign_id, at = new_id(), now()
    await db.start(settings.database_url)
    new = [
        NewNotice(
            dedupe_key=f"campaign:{campaign_id.hex}:{number}",
            occurred_at=at,
            citizen_id=_person(number % _PEOPLE),
            code=_CODE,
            version=1,
            title="申请已提交",
            text="内容",
            variables=_VARIABLES,
            campaign_id=campaign_id,
        )
        for number in range(notices)
    ]
    async with db.transaction() as tx:
        await notices_repository.record_many(tx, new)
        await tx.execute(
            "INSERT INTO subscription (id, created_at, citizen_id, identity_id, channel, template_id, kind, status)"
            " SELECT gen_random_uuid(), now(), id, id, 'WECHAT', $2, 'ONE_TIME', 'IN_STOCK'"
            " FROM unnest($1::uuid[]) AS id",
            [each.citizen_id for each in new],
            _template_id(),
        )
    await db.stop()
    return campaign_id


async def _deliver(settings: Settings, campaign_id: uuid.UUID) -> float:
    """Deliver a campaign as the job does; return notices per second."""
    await db.start(settings.database_url)
    house = await wiring.build(settings)
    gc.freeze()  # as the job runner does
    gc.set_threshold(*COLLECTED_AFTER)
    count, started = 0, time.perf_counter()
    while batch := await notices_repository.claim_of_campaign(campaign_id, now(), now() + lease(), _BATCH):
        await house.notify.delivering.deliver(batch)
        count += len(batch)
    rate = count / (time.perf_counter() - started)
    row = await db.fetch_row("SELECT count(*) AS n FROM notice WHERE campaign_id = $1 AND status = 'SENT'", campaign_id)
    await house.close()
    await db.stop()
    if row is None or row["n"] != count:
        sys.exit("not every notice was sent, so the speed means nothing")
    return rate


async def _post(settings: Settings, bodies: list[dict[str, Any]]) -> float:
    """Post the bodies with as many calls at once as delivery has; return answers per second."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:
        credentials = {"appid": settings.wechat_app_id, "secret": settings.wechat_app_secret}
        asked = {"grant_type": "client_credential", **credentials}
        async with session.post(f"{settings.wechat_api_base}/cgi-bin/stable_token", json=asked) as answer:
            token = (await answer.json(content_type=None))["access_token"]
        url = f"{settings.wechat_api_base}/cgi-bin/message/subscribe/send?access_token={token}"
        left = iter(bodies)
        gc.freeze()  # a bare client would not have loaded what this module has

        async def send() -> None:
            for body in left:
                encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
                async with session.post(url, data=encoded) as answer:
                    if b'"errcode":0' not in (await answer.read()).replace(b" ", b""):
                        sys.exit("the simulator refused a message")

        started = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(_AT_ONCE)))
        return len(bodies) / (time.perf_counter() - started)


def main(arguments: list[str]) -> None:
    """Measure all, or be one side of it."""
    match arguments:
        case ["post", job]:
            _pin()
            _say(uvloop.run(_post(start.settings(ROOT), json.loads(Path(job).read_text()))))
        case ["deliver", campaign_id]:
            _pin()
            _say(uvloop.run(_deliver(start.settings(ROOT), uuid.UUID(campaign_id))))
        case _:
            with engines(_say) as settings:
                for pair in pairs(settings, 5):
                    _say(f"floor {pair.floor:,.0f}/s, product {pair.product:,.0f}/s, ratio {pair.ratio:.2f}")


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")


def _pin() -> None:
    if (chosen := cores()) is not None:
        os.sched_setaffinity(0, {chosen[0]})


if __name__ == "__main__":
    main(sys.argv[1:])
