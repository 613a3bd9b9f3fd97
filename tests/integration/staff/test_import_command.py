"""`run.py staff import` in production: real accounts only, and their first passwords are handed out once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from app import db
from tests.integration.staff.newcomers import make_places
from tests.production import filled_example

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]
CLERK = {"username": "clerk-1", "display_name": "窗口 一", "roles": ["window"], "divisions": ["140105"]}


async def _run(
    folder: Path, database: str, *arguments: str, command: str = "import", redis: str = ""
) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SJT_", "PROMETHEUS"))}
    environment |= filled_example(folder) | {"SJT_VAR": str(folder / "var"), "SJT_DATABASE_URL": database}
    environment |= {"SJT_REDIS_URL": redis} if redis else {}
    environment |= {"SJT_STORAGE_URL": f"file://{folder}", "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "run.py",
        "staff",
        command,
        *arguments,
        cwd=ROOT,
        env={name: value for name, value in environment.items() if name != "SJT_DATABASE_URL_FILE"},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_made_up_accounts_are_not_for_production(database: str, tmp_path: Path) -> None:
    code, printed = await _run(tmp_path, database)
    assert code == 2
    assert "请给出账号文件" in printed
    assert await db.fetch_all("SELECT username FROM staff_member") == []


async def test_first_passwords_are_printed_once_and_not_kept(database: str, tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps([CLERK]))
    code, printed = await _run(tmp_path, database, str(file))
    assert code == 0
    assert "clerk-1" in printed
    assert [row["username"] for row in await db.fetch_all("SELECT username FROM staff_member")] == ["clerk-1"]
    assert not (tmp_path / "var" / "keys" / "staff.json").exists()
    code, printed = await _run(tmp_path, database, str(file))
    assert code == 0
    assert "clerk-1" not in printed


async def test_operator_adds_an_account_and_lets_its_owner_in_again(
    database: str, redis_url: str, tmp_path: Path
) -> None:
    await make_places()
    wanted = ("root", "管理员", "--role", "administrator", "--division", "140000")
    code, printed = await _run(tmp_path, database, *wanted, command="add", redis=redis_url)
    assert code == 0
    assert "root 的初始密码" in printed
    code, printed = await _run(tmp_path, database, *wanted, command="add", redis=redis_url)
    assert (code, "用户名已被使用" in printed) == (2, True)
    code, printed = await _run(tmp_path, database, "root", command="reset", redis=redis_url)
    assert (code, "root 的初始密码" in printed) == (0, True)
    rows = await db.fetch_all("SELECT actor, action FROM audit_entry ORDER BY seq")
    assert [tuple(row.values()) for row in rows] == [("system", "staff.added"), ("system", "staff.totp_reset")]
