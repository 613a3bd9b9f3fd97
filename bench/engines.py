"""What the bench stands on: its own PostgreSQL and Redis in a temporary folder, migrated and loaded like any start.

The engines keep their default, durable settings: floor and product pay the same price for a commit.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app import loading, start
from app.migrate import migrate
from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
_FIRST_PORT = 18_700


@contextmanager
def engines(say: Callable[[str], None]) -> Iterator[Settings]:
    """Give demo settings whose database is migrated and holds the catalogue; everything is gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sjt-bench-", ignore_cleanup_errors=True)))
        _use(folder)
        say("PostgreSQL and Redis")
        settings = stack.enter_context(start.surroundings(ROOT))
        say("migrations and catalogue")
        asyncio.run(migrate(settings.database_url))
        asyncio.run(loading.load_start(settings, ROOT / "data"))
        # The product reads its settings from the environment, as it does when run.py starts it.
        os.environ |= {
            "SJT_DATABASE_URL": settings.database_url,
            "SJT_REDIS_URL": settings.redis_url,
            "SJT_STORAGE_URL": settings.storage_url,
        }
        yield settings


def _use(folder: Path) -> None:
    for name in [name for name in os.environ if name.startswith("SJT_")]:
        del os.environ[name]
    metrics = folder / "metrics"
    metrics.mkdir()
    os.environ |= {
        "SJT_VAR": str(folder),
        "SJT_PORT": str(_FIRST_PORT),
        "SJT_SIM_PORT": str(_FIRST_PORT + 50),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
