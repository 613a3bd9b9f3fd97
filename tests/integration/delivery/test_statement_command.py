"""`run.py deliveries statement`: a file is compared from the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from app import db

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]


async def _run(folder: Path, database: str, content: str) -> tuple[int, str]:
    (folder / "bill.csv").write_text(content, encoding="gb18030")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SJT_", "PROMETHEUS"))}
    environment |= {"SJT_VAR": str(folder / "var"), "SJT_DATABASE_URL": database, "SJT_STORAGE_URL": f"file://{folder}"}
    environment |= {"SJT_REDIS_URL": os.environ["SJT_TEST_REDIS_URL"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "run.py", "deliveries", "statement", str(folder / "bill.csv"), "--courier", "sf",
        "--month", "2026-10",
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_a_statement_is_compared_and_its_differences_are_printed(database: str, tmp_path: Path) -> None:
    code, printed = await _run(tmp_path, database, "日期,运单号,应付金额\n2026-10-15,SF1,12\n")
    assert code == 0, printed
    assert "顺丰速运 2026-10：1 行，对方合计 12.00 元，相符 0，差异 1，待处理 1" in printed
    assert "我方无此运单" in printed
    acts = await db.fetch_all("SELECT actor, action FROM audit_entry")
    assert [(row["actor"], row["action"]) for row in acts] == [("run.py", "courier_statement.uploaded")]
