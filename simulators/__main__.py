"""Command line of the simulators: one process, the control API and one port per provider.

`python -m simulators --config FILE --state FILE --base-port 8100`. Prints `simulators ready` when all ports listen.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from simulators import alipay, department, ems, fiscal, kdniao, kuaidi100, register, seal, sf, sms, wechat, wechat_pay
from simulators.config import ConfigError, load_config
from simulators.control import build_control
from simulators.core import World


@dataclass(frozen=True, slots=True)
class Provider:
    """A row of the table below: name (also the control prefix), offset from the base port, and its two doors."""

    name: str
    port_offset: int
    routes: Callable[[World], web.Application]
    control: Callable[[World], list[web.RouteDef]]


PROVIDERS = (
    Provider("wechat", 1, wechat.routes, wechat.control),
    Provider("wechat_pay", 2, wechat_pay.routes, wechat_pay.control),
    Provider("alipay", 3, alipay.routes, alipay.control),
    Provider("sf", 4, sf.routes, sf.control),
    Provider("ems", 5, ems.routes, ems.control),
    Provider("kuaidi100", 6, kuaidi100.routes, kuaidi100.control),
    Provider("sms", 7, sms.routes, sms.control),
    Provider("fiscal", 8, fiscal.routes, fiscal.control),
    Provider("seal", 9, seal.routes, seal.control),
    Provider("department", 10, department.routes, department.control),
    Provider("register", 11, register.routes, register.control),
    Provider("kdniao", 12, kdniao.routes, kdniao.control),
)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description="Stand-in providers.")
    parser.add_argument("--config", type=Path, required=True, help="JSON with apps, merchants, keys and people")
    parser.add_argument("--state", type=Path, default=None, help="file that survives a restart (default: none)")
    parser.add_argument("--base-port", type=int, default=8100, help="port of the control API; providers follow")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--leave-with-parent", action="store_true", help="stop when the parent process has gone")
    return parser.parse_args(arguments)


async def leave_with_parent(stopping: asyncio.Event) -> None:
    """Ask to stop once the parent has gone, so that a killed service leaves no simulators behind."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    stopping.set()


async def serve(world: World, host: str, base_port: int, with_parent: bool = False) -> None:
    """Listen on all ports until SIGTERM or SIGINT, then save the state and stop."""
    stopping = asyncio.Event()
    watch = asyncio.create_task(leave_with_parent(stopping)) if with_parent else None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await world.callbacks.open()
    applications = {0: build_control(world, {p.name: p.control(world) for p in PROVIDERS})}
    world.addresses["control"] = f"http://{host}:{base_port}"
    for provider in PROVIDERS:
        applications[provider.port_offset] = provider.routes(world)
        world.addresses[provider.name] = f"http://{host}:{base_port + provider.port_offset}"
    runners = [
        (offset, web.AppRunner(app, access_log=None, shutdown_timeout=0.3)) for offset, app in applications.items()
    ]
    saver = asyncio.create_task(world.state.keep_saving())
    try:
        for offset, runner in runners:
            await runner.setup()
            await web.TCPSite(runner, host, base_port + offset, backlog=1024).start()
        print("simulators ready", flush=True)
        await stopping.wait()
    finally:
        saver.cancel()
        if watch is not None:
            watch.cancel()
        world.state.save()
        await world.callbacks.close()
        await asyncio.gather(*(runner.cleanup() for _, runner in runners))
        world.state.save()


def main() -> int:
    """Run the simulators; return the process's exit code."""
    options = parse_arguments()

    async def run() -> None:
        await serve(
            World(load_config(options.config), options.state),
            options.host,
            options.base_port,
            options.leave_with_parent,
        )

    try:
        asyncio.run(run())
    except (ConfigError, OSError) as error:
        print(f"simulators: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
