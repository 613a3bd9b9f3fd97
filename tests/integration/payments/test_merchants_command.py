"""`run.py merchants …`: dry by default, clear refusals, every change in the audit chain, no secret on the screen."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from app import db

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]


class Desk:
    """An operator at a machine in demo mode: its made-up secrets, the database of the test."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SJT_", "PROMETHEUS"))}
        own = {"SJT_VAR": str(folder), "SJT_DATABASE_URL": database, "SJT_REDIS_URL": "redis://127.0.0.1:1"}
        self._environment = inherited | own | {"COLUMNS": "300"}

    async def run(self, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "run.py",
            "merchants",
            *arguments,
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()


async def _acts() -> list[tuple[str, str, str]]:
    rows = await db.fetch_all("SELECT actor, action, object_no FROM audit_entry ORDER BY seq")
    return [(row["actor"], row["action"], row["object_no"]) for row in rows]


async def test_operator_adds_changes_and_checks_accounts(database: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path, database)
    code, printed = await desk.run("list")
    assert code == 0, printed
    made = tmp_path / "keys" / "merchants.json"
    accounts = {entry["channel"]: entry for entry in json.loads(made.read_text())}
    wechat = accounts["WECHAT"]["code"]

    code, printed = await desk.run("import", str(made))
    assert code == 0, printed
    assert "新增 traffic-police-wechat" in printed
    assert "预演" in printed
    assert await db.fetch_all("SELECT id FROM payment_account") == []
    code, printed = await desk.run("import", str(made), "--apply")
    assert code == 0, printed
    assert {row["code"] for row in await db.fetch_all("SELECT code FROM payment_account")} == {
        entry["code"] for entry in accounts.values()
    }

    code, printed = await desk.run("list")
    assert wechat in printed
    assert accounts["WECHAT"]["sub_mch_id"] in printed
    code, printed = await desk.run("check")
    assert (code, "共 2 个账户，0 个不可用" in printed) == (0, True), printed

    platform = tmp_path / "keys" / "wechat_pay_platform.pub.pem"
    code, printed = await desk.run("key", "add", wechat, "PUB_KEY_ID_0202", str(platform))
    assert code == 0, printed
    code, printed = await desk.run("key", "add", wechat, "PUB_KEY_ID_0303", str(made))
    assert (code, "无法读取" in printed) == (1, True), printed
    code, printed = await desk.run("key", "retire", wechat, "PUB_KEY_ID_0202")
    assert code == 0, printed
    left = accounts["WECHAT"]["keys"][0]["key_id"]
    code, printed = await desk.run("key", "retire", wechat, left)
    assert (code, "最后一个" in printed) == (1, True), printed
    code, printed = await desk.run("disable", wechat)
    assert (code, "已停用" in printed) == (0, True), printed
    code, printed = await desk.run("enable", "nobody")
    assert (code, "没有这个商户账户" in printed) == (1, True), printed
    assert await _acts() == [
        ("cli", "merchant.imported", "traffic-police-wechat"),
        ("cli", "merchant.imported", "traffic-police-alipay"),
        ("cli", "merchant.key_added", wechat),
        ("cli", "merchant.key_retired", wechat),
        ("cli", "merchant.disabled", wechat),
    ]


async def test_missing_secret_is_told_and_nothing_is_written(database: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path, database)
    await desk.run("list")
    made = tmp_path / "keys" / "merchants.json"
    entries = json.loads(made.read_text())
    secret = (tmp_path / "keys" / "merchants" / "traffic-police-wechat" / "apiv3_key").read_text()
    other = tmp_path / "keys" / "other.json"
    other.write_text(json.dumps([entries[0] | {"code": "other", "key_reference": "other"}]))
    code, printed = await desk.run("import", str(other), "--apply")
    assert (code, "没有密钥文件夹 other" in printed, "未写入" in printed) == (1, True, True), printed
    other.write_text(json.dumps([entries[0] | {"key_reference": "../keys"}]))
    code, printed = await desk.run("import", str(other), "--apply")
    assert (code, "只能是文件夹名" in printed) == (1, True), printed
    assert await db.fetch_all("SELECT id FROM payment_account") == []
    assert secret not in printed
