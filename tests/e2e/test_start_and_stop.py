"""`make run` from an empty folder, again on its data, after Ctrl-C and after a kill."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from tests.e2e.conftest import Product

pytestmark = pytest.mark.xdist_group("e2e-start")


def test_second_start_after_kill_of_everything_keeps_data(own_product: Product) -> None:
    own_product.start()
    keys = (own_product.var / "keys" / "demo.json").read_bytes()
    main = own_product.process
    assert main is not None
    main.send_signal(signal.SIGKILL)
    main.wait(10)
    own_product.start()
    assert own_product.ready_seconds < 30
    assert (own_product.var / "keys" / "demo.json").read_bytes() == keys
    family = own_product.children()
    assert own_product.stop() == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [process.cmdline() for process in alive] == []


def test_killed_worker_and_job_runner_come_back(own_product: Product) -> None:
    own_product.start()
    targets = [p for p in own_product.children() if "spawn_main" in " ".join(p.cmdline())]
    assert len(targets) >= 2
    for target in targets:
        target.kill()
    limit = time.monotonic() + 40
    while not (own_product.is_ready() and _respawned(own_product, targets)):
        assert time.monotonic() < limit, own_product.readiness()
        time.sleep(0.2)


def _respawned(product: Product, before: list[psutil.Process]) -> bool:
    old = {process.pid for process in before}
    now = [p for p in product.children() if "spawn_main" in " ".join(p.cmdline()) and p.pid not in old]
    return len(now) >= len(before)
