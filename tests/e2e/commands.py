"""The commands of run.py, run beside the product on its folder, as an operator does."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass

from tests.e2e.conftest import ROOT, Product


@dataclass(frozen=True)
class Printed:
    """What a command left: exit code and everything it wrote."""

    code: int
    text: str

    def cells(self, beginning: str) -> list[str]:
        """Return the cells of the table row whose first cell is this."""
        rows = [[cell.strip() for cell in line.strip("│┃ ").split("│")] for line in self.text.splitlines()]
        return next(row for row in rows if row[0] == beginning)


async def command(product: Product, *arguments: str) -> Printed:
    """Run one command to its end."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SJT_", "PROMETHEUS", "COLUMNS"))
    }
    environment |= {"SJT_VAR": str(product.var), "SJT_PORT": str(product.port), "SJT_SIM_PORT": str(product.sim_port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "run.py",
        *arguments,
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await process.communicate()
    assert process.returncode is not None
    return Printed(process.returncode, written.decode())
