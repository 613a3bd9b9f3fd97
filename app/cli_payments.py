"""The commands `run.py reconcile` and `run.py payments …`: compare a day, look at a number, ask a provider about it.

They print no personal data; what they ask is booked exactly like a callback.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app import start
from app.errors import SanjinError
from app.terminal import make_console, make_table, print_rows

if TYPE_CHECKING:
    from rich.table import Table

    from app.settings import Settings
    from payments.facts import Facts
    from payments.service import PaymentService
    from payments.types import ReconciliationView

ROOT = Path(__file__).resolve().parent.parent

payments_cli = typer.Typer(help="支付单：查询与核实", no_args_is_help=True)
console = make_console()

Number = Annotated[str, typer.Argument(help="缴款单号、缴款码、支付单号、退款单号或渠道单号")]


def reconcile(
    day: Annotated[str, typer.Option("--date", help="对账日期（北京时间），如 2026-03-10")],
    account: Annotated[str, typer.Option(help="商户账户代码；默认全部启用的账户")] = "",
    repair: Annotated[bool, typer.Option(help="对可自动处理的差异发起处理")] = True,
) -> None:
    """核对一日的渠道账单、本地账目与财政清单；有差异仍以零退出，账单无法使用时以非零退出。"""
    try:
        business_on = date.fromisoformat(day)
    except ValueError:
        raise typer.BadParameter("日期格式应为 2026-03-10", param_hint="--date") from None

    async def work(payments: PaymentService) -> int:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        codes = [account] if account else await payments.reconciliation.account_codes()
        views, failed = [], False
        with Progress(*columns, console=console) as progress:
            for code in codes:
                task = progress.add_task(f"{code} 已读行数", total=None)
                try:
                    view = await payments.reconciliation.run(
                        code, business_on, repair=repair, progress=partial(progress.advance, task)
                    )
                except SanjinError as error:
                    progress.console.print(f"[red]{code}：{_refusal(error)}[/red]")
                    failed = True
                    continue
                progress.update(task, total=view.paid_count + view.refund_count)
                views.append(view)
        console.print(_runs(views))
        for view in views:
            await _print_differences(payments, view)
        return int(failed or any(view.status == "FAILED" for view in views))

    _run(work)


@payments_cli.command("show")
def show(number: Number) -> None:
    """列出一个号码的缴款单、支付单、退款单、分录与渠道消息；不含个人信息。"""

    async def work(payments: PaymentService) -> int:
        _print_facts(await payments.facts.of(number))
        return 0

    _run(work)


@payments_cli.command("ask")
def ask(number: Number) -> None:
    """立即向渠道核实该号码的全部支付单与退款单，列出有何变化。"""

    async def work(payments: PaymentService) -> int:
        before = await payments.facts.of(number)
        for answer in await payments.facts.ask(before):
            console.print(answer, markup=False)
        changes = before.changes(await payments.facts.of(number))
        for line in changes:
            console.print(line, style="green", markup=False)
        console.print("无变化" if not changes else f"共 {len(changes)} 处变化")
        return 0

    _run(work)


def _runs(views: list[ReconciliationView]) -> Table:
    table = make_table(
        "账户", "状态", "渠道收款", "本地收款", "渠道退款", "本地退款", "财政确认", "手续费", "差异", "待处理"
    )
    for view in views:
        status = "完成" if view.status == "DONE" else f"[red]失败 {view.fault}{_line(view)}[/red]"
        table.add_row(
            view.account_code,
            status,
            _sum(view.paid_count, view.paid_fen),
            _sum(view.our_paid_count, view.our_paid_fen),
            _sum(view.refund_count, view.refund_fen),
            _sum(view.our_refund_count, view.our_refund_fen),
            _sum(view.fiscal_count, view.fiscal_fen),
            _yuan(view.fee_fen),
            str(view.discrepancy_count),
            str(view.open_count),
        )
    return table


async def _print_differences(payments: PaymentService, view: ReconciliationView) -> None:
    _, kinds = await payments.reconciliation.one(date.fromisoformat(view.business_on), view.account_code)
    if kinds:
        table = make_table("差异种类", "状态", "笔数", title=view.account_code)
        for each in kinds:
            table.add_row(each.kind_text, each.status, str(each.count))
        console.print(table)


def _print_facts(found: Facts) -> None:
    for title, rows in found.tables.items():
        if rows:
            print_rows(console, title, rows)


def _refusal(error: SanjinError) -> str:
    told = "；".join(fault.message for fault in error.faults) or error.detail
    return f"{told}（{error.stable_code}）"


def _line(view: ReconciliationView) -> str:
    return f"（第 {view.fault_line} 行）" if view.fault_line else ""


def _sum(count: int, fen: int) -> str:
    return f"{count} 笔 {_yuan(fen)}"


def _yuan(fen: int) -> str:
    from app.money import yuan_text

    return yuan_text(fen)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[PaymentService]:
    from app import db, wiring

    await db.start(settings.database_url, pool_max=4)
    house = await wiring.build(settings)
    try:
        await house.payments.merchants.reload()
        yield house.payments
    finally:
        await house.close()
        await db.stop()


def _run(work: Callable[[PaymentService], Awaitable[int]]) -> None:
    async def opened(settings: Settings) -> int:
        async with _opened(settings) as payments:
            return await work(payments)

    with start.surroundings(ROOT) as settings:
        try:
            code = asyncio.run(opened(settings))
        except SanjinError as error:
            console.print(f"[red]{_refusal(error)}[/red]")
            code = 1
    sys.exit(code)
