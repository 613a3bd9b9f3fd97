"""`run.py demo`: plays every part of the story against the running service, or starts one meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from demo.afterwards import Afterwards
from demo.cases import Cases
from demo.consulting import Consulting
from demo.counter import Counter
from demo.express import Express
from demo.journey import Journey, check_one_person_on_both_platforms
from demo.mass_push import MassPush
from demo.money import Money
from demo.narrator import Narrator
from demo.newcomer import Newcomer
from demo.notices import Notices
from demo.payer import Payer
from demo.person import Person
from demo.phone import Phone
from demo.standing_in import StandingIn
from demo.wire import Unexpected, Wire

console = Console()
_START_SECONDS = 90.0
_DESKS = (
    "window-xiaodian",
    "reviewer-xiaodian",
    "cashier",
    "cashier-second",
    "approver-xiaodian",
    "dispatcher",
    "reviewer-yibao-xiaodian",
    "reviewer-yibao-taiyuan",
    "publisher",
    "approver",
    "auditor",
    "admin",
)
_APPROVAL_SIZE = "2"
"""So small that the mass push of the demonstration needs a second person."""


def main(root: Path) -> int:
    """Play; return the exit code: 0 when everything was as expected."""
    base = os.environ.get("SJT_PUBLIC_URL") or f"http://127.0.0.1:{os.environ.get('SJT_PORT', '8000')}"
    control = f"http://127.0.0.1:{os.environ.get('SJT_SIM_PORT', '8100')}"
    var = Path(os.environ.get("SJT_VAR", root / "var"))
    with _service(root, base):
        try:
            asyncio.run(_play(root, var, base, control))
        except (Unexpected, aiohttp.ClientError, TimeoutError) as error:
            console.print(f"[bold red]与预期不符：{error}[/bold red]")
            return 1
    console.print("\n[bold green]两段旅程、资金、办件、快递、消息与工作台均与预期一致[/bold green]")
    return 0


async def _play(root: Path, var: Path, base: str, control: str) -> None:
    story: dict[str, Any] = json.loads((root / "data" / "demo.json").read_text(encoding="utf-8"))
    people = {row["key"]: row for row in json.loads((root / "data" / "people.json").read_text(encoding="utf-8"))}
    staff = {row["username"]: row for row in json.loads((var / "keys" / "staff.json").read_text(encoding="utf-8"))}
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        service, simulators = Wire(session, base), Wire(session, control)
        desks = {name: Counter(staff[name], service) for name in _DESKS}
        for desk in desks.values():
            await desk.sign_in()
        window, reviewer = desks["window-xiaodian"], desks["reviewer-xiaodian"]
        numbers = {}
        for platform, key in (("wechat", story["wechat_person"]), ("alipay", story["alipay_person"])):
            phone = Phone(platform, people[key], service, simulators)
            journey = Journey(phone, window, reviewer, simulators, story, session, console)
            numbers[platform] = await journey.play()
        first = Phone("wechat", people[story["wechat_person"]], service, simulators)
        second = Phone("alipay", people[story["wechat_person"]], service, simulators)
        await check_one_person_on_both_platforms(first, second, numbers["wechat"], console)
        payer = Payer(first, second, window, story)
        await Money(payer, desks["cashier"], desks["cashier-second"], simulators, story, console).play()

        def person(key: str, *platforms: str) -> Person:
            return Person(*(Phone(platform, people[key], service, simulators) for platform in platforms))

        narrator, citizen = Narrator(console), person("liu-yang", "wechat", "alipay")
        number = await Cases(citizen, person("chen-jing", "wechat"), desks, story, narrator).play()
        principal, agent = person("zhao-min", "wechat"), person("wang-fang", "alipay")
        await StandingIn(principal, agent, window, simulators, story, narrator).play()
        await Afterwards(citizen, desks, service, narrator).play(number)
        sender = person("sun-jianguo", "wechat")
        await Express(sender, window, reviewer, desks["dispatcher"], simulators, narrator).play()
        number = await Notices(principal, window, simulators, story, session, narrator).play()
        await Consulting(principal.phone, desks["approver"], window, simulators, narrator).play(number)
        crowd = [person("liu-yang", "wechat"), person("wang-fang", "wechat"), person("li-na", "alipay"), principal]
        await MassPush(desks["publisher"], desks["approver"], crowd, narrator).play()
        await Newcomer(desks["admin"], desks["auditor"], service, narrator).play(number)


@contextlib.contextmanager
def _service(root: Path, base: str) -> Iterator[None]:
    if _answers(base):
        yield
        return
    console.print("[dim]服务未运行，先启动…[/dim]")
    log = (root / "var" / "demo.log").absolute()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        own = {"SJT_CAMPAIGN_APPROVAL_SIZE": _APPROVAL_SIZE} | os.environ
        process = subprocess.Popen([sys.executable, "run.py", "serve"], cwd=root, env=own, stdout=out, stderr=out)
        try:
            limit = time.monotonic() + _START_SECONDS
            while not _answers(base):
                if process.poll() is not None or time.monotonic() > limit:
                    sys.exit(f"服务未能启动，详见 {log}")
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/readyz", timeout=2) as response:
            return bool(json.load(response)["status"] == "ok")
    except (urllib.error.URLError, OSError, ValueError, KeyError):
        return False
