"""The commands `run.py merchants …`: list, check, import and change merchant accounts and their verification keys.

Changes are audited and reach every running process within seconds; secrets are neither read out nor written.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import start
from app.errors import SanjinError
from app.terminal import make_console, make_table

if TYPE_CHECKING:
    from app.merchant_desk import AuditedChanges
    from app.settings import Settings
    from payments.merchants.service import Finding, MerchantService

ROOT = Path(__file__).resolve().parent.parent

merchants_cli = typer.Typer(help="商户账户与验签公钥", no_args_is_help=True)
key_cli = typer.Typer(help="验签公钥与平台证书", no_args_is_help=True)
merchants_cli.add_typer(key_cli, name="key")
console = make_console()

Code = Annotated[str, typer.Argument(help="账户代码")]
KeyId = Annotated[str, typer.Argument(help="公钥 ID（PUB_KEY_ID_…）、证书序列号或支付宝证书 SN")]


@merchants_cli.command("list")
def list_merchants() -> None:
    """列出全部商户账户及其有效公钥。"""

    async def show(desk: MerchantService, _: AuditedChanges) -> int:
        table = make_table("代码", "渠道", "模式", "商户号", "子商户", "部门", "区划", "密钥", "有效公钥", "状态")
        for each in await desk.all():
            account = each.account
            keys = "\n".join(
                f"{key.key_id}（至 {key.expires_at:%Y-%m-%d}）" if key.expires_at else key.key_id
                for key in each.active_keys
            )
            table.add_row(
                account.code,
                "微信支付" if account.channel == "WECHAT" else "支付宝",
                "服务商" if account.mode == "PARTNER" else "直连",
                account.mch_id,
                account.sub_mch_id or "—",
                account.department_code or "任何",
                account.division_code or "任何",
                each.key_reference,
                keys or "—",
                "启用" if each.enabled else "停用（不接新单）",
            )
        console.print(table)
        return 0

    _run(show)


@merchants_cli.command("check")
def check() -> None:
    """逐个账户检查密钥文件与公钥；有账户不可用则以非零退出。"""

    async def inspect(desk: MerchantService, _: AuditedChanges) -> int:
        findings = await desk.check()
        _print(findings)
        broken = {finding.code for finding in findings if not finding.usable}
        console.print(f"共 {len(await desk.all())} 个账户，{len(broken)} 个不可用")
        return 1 if broken else 0

    _run(inspect)


@merchants_cli.command("import")
def import_merchants(
    file: Annotated[Path, typer.Argument(help="JSON 文件，格式见 docs/operations.md", exists=True, dir_okay=False)],
    apply: Annotated[bool, typer.Option("--apply", help="写入；不加此项只预演")] = False,
) -> None:
    """导入商户账户：先列出将要发生的更改与发现的问题，加 --apply 才写入。"""
    from payments.merchants.intake import FaultyImport, parse

    async def take(desk: MerchantService, witness: AuditedChanges) -> int:
        try:
            wanted = parse(file.read_bytes(), lambda name: (file.parent / name).read_text(encoding="utf-8"))
            planned, findings = await desk.plan(wanted)
        except FaultyImport as refusal:
            for fault in refusal.faults:
                console.print(f"[red]{fault}[/red]", soft_wrap=True)
            return 1
        for each in planned:
            fields = "、".join(each.changes)
            console.print(f"{each.kind} {each.merchant.account.code}" + (f"（{fields}）" if fields else ""))
        _print(findings)
        if not apply:
            console.print("以上为预演，未写入；加 --apply 写入")
        elif any(not finding.usable for finding in findings):
            console.print("[red]有账户不可用，未写入；请先放好密钥文件[/red]")
        else:
            await desk.import_merchants(planned, witness)
            console.print("已写入，各进程数秒内生效")
            return 0
        return 1 if any(not finding.usable for finding in findings) else 0

    _run(take)


@key_cli.command("add")
def add_key(
    code: Code,
    key_id: KeyId,
    file: Annotated[Path, typer.Argument(help="公钥或证书 PEM 文件", exists=True, dir_okay=False)],
) -> None:
    """加入一个公钥或平台证书；原有的继续有效，轮换期间两者并存。"""
    from payments.merchants.ports import UnusableMerchant
    from payments.merchants.records import PlatformKey

    async def add(desk: MerchantService, witness: AuditedChanges) -> int:
        try:
            await desk.add_key(code, PlatformKey(key_id, file.read_text(encoding="utf-8")), witness)
        except (UnusableMerchant, UnicodeDecodeError) as refusal:
            text = str(refusal) if isinstance(refusal, UnusableMerchant) else "文件不是 PEM 文本"
            console.print(f"[red]{text}[/red]")
            return 1
        console.print(f"{code} 已加入 {key_id}，各进程数秒内生效")
        return 0

    _run(add)


@key_cli.command("retire")
def retire_key(code: Code, key_id: KeyId) -> None:
    """停用一个公钥或平台证书（同一商户号下的各账户一并停用）；最后一个不能停用。"""

    async def retire(desk: MerchantService, witness: AuditedChanges) -> int:
        await desk.retire_key(code, key_id, witness)
        console.print(f"{code} 已停用 {key_id}，各进程数秒内生效")
        return 0

    _run(retire)


@merchants_cli.command("enable")
def enable(code: Code) -> None:
    """启用账户，使其可接新单。"""
    _run(lambda desk, witness: _set_enabled(desk, witness, code, enabled=True))


@merchants_cli.command("disable")
def disable(code: Code) -> None:
    """停用账户：不接新单；已有支付单的回调、查询、关单与退款照常。"""
    _run(lambda desk, witness: _set_enabled(desk, witness, code, enabled=False))


async def _set_enabled(desk: MerchantService, witness: AuditedChanges, code: str, *, enabled: bool) -> int:
    changed = await desk.set_enabled(code, enabled, witness)
    state = "启用" if enabled else "停用"
    console.print(f"{code} 已{state}" if changed else f"{code} 本来就是{state}状态")
    return 0


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        colour = "yellow" if finding.usable else "red"
        console.print(f"[{colour}]{finding.code}：{finding.text}[/{colour}]", soft_wrap=True)


def _run(command: Callable[[MerchantService, AuditedChanges], Awaitable[int]]) -> None:
    """Run a command with the house open; a refusal is one clear line."""
    from app import merchant_desk

    async def work(settings: Settings) -> int:
        async with merchant_desk.opened(settings) as (desk, witness):
            return await command(desk, witness)

    with start.surroundings(ROOT) as settings:
        try:
            code = asyncio.run(work(settings))
        except SanjinError as refusal:
            console.print(f"[red]{refusal.detail}[/red]")
            code = 1
    sys.exit(code)
