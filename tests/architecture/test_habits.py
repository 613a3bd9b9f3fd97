"""Habits of the house: sizes, docstrings, names, and words that must not stand in it."""

from __future__ import annotations

import ast
import re

from tests.architecture.sources import ROOT, Source, sources

_FORBIDDEN = re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b|NotImplementedError|pragma: no cover")
_BROAD = {"app.job_runner", "app.worker", "handlers.doorkeeper"}
"""The error renderer and the worker loop; nowhere else may an error of any kind be swallowed."""


def _functions(source: Source) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_files_stay_under_400_lines() -> None:
    assert [s.module for s in sources() if s.text.count("\n") > 400] == []


def test_functions_stay_under_60_lines() -> None:
    long = [f"{s.module}.{f.name}" for s in sources() for f in _functions(s) if (f.end_lineno or 0) - f.lineno >= 60]
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    assert [s.module for s in sources() if s.text.strip() and not ast.get_docstring(s.tree)] == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "helpers", "common", "misc"}
    assert [s.module for s in sources() if s.path.stem in drawers] == []


def test_nothing_is_left_for_later() -> None:
    assert [s.module for s in sources() if _FORBIDDEN.search(s.text)] == []


def test_broad_except_stands_only_at_the_renderer_and_the_worker_loop() -> None:
    found = {
        s.module
        for s in sources()
        for node in ast.walk(s.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    }
    assert found <= _BROAD


_OWN_MEANS = {
    "transport",
    "breaker",
    "__init__",
    "config",
    "token_store",
    "failures",
    "form",
    "types",
    "values",
    "problems",
}
"""Modules of clients/ that hold our own means, not a vendor's rules."""


def test_clients_name_the_vendor_document_they_follow() -> None:
    modules = [s for s in sources() if s.module.startswith("clients.") and s.path.stem not in _OWN_MEANS]
    assert [s.module for s in modules if "Source:" not in s.text] == []


def test_every_job_is_in_the_table_of_jobs() -> None:
    """Rooms name their jobs by constants; app.tables lists them by those constants or by the room's own table."""
    listed = (ROOT / "app" / "tables.py").read_text(encoding="utf-8")
    constants = {
        node.args[0].id
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "enqueue"
        and node.args
        and isinstance(node.args[0], ast.Name)
    }
    tables = "".join(s.text for s in sources() if "def jobs(self)" in s.text)
    assert {name for name in constants if name not in listed and name not in tables} == set()
