"""`make run` from an empty folder, again on its data, after Ctrl-C and after a kill."""

from __future__ import annotations

import asyncio
import signal
import time

import psutil
import pytest

from tests.e2e.conftest import Product, free_ports


def _gone(process: psutil.Process) -> bool:
    """Tell whether a process has left, or leaves within seconds; one that only its parent has not noticed has left."""
    limit = time.monotonic() + 30
    try:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > limit:
                return False
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        return True
    return True


def test_second_start_after_kill_keeps_data_and_ctrl_c_leaves_nothing(own_product: Product) -> None:
    own_product.start()
    first_seconds, keys = own_product.ready_seconds, (own_product.var / "keys" / "demo.json").read_bytes()
    main, family = own_product.process, own_product.children()
    assert main is not None
    ours = [process for process in family if "python" in _name(process)]
    main.kill()
    main.wait(10)
    assert all(_gone(process) for process in ours), "orphans of a killed service must leave by themselves"
    own_product.start()
    assert own_product.ready_seconds < max(45.0, 1.5 * first_seconds)
    assert (own_product.var / "keys" / "demo.json").read_bytes() == keys
    family = own_product.children()
    assert own_product.stop() == 0
    assert [process.cmdline() for process in family if not _gone(process)] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_during_the_start_leaves_nothing(own_product: Product, number: signal.Signals) -> None:
    own_product.begin()
    engines = {"postgres", "redis-server"}
    limit = time.monotonic() + 90
    while not engines <= {_name(process) for process in own_product.family()}:
        assert time.monotonic() < limit, own_product.log.read_text(errors="replace")[-4000:]
        time.sleep(0.02)
    family = own_product.family()
    assert own_product.stop(number) == 0
    assert [process.cmdline() for process in family if not _gone(process)] == []
    assert "Traceback" not in own_product.log.read_text(errors="replace")


def test_killed_api_and_job_runner_come_back(own_product: Product) -> None:
    own_product.start()
    killed = [own_product.api_worker(), _job_runner(own_product)]
    for process in killed:
        process.kill()
    gone = {process.pid for process in killed}
    limit = time.monotonic() + 60
    while not (own_product.is_ready() and _pids(own_product, gone).isdisjoint(gone)):
        assert time.monotonic() < limit, own_product.log.read_text(errors="replace")[-4000:]
        time.sleep(0.2)


def test_second_service_on_the_same_folder_is_refused(own_product: Product) -> None:
    own_product.start()
    port, sim_port = free_ports()
    twin = Product(own_product.var, port, sim_port)
    with pytest.raises(AssertionError, match="服务已在运行"):
        twin.start()
    assert own_product.is_ready()


def _name(process: psutil.Process) -> str:
    """The first word of a process's name; "" when it has left meanwhile."""
    try:
        return process.name().split(" ")[0]
    except psutil.Error:
        return ""


def _job_runner(product: Product) -> psutil.Process:
    limit = time.monotonic() + 30
    while True:
        try:
            return asyncio.run(product.job_runner())
        except (psutil.NoSuchProcess, AttributeError):
            assert time.monotonic() < limit, "no job runner has shown a sign of life"
            time.sleep(0.2)


def _pids(product: Product, gone: set[int]) -> set[int]:
    """Who serves the port and who runs the jobs, as long as one of them is missing those who are gone."""
    try:
        return {product.api_worker().pid, asyncio.run(product.job_runner()).pid}
    except (psutil.Error, StopIteration):
        return gone
