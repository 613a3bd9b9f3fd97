"""Reads the house's own sources once, for the tests that look at its plan."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("app", "handlers", "services", "payments", "notify", "clients", "models", "simulators", "demo", "bench")


@dataclass(frozen=True)
class Source:
    """One file: dotted module name, its tree and its text."""

    module: str
    path: Path
    tree: ast.Module
    text: str

    @property
    def imports(self) -> set[str]:
        """Dotted names of our own packages that the file imports, also inside functions and type checks."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return {name for name in found if name.split(".")[0] in ROOMS}


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the house except tests and migrations."""
    files = [ROOT / "run.py", *(file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))]
    return tuple(_read(file) for file in files if "migrations" not in file.parts)


def _read(file: Path) -> Source:
    text = file.read_text(encoding="utf-8")
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Source(name, file, ast.parse(text), text)
