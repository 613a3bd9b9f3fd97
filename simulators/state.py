"""What the simulators remember: named JSON sections in memory, written to one file soon after each change.

Each provider owns the section of its name. Values must be JSON-able; a restart reads them back.
"""

import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


class StateStore:
    """Sections of plain JSON data with a debounced atomic file behind them (no file when `path` is None)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._sections: dict[str, dict[str, Any]] = {}
        self._dirty = asyncio.Event()
        if path is not None and path.exists():
            self._sections = json.loads(path.read_bytes())

    def section(self, name: str) -> dict[str, Any]:
        """Return the live dict of one section, made empty on first use. Call `touch` after changing it."""
        return self._sections.setdefault(name, {})

    def table(self, section: str, name: str) -> dict[str, Any]:
        """Return the dict `name` inside a section, made empty on first use."""
        found: dict[str, Any] = self.section(section).setdefault(name, {})
        return found

    def touch(self) -> None:
        """Say that something changed; it is on disk within about a second."""
        self._dirty.set()

    def clear(self) -> None:
        """Forget everything (control reset). Sections are emptied in place, so held references stay good."""
        for section in self._sections.values():
            section.clear()
        self.touch()

    def save(self) -> None:
        """Write the file now, through a temporary name, so that a kill leaves the old or the new one."""
        if self._path is None:
            return
        temporary = self._path.with_suffix(self._path.suffix + ".tmp")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(self._sections, ensure_ascii=False), "utf-8")
        os.replace(temporary, self._path)

    async def keep_saving(self) -> None:
        """Run for ever: save after changes, at most every 0.5 s, and rarer when a large state takes long to write."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            started = time.monotonic()
            try:
                self.save()
            except OSError as error:
                logger.warning("state file not written: %s", error)
            await asyncio.sleep(max(0.5, 20 * (time.monotonic() - started)))
