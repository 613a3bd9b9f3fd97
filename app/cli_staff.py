"""run.py staff …: accounts from a file, one new account, and a way back in for an administrator who is locked out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import start
from app.errors import SanjinError, SettingsError
from app.terminal import make_console, make_table

if TYPE_CHECKING:
    from services.staff.types import FirstPassword

ROOT = Path(__file__).resolve().parent.parent
staff_cli = typer.Typer(help="工作人员账号", no_args_is_help=True)
console = make_console()


@staff_cli.command("import")
def staff_import(
    file: Annotated[Path | None, typer.Argument(help="账号文件；演示环境默认 data/staff.json")] = None,
) -> None:
    """建立账号文件中缺少的账号，列出初始密码与动态口令密钥；已有账号不变。生产环境只列出一次，不留存。"""
    from app import loading

    with start.surroundings(ROOT) as settings:
        if file is None and not settings.is_demo:
            raise SettingsError("生产环境不使用演示账号，请给出账号文件：run.py staff import 文件")
        listed = asyncio.run(loading.import_staff_accounts(settings, file or ROOT / "data" / "staff.json"))
    table = make_table("账号", "姓名", "初始密码", "TOTP 密钥")
    for row in listed:
        table.add_row(row.username, row.display_name, row.password, row.totp_secret)
    console.print(table)
    if not settings.is_demo:
        loading.credentials_file(settings).unlink(missing_ok=True)


@staff_cli.command("add")
def staff_add(
    username: Annotated[str, typer.Argument(help="用户名")],
    name: Annotated[str, typer.Argument(help="姓名")],
    role: Annotated[list[str], typer.Option(help="角色，可多次给出")],
    division: Annotated[list[str], typer.Option(help="辖区的 6 位区划代码，可多次给出")],
    department: Annotated[list[str] | None, typer.Option(help="部门的统一社会信用代码，可多次给出")] = None,
) -> None:
    """新增一个账号并显示初始密码；本人首次登录时更换密码、绑定动态口令。"""
    from app import loading

    terms = {"username": username, "display_name": name, "roles": role, "divisions": division}
    with start.surroundings(ROOT) as settings:
        _shown(lambda: asyncio.run(loading.add_staff(settings, {**terms, "departments": department or []})))


@staff_cli.command("reset")
def staff_reset(username: Annotated[str, typer.Argument(help="用户名")]) -> None:
    """重新发给初始密码并清除动态口令，启用账号，结束其会话；用于管理员无法登录时。"""
    from app import loading

    with start.surroundings(ROOT) as settings:
        _shown(lambda: asyncio.run(loading.reset_staff(settings, username)))


def _shown(act: Callable[[], FirstPassword]) -> None:
    try:
        first = act()
    except SanjinError as error:
        reasons = "；".join(fault.message for fault in error.faults)
        raise SettingsError(reasons or error.detail) from error
    console.print(f"{first.username} 的初始密码：{first.first_password}（{first.valid_days} 日内有效，仅显示这一次）")
