"""The command `run.py deliveries statement`: takes a courier's monthly statement in and prints what differs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app import start
from app.errors import SanjinError
from app.terminal import make_console, make_table

if TYPE_CHECKING:
    from app.settings import Settings
    from services.delivery.statements.types import CourierStatementDetail

ROOT = Path(__file__).resolve().parent.parent
_ACTOR = "run.py"
_MOST_BYTES = 67_108_864

deliveries_cli = typer.Typer(help="寄递", no_args_is_help=True)
console = make_console()


@deliveries_cli.callback()
def deliveries() -> None:
    """寄递：快递对账。"""


@deliveries_cli.command("statement")
def statement(
    file: Annotated[Path, typer.Argument(help="对账单：CSV（UTF-8 或 GBK）或 XLSX", exists=True, dir_okay=False)],
    courier: Annotated[str, typer.Option(help="快递公司代码，如 SF、EMS、KUAIDI100、KDNIAO")],
    month: Annotated[str, typer.Option(help="月份，如 2026-10")],
) -> None:
    """比对快递公司的月结对账单并列出差异；同一文件重复执行不改变结果。有差异仍以零退出，文件无法读取以非零退出。"""
    if file.stat().st_size > _MOST_BYTES:
        raise typer.BadParameter(f"文件不能超过 {_MOST_BYTES // 1_048_576} MB", param_hint="FILE")
    with start.surroundings(ROOT) as settings:
        try:
            found = asyncio.run(_compared(settings, courier.upper(), month, file.read_bytes()))
        except SanjinError as error:
            for fault in error.faults:
                console.print(fault.message, style="red", markup=False)
            console.print(f"{error.detail}（{error.stable_code}）", style="red", markup=False)
            sys.exit(1)
    _print(found)


async def _compared(settings: Settings, courier: str, month: str, content: bytes) -> CourierStatementDetail:
    from app import db, wiring

    await db.start(settings.database_url, pool_max=4)
    house = await wiring.build(settings)
    desk = house.delivery.statements
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("已读取行数", total=None)

            async def told(lines: int) -> None:
                progress.update(task, completed=lines)

            taken = await desk.take_in(courier, month, content, by=_ACTOR, progress=told)
            progress.update(task, total=taken.lines, completed=taken.lines)
        return await desk.detail(taken.statement_no)
    finally:
        await house.close()
        await db.stop()


def _print(found: CourierStatementDetail) -> None:
    from app.money import yuan_text

    shown = found.statement
    console.print(
        f"{shown.courier_name} {shown.month}：{shown.lines} 行，对方合计 {yuan_text(shown.charged_fen)} 元，"
        f"相符 {shown.matched}，差异 {shown.differing}，待处理 {shown.open}（{shown.statement_no}）",
        soft_wrap=True,
    )
    if found.sums:
        table = make_table("差异", "行数", "待处理", "对方计费", "我方应计", "对方多计")
        for each in found.sums:
            sums = (each.charged_fen, each.expected_fen, each.gap_fen)
            table.add_row(each.difference_text, str(each.count), str(each.open), *(yuan_text(fen) for fen in sums))
        console.print(table)
