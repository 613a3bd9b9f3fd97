"""`run.py serve`: everything one machine needs, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from sanic import Sanic
from sanic.worker.loader import AppLoader
from sanic.worker.manager import WorkerManager

from app import loading, metrics, start
from app.factory import create_app
from app.migrate import migrate
from app.processes import revive_killed, stop_while_starting
from app.settings import Settings
from app.worker import run_worker

console = Console()
_START_PATIENCE_SECONDS = 120
"""How long the processes may take to come up before the start is given up; a loaded machine is not a broken one."""


def serve(root: Path, *, simulators: bool) -> None:
    """Run until Ctrl-C or SIGTERM."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(start.only_one(root))
        settings = stack.enter_context(start.surroundings(root))
        _fresh_metrics()
        console.print("[dim]数据库迁移…[/dim]")
        asyncio.run(migrate(settings.database_url))
        asyncio.run(loading.load_start(settings, root / "data"))
        if settings.is_demo and simulators:
            stack.enter_context(start.simulators(root, settings))
        _run(settings)


def _fresh_metrics() -> None:
    folder = metrics.folder()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _run(settings: Settings) -> None:
    WorkerManager.THRESHOLD = _START_PATIENCE_SECONDS * 10  # Sanic counts tenths of a second
    loader = AppLoader(factory=partial(create_app, settings))
    app = loader.load()
    app.prepare(
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        access_log=False,
        motd=False,
        single_process=False,
    )

    @app.main_process_ready
    async def start_jobs(app: Sanic[Any, Any]) -> None:
        app.manager.manage("jobs", run_worker, {"settings": settings}, restartable=True)
        revive_killed(app.manager)
        stop_while_starting(app.manager)
        _say_where(settings)

    Sanic.serve(primary=app, app_loader=loader)


def _say_where(settings: Settings) -> None:
    base = settings.base_url
    console.print(f"\n[bold]三晋通[/bold]  {base}")
    console.print(f"  首页与演示账号  {base}/" if settings.is_demo else "")
    console.print(f"  接口文档        {base}/docs")
    console.print(f"  工作人员登录    {base}/staff/sign-in")
    if settings.is_demo:
        console.print(f"  模拟器控制      http://127.0.0.1:{settings.sim_port}/control")
        console.print("  走一遍旅程      make demo\n  停止            Ctrl-C\n")
