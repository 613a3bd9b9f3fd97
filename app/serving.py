"""`run.py serve`: everything one machine needs, started in order and stopped in reverse."""

from __future__ import annotations

import contextlib
import resource
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from sanic import Sanic
from sanic.worker.loader import AppLoader

from app import loading, metrics, start
from app.factory import create_app
from app.migrate import migrate
from app.processes import Supervisor
from app.settings import Settings
from app.stopping import Stop
from app.worker import run_worker

console = Console()


def serve(root: Path, *, simulators: bool) -> None:
    """Run until Ctrl-C or SIGTERM, which end the start as well, after the step at hand."""
    with Stop() as stop, contextlib.ExitStack() as stack:
        stack.enter_context(start.only_one(root))
        settings = stack.enter_context(start.surroundings(root))
        stop.check()
        _raise_file_limit()
        _fresh_metrics()
        console.print("[dim]数据库迁移…[/dim]")
        stop.run(migrate(settings.database_url))
        stop.run(loading.load_start(settings, root / "data"))
        if settings.is_demo and simulators:
            stack.enter_context(start.simulators(root, settings, stop.check))
        _run(settings, stop)


def _raise_file_limit() -> None:
    """Allow as many open files as the machine does: each live stream is one. Child processes inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _fresh_metrics() -> None:
    folder = metrics.folder()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _run(settings: Settings, stop: Stop) -> None:
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

    supervisors: list[Supervisor] = []

    @app.main_process_ready
    async def take_over(app: Sanic[Any, Any]) -> None:
        manager: Any = app.manager
        manager.manage("jobs", run_worker, {"settings": settings}, restartable=True)
        supervisors.append(Supervisor(manager, stop))
        manager.run = supervisors[0].run
        _say_where(settings)

    stop.hold()
    Sanic.serve(primary=app, app_loader=loader)
    if supervisors[0].failed:
        sys.exit("服务未能启动，原因见上")


def _say_where(settings: Settings) -> None:
    base = settings.base_url
    console.print(f"\n[bold]三晋通[/bold]  {base}")
    console.print(f"  首页与演示账号  {base}/" if settings.is_demo else "")
    console.print(f"  接口文档        {base}/docs")
    console.print(f"  工作人员登录    {base}/staff/sign-in")
    if settings.is_demo:
        console.print(f"  模拟器控制      http://127.0.0.1:{settings.sim_port}/control")
        console.print("  走一遍旅程      make demo\n  停止            Ctrl-C\n")
