"""The commands of run.py. Each imports what it needs when it is called, so that none pays for another."""

from __future__ import annotations

import asyncio
import base64
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from app import start
from app.cli_calendar import calendar_cli
from app.cli_deliveries import deliveries_cli
from app.cli_exchange import exchange_cli
from app.cli_items import items_cli
from app.cli_merchants import merchants_cli
from app.cli_payments import payments_cli, reconcile
from app.cli_staff import staff_cli
from app.errors import SettingsError
from app.settings import described
from app.terminal import make_console, make_table

ROOT = Path(__file__).resolve().parent.parent

cli = typer.Typer(help="三晋通小程序后端", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
audit_cli = typer.Typer(help="检查账目与审计链", no_args_is_help=True)
keys_cli = typer.Typer(help="密钥", no_args_is_help=True)
cli.add_typer(items_cli, name="items")
cli.add_typer(staff_cli, name="staff")
cli.add_typer(audit_cli, name="audit")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(merchants_cli, name="merchants")
cli.add_typer(calendar_cli, name="calendar")
cli.add_typer(deliveries_cli, name="deliveries")
cli.add_typer(exchange_cli, name="exchange")
cli.add_typer(payments_cli, name="payments")
cli.command("reconcile")(reconcile)
console = make_console()


@cli.command()
def serve(
    simulators: Annotated[bool, typer.Option(help="演示模式下同时启动模拟器")] = True,
) -> None:
    """启动全部：内嵌数据库与 Redis（演示模式）、迁移、演示数据、模拟器、API 与任务进程。"""
    from app.serving import serve as run

    run(ROOT, simulators=simulators)


@cli.command()
def demo() -> None:
    """以微信和支付宝两位群众的身份走完整个办事旅程，再演示资金、办件、消息与工作台；有出入则以非零退出。"""
    from demo.main import main

    sys.exit(main(ROOT))


@cli.command()
def migrate() -> None:
    """把数据库升级到当前版本。"""
    from app.migrate import migrate as run

    with start.surroundings(ROOT) as settings:
        asyncio.run(run(settings.database_url))
    console.print("数据库已是最新版本")


@cli.command()
def worker() -> None:
    """只启动任务进程（多机部署时使用）。"""
    from app.worker import run_worker

    with start.surroundings(ROOT) as settings:
        run_worker(settings)


@cli.command()
def simulate() -> None:
    """只启动模拟器。"""
    with start.surroundings(ROOT, engines=False) as settings, start.simulators(ROOT, settings):
        console.print(f"模拟器已启动，控制端口 {settings.sim_port}；按 Ctrl-C 停止")
        start.wait_for_signal()


@audit_cli.command("ledger")
def audit_ledger() -> None:
    """检查账目：每笔成对、总和为零、无遗漏；有出入则以非零退出。"""
    from app import loading

    with start.surroundings(ROOT) as settings:
        findings = asyncio.run(loading.audit_ledger(settings))
    _report(findings, "账目平衡")


@audit_cli.command("chain")
def audit_chain() -> None:
    """检查审计记录的散列链是否完整。"""
    from app import loading

    with start.surroundings(ROOT) as settings:
        findings = asyncio.run(loading.audit_chain(settings))
    _report(findings, "审计链完整")


@keys_cli.command("new")
def keys_new(name: Annotated[str, typer.Argument(help="密钥编号，例如 2027a")]) -> None:
    """生成一个 32 字节密钥，格式可直接用于 SJT_TOKEN_KEYS、SJT_FIELD_KEYS、SJT_HASH_KEY。"""
    console.print(f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}")


@cli.command()
def doctor() -> None:
    """列出全部设置（密钥已遮盖）并说明缺少什么。"""
    settings = start.settings(ROOT)
    table = make_table("变量", "值", "含义")
    for row in described(settings):
        table.add_row(*row)
    console.print(table)
    simulated = settings.simulated()
    console.print(f"由模拟器代替的服务商：{'、'.join(simulated) or '无'}")


def _report(findings: list[str], good: str) -> None:
    for finding in findings:
        console.print(f"[red]{finding}[/red]")
    console.print(good if not findings else f"共 {len(findings)} 个问题")
    sys.exit(1 if findings else 0)


def main() -> None:
    """Run the command line; faults of the settings are one clear message."""
    try:
        cli()
    except SettingsError as error:
        console.print(f"[red]设置有误：{error}[/red]")
        sys.exit(2)
