"""The measures: which requests go to the floor and which to the product, and how the two are alternated."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from app.crypto import parse_keys
from app.settings import Settings
from app.tokens import AccessTokens
from bench import seeding
from bench.engines import ROOT
from bench.messages import Alipay, Platform, alipay, get, post, route_push
from bench.report import Pair
from bench.servers import Server, cores

CONNECTIONS = 16
_READERS = 500
_SPREAD = 199


@dataclass(frozen=True, slots=True)
class Size:
    """How long it all lasts: alternations, seconds of a reading, requests of a writing and its warm-up, bill lines."""

    rounds: int
    seconds: float
    writes: int
    warm_writes: int
    bill_lines: int = 0

    @property
    def batches(self) -> tuple[int, ...]:
        """How many requests each alternation of a writing sends to each side, the warm-up first."""
        return self.warm_writes, *[self.writes] * self.rounds

    @property
    def supply(self) -> int:
        """How many drafts or orders both sides use up together."""
        return 2 * sum(self.batches)

    @property
    def steps(self) -> int:
        """How often a bench of this size reports a step."""
        return 2 * 2 * self.rounds + (2 + 3 + 3 + 3 + 2) * len(self.batches) + 3


class WrongAnswers(Exception):
    """A server answered otherwise than with success, so its speed means nothing."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The two servers and what is known about the data in their database."""

    settings: Settings
    seeded: seeding.Seeded
    platform: Platform
    floor: Server
    product: Server
    size: Size
    step: Callable[[], None]

    def guide(self) -> list[Pair]:
        """Measure the guide of an item against hello."""
        return self._read([get("/hello")], [get(f"/api/v1/items/{self.seeded.item_code}")])

    def detail(self) -> list[Pair]:
        """Measure own cases of some hundred signed-in citizens against one row by its index."""
        numbers = [reader * _SPREAD % seeding.APPLICATIONS for reader in range(_READERS)]
        floor = [get(f"/applications/{seeding.application_no(n)}") for n in numbers]
        product = [get(f"/api/v1/applications/{seeding.application_no(n)}", self._token(n)) for n in numbers]
        return self._read(floor, product)

    def submit(self) -> list[Pair]:
        """Measure submissions, each of another draft, against the same statements."""
        numbers = iter(range(self.seeded.drafts))
        pairs = []
        for count in self.size.batches:
            floor = [self._bare_submit(n) for n in islice(numbers, count)]
            product = [self._submit(n) for n in islice(numbers, count)]
            pairs.append(Pair(self._write(self.floor, floor), self._write(self.product, product)))
        return pairs[1:]

    def callbacks(self) -> tuple[list[Pair], list[Pair]]:
        """Measure first deliveries of WeChat Pay against the floor, and their repeats against the first deliveries."""
        return self._callbacks(self.platform, "/callback")

    def alipay_callbacks(self) -> tuple[list[Pair], list[Pair]]:
        """Measure the same for Alipay."""
        return self._callbacks(alipay(self.settings), "/alipay")

    def pushes(self) -> tuple[list[Pair], list[Pair]]:
        """Measure first pushes of a courier against the floor, and their repeats against the first ones."""
        token = self.settings.sf_push_token
        numbers = iter(range(self.seeded.orders))
        first, repeats = [], []
        for count in self.size.batches:
            floor = [route_push(f"/pushes/{token}", n) for n in islice(numbers, count)]
            product = [route_push(f"/callbacks/sf/{token}", n) for n in islice(numbers, count)]
            first.append(Pair(self._write(self.floor, floor), self._write(self.product, product)))
            repeats.append(Pair(first[-1].product, self._write(self.product, product)))
        return first[1:], repeats[1:]

    def openings(self) -> list[Pair]:
        """Measure the opening of orders, each of another bill, against the same calls and statements."""
        numbers = iter(range(self.seeded.orders))
        pairs = []
        for count in self.size.batches:
            floor = [self._bare_opening(n) for n in islice(numbers, count)]
            product = [self._opening(n) for n in islice(numbers, count)]
            pairs.append(Pair(self._write(self.floor, floor), self._write(self.product, product)))
        return pairs[1:]

    def _callbacks(self, platform: Platform | Alipay, bare: str) -> tuple[list[Pair], list[Pair]]:
        numbers = iter(range(self.seeded.orders))
        first, repeats = [], []
        for count in self.size.batches:
            floor = [platform.notification(bare, n) for n in islice(numbers, count)]
            product = [platform.notification(platform.path, n) for n in islice(numbers, count)]
            first.append(Pair(self._write(self.floor, floor), self._write(self.product, product)))
            repeats.append(Pair(first[-1].product, self._write(self.product, product)))
        return first[1:], repeats[1:]

    def _read(self, floor: Sequence[bytes], product: Sequence[bytes]) -> list[Pair]:
        seconds = self.size.seconds
        for server, requests in ((self.floor, floor), (self.product, product)):
            load(server.port, requests, seconds=min(seconds, 1.0), repeat=True)
        pairs = []
        for _ in range(self.size.rounds):
            rates = []
            for server, requests in ((self.floor, floor), (self.product, product)):
                rates.append(load(server.port, requests, seconds=seconds, repeat=True))
                self.step()
            pairs.append(Pair(*rates))
        return pairs

    def _write(self, server: Server, requests: Sequence[bytes]) -> float:
        rate = load(server.port, requests, seconds=30.0, repeat=False)
        self.step()
        return rate

    def _token(self, number: int) -> str:
        keys = AccessTokens(parse_keys(self.settings.token_keys))
        owner = seeding.owner_of(number)
        return keys.issue(owner, owner, owner, "WECHAT", "L3")

    def _submit(self, number: int) -> bytes:
        return post(
            f"/api/v1/applications/{seeding.draft_no(number)}/submit",
            b"{}",
            {"Authorization": f"Bearer {self._token(number)}"},
        )

    def _opening(self, number: int) -> bytes:
        wish = json.dumps({"bill_no": seeding.bill_no(number), "channel": "WECHAT"}).encode()
        return post("/api/v1/payments", wish, {"Authorization": f"Bearer {self._token(number)}"})

    def _bare_opening(self, number: int) -> bytes:
        payer = seeding.openid(seeding.owner_of(number))
        return post(f"/bills/{seeding.bill_no(number)}/pay/{payer}", b"{}")

    def _bare_submit(self, number: int) -> bytes:
        return post(f"/applications/{seeding.draft_no(number)}/submit/{seeding.owner_of(number).hex}", b"{}")


def load(port: int, requests: Sequence[bytes], *, seconds: float, repeat: bool) -> float:
    """Load a server from another process; return answers per second. Raises WrongAnswers."""
    chosen = cores()
    job = {
        "port": port,
        "connections": CONNECTIONS,
        "seconds": seconds,
        "repeat": repeat,
        "core": chosen[1] if chosen else None,
        "requests": [base64.b64encode(request).decode() for request in requests],
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(job).encode(),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    found = json.loads(done.stdout)
    wrong = {status: count for status, count in found["statuses"].items() if not 200 <= int(status) < 300}
    if wrong or not found["statuses"]:
        raise WrongAnswers(f"{requests[0].splitlines()[0].decode()}: {wrong or 'no answer at all'}")
    return float(found["per_second"])
