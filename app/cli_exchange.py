"""The commands `run.py exchange …`: department systems, their keys, and events that have not arrived.

A secret is shown once, when it is made. Changes are audited and hold from the next request on.
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
    from app.settings import Settings
    from services.exchange.keeper import SystemKeeper
    from services.exchange.types import NewKey

ROOT = Path(__file__).resolve().parent.parent
_ACTOR = "cli"

exchange_cli = typer.Typer(help="部门系统对接", no_args_is_help=True)
key_cli = typer.Typer(help="部门系统的密钥", no_args_is_help=True)
exchange_cli.add_typer(key_cli, name="key")
console = make_console()

Code = Annotated[str, typer.Argument(help="系统代码")]
KeyId = Annotated[str, typer.Argument(help="密钥编号")]
EventNo = Annotated[str, typer.Argument(help="事件编号（EV…）")]
PublicKey = Annotated[
    Path | None,
    typer.Option("--public-key", help="对方的 Ed25519 公钥 PEM；不给则生成 HMAC 共享密钥", exists=True, dir_okay=False),
]


@exchange_cli.command("list")
def list_systems() -> None:
    """列出全部部门系统、有效密钥与未送达的事件数。"""

    async def show(keeper: SystemKeeper) -> None:
        table = make_table("代码", "名称", "部门", "事项", "事件地址", "有效密钥", "待送", "失败")
        for each in await keeper.all():
            items = "\n".join(each.item_codes) or "全部"
            keys = "\n".join(each.keys) or "—"
            departments = "\n".join(each.departments)
            table.add_row(
                each.code,
                each.name,
                departments,
                items,
                each.event_url or "—",
                keys,
                str(each.waiting),
                str(each.failed),
            )
        console.print(table)

    _run(show)


@exchange_cli.command("add")
def add_system(
    code: Annotated[str, typer.Argument(help="系统代码，如 gongan-xiaodian")],
    name: Annotated[str, typer.Argument(help="系统名称，显示在办件进度中")],
    department: Annotated[list[str], typer.Option(help="部门的统一社会信用代码，可多次给出")],
    item: Annotated[list[str] | None, typer.Option(help="只对接这些事项，可多次给出")] = None,
    events: Annotated[str, typer.Option(help="接收事件的地址；不给则只拉取")] = "",
    public_key: PublicKey = None,
) -> None:
    """登记一个部门系统并生成密钥；密钥只显示这一次。"""
    from services.exchange.types import NewSystem

    async def add(keeper: SystemKeeper) -> None:
        keys = [_calling_key(f"{code}-1", public_key)] + (
            [_event_key(f"{code}-1-events", public_key)] if events else []
        )
        await keeper.add(NewSystem(code, name, tuple(department), tuple(item or ()), events), keys, _ACTOR)
        _show_once(keys)

    _run(add)


@exchange_cli.command("events-to")
def events_to(code: Code, url: Annotated[str, typer.Argument(help="接收事件的地址；空字符串为不再发送")]) -> None:
    """更改系统接收事件的地址。"""
    _run(lambda keeper: keeper.send_events_to(code, url, _ACTOR))


@key_cli.command("add")
def add_key(
    code: Code,
    key_id: KeyId,
    events: Annotated[bool, typer.Option("--events", help="用于签名我方事件，而非对方请求")] = False,
    public_key: PublicKey = None,
) -> None:
    """加入一个新密钥并显示一次；原有密钥继续有效，直到停用。"""

    async def add(keeper: SystemKeeper) -> None:
        key = _event_key(key_id, public_key) if events else _calling_key(key_id, public_key)
        await keeper.add_keys(code, [key], _ACTOR)
        _show_once([key])

    _run(add)


@key_cli.command("retire")
def retire_key(key_id: KeyId) -> None:
    """停用一个密钥，立即生效。"""
    _run(lambda keeper: keeper.retire_key(key_id, _ACTOR))


@exchange_cli.command("events")
def list_events() -> None:
    """列出失败与等待重发的事件；有失败的则以非零退出。"""

    async def show(keeper: SystemKeeper) -> int:
        table = make_table("事件编号", "系统", "事件", "办件", "状态", "次数", "最近错误")
        unsent = await keeper.unsent()
        for each in unsent:
            state = "失败" if each.status == "FAILED" else "等待重发"
            table.add_row(
                each.event_no, each.system_code, each.kind, each.subject_no, state, str(each.attempts), each.last_error
            )
        console.print(table)
        return 1 if any(each.status == "FAILED" for each in unsent) else 0

    _run(show)


@exchange_cli.command("requeue")
def requeue(event_no: EventNo) -> None:
    """重新发送一个失败或跳过的事件。"""
    _run(lambda keeper: keeper.requeue(event_no))


@exchange_cli.command("skip")
def skip(event_no: EventNo) -> None:
    """跳过一个事件，使同一办件的后续事件得以发送。"""
    _run(lambda keeper: keeper.skip(event_no))


def _calling_key(key_id: str, public_key: Path | None) -> NewKey:
    from app.signatures import ED25519, HMAC_SHA256
    from services.exchange.keeper import made_key
    from services.exchange.types import NewKey

    if public_key is None:
        return made_key(key_id, HMAC_SHA256, signs_events=False)
    pem = public_key.read_text(encoding="utf-8", errors="replace")
    return NewKey(key_id, ED25519, signs_events=False, public_key=pem)


def _event_key(key_id: str, public_key: Path | None) -> NewKey:
    """Make the key for our events, of the kind that the system's own is."""
    from app.signatures import ED25519, HMAC_SHA256
    from services.exchange.keeper import made_key

    return made_key(key_id, HMAC_SHA256 if public_key is None else ED25519, signs_events=True)


def _show_once(keys: list[NewKey]) -> None:
    from app.signatures import ED25519, public_pem

    for key in keys:
        use = "我方事件" if key.signs_events else "对方请求"
        if key.algorithm != ED25519:
            console.print(f"{key.key_id}（{use}）共享密钥（hex，只显示这一次）：{key.secret.hex()}", soft_wrap=True)
        elif key.signs_events:
            console.print(f"{key.key_id}（{use}）我方公钥，请交给对方：\n{public_pem(key.secret)}")
        else:
            console.print(f"{key.key_id}（{use}）已登记对方公钥")


def _run(command: Callable[[SystemKeeper], Awaitable[int | None]]) -> None:
    """Run a command over the open database; a refusal is one clear line."""
    from app import exchange_desk

    async def work(settings: Settings) -> int:
        async with exchange_desk.opened(settings) as keeper:
            return await command(keeper) or 0

    with start.surroundings(ROOT) as settings:
        try:
            code = asyncio.run(work(settings))
        except SanjinError as refusal:
            told = "；".join(fault.message for fault in refusal.faults) or refusal.detail
            console.print(f"[red]{told}[/red]")
            code = 1
    sys.exit(code)
