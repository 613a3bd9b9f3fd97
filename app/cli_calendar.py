"""The command `run.py calendar import`: takes over the published plan of holidays and counts open cases again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import start
from app.errors import InvalidRequest, SanjinError
from app.terminal import make_console

if TYPE_CHECKING:
    from app.settings import Settings
    from services.applications.calendar_repository import PublishedDay

ROOT = Path(__file__).resolve().parent.parent

calendar_cli = typer.Typer(help="放假与调休安排", no_args_is_help=True)
console = make_console()


@calendar_cli.command("import")
def calendar_import(
    file: Annotated[
        Path, typer.Argument(help="CSV 或 JSON，列为 day、is_working、source", exists=True, dir_okay=False)
    ],
) -> None:
    """导入国务院办公厅公布的放假安排（含调休上班日），并重新计算受影响办件的期限；重复执行不改变结果。"""
    from services.applications import calendar_days

    try:
        days = calendar_days.read_plan(file.read_bytes(), is_json=file.suffix.lower() == ".json")
    except InvalidRequest as refusal:
        for fault in refusal.faults:
            console.print(f"[red]{file.name} {fault.path}：{fault.message}[/red]", markup=True)
        console.print(f"[red]{refusal.detail}[/red]")
        sys.exit(1)
    with start.surroundings(ROOT) as settings:
        try:
            changed, counted = asyncio.run(_take_over(settings, days))
        except SanjinError as error:
            console.print(f"[red]{error.detail}（{error.stable_code}）[/red]")
            sys.exit(1)
    console.print(f"共 {len(days)} 天，新增或更改 {changed} 天，重新计算 {counted} 件办件的期限")


async def _take_over(settings: Settings, days: list[PublishedDay]) -> tuple[int, int]:
    from app import db, wiring
    from services.applications import calendar_days, sweeps

    await db.start(settings.database_url, pool_max=4)
    house = await wiring.build(settings)
    try:
        changed = await calendar_days.publish(days)
        # Counted also where nothing was new: an earlier run may have been interrupted between the two.
        first, last = min(each.day for each in days), max(each.day for each in days)
        counted = await sweeps.recompute_running(house.applications.progress, first, last)
        return len(changed), counted
    finally:
        await house.close()
        await db.stop()
