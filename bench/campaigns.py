"""A mass push written for very many people: rows a second, and the worker's memory from a thousand people on.

`python -m bench` calls it; alone it runs as `python -m bench.campaigns [people]`. The expansion is a process of its
own (`python -m bench.expansion CODE`).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable

import asyncpg
from rich.console import Console

from app.settings import Settings
from bench import report
from bench.engines import ROOT, engines
from bench.expansion import Measured

PEOPLE, FEW = 1_000_000, 1_000
_FEW_LIVE, _MANY_LIVE = "140105", "140213"
_LEAST_ROWS_A_SECOND = 10_000
_MOST_GROWTH_MIB = 16
_SEED = """
INSERT INTO citizen (id, created_at, updated_at, status, real_name_level, name_masked, id_number_masked, phone_masked,
    preferences, division_code, birth_year)
SELECT (lpad(to_hex(n), 12, '0') || '7000800000' || lpad(to_hex(n), 10, '0'))::uuid, now(), now(), 'ACTIVE', 'L2',
    '*伟', '', '', '{}'::jsonb, CASE WHEN n <= $2 THEN $3 ELSE $4 END, 1950 + n % 60
FROM generate_series(1, $1::int) AS n
ON CONFLICT DO NOTHING
"""


def lines(settings: Settings, people: int, say: Callable[[str], None]) -> list[report.Line]:
    """Seed people, expand a campaign to few and one to all of them; return the lines of the table."""
    say(f"seeding {people:,} people")
    asyncio.run(_seed(settings.database_url, people))
    say("campaign expansion")
    few, all_of_them = expanded(_FEW_LIVE), expanded("14")
    what = f"campaign to {all_of_them.notices:,} people"
    rate = all_of_them.notices / all_of_them.seconds
    return [
        report.reached(f"{what}, expansion", rate, _LEAST_ROWS_A_SECOND, "rows/s"),
        report.bounded(f"{what}, worker's memory", all_of_them.peak_mib, 150, "MiB"),
        report.bounded(
            f"{what}, memory above that for {few.notices:,}",
            max(0.0, all_of_them.peak_mib - few.peak_mib),
            _MOST_GROWTH_MIB,
            "MiB",
        ),
    ]


def expanded(division: str) -> Measured:
    """Expand a campaign to everybody of a division prefix, in a process of its own."""
    command = [sys.executable, "-m", "bench.expansion", division]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


async def _seed(url: str, people: int) -> None:
    link = await asyncpg.connect(url)
    await link.execute(_SEED, people, FEW, _FEW_LIVE, _MANY_LIVE)
    await link.execute("ANALYZE citizen")
    await link.close()


def main(people: int) -> None:
    """Measure alone."""
    console = Console()
    with engines(console.print) as settings:
        console.print(report.screen(lines(settings, people, console.print)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
