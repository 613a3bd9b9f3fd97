"""Reads facts out of the sources for generate.py: error codes, metrics, transition tables. Writes nothing.

Sources are read as syntax trees wherever possible, so that a page can be made without starting anything.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("app", "handlers", "services", "payments", "notify", "clients")


@dataclass(slots=True)
class ErrorCode:
    """A stable code: its HTTP status, the Chinese sentences it comes with, and the modules that raise it."""

    code: str
    status: int
    sentences: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)

    def note(self, sentence: str, module: str) -> None:
        """Remember one more place."""
        if sentence and sentence not in self.sentences:
            self.sentences.append(sentence)
        if module not in self.modules:
            self.modules.append(module)


@dataclass(frozen=True, slots=True)
class Family:
    """An error class: the code, status and sentence that it has unless a raise says otherwise."""

    code: str
    status: int
    sentence: str


@cache
def trees() -> tuple[tuple[str, ast.Module], ...]:
    """Return (dotted module name, tree) of every source file of the rooms, read once a process."""
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    return tuple(
        (
            ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"),
            ast.parse(file.read_text(encoding="utf-8")),
        )
        for file in files
    )


@cache
def _coroutines() -> Mapping[str, list[tuple[str, str]]]:
    """Return name → [(module, docstring)] of every coroutine function."""
    found: dict[str, list[tuple[str, str]]] = {}
    for module, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append((module, ast.get_docstring(node) or ""))
    return found


def error_codes() -> list[ErrorCode]:
    """Collect every stable code: of the families, of single raises, and of the framework's own refusals."""
    read = trees()
    families = _families(tree for _, tree in read)
    found: dict[tuple[str, int], ErrorCode] = {}

    def note(code: str, status: int, sentence: str, module: str) -> None:
        found.setdefault((code, status), ErrorCode(code, status)).note(sentence, module)

    for family in families.values():
        note(family.code, family.status, family.sentence, "app.errors")
    for module, tree in read:
        constants = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in families:
                family = families[_name(node.func)]
                code = next((_text(k.value) for k in node.keywords if k.arg == "code"), family.code)
                said = node.args[0] if node.args else None
                sentence = constants.get(_name(said), "") or _text(said) if said else family.sentence
                if code:
                    note(code, family.status, sentence, module)
            elif isinstance(node, ast.Assign) and _name(node.targets[0]) == "_FRAMEWORK":
                for status, (code, sentence) in ast.literal_eval(node.value).items():
                    note(code, status, sentence, module)
    return sorted(found.values(), key=lambda each: (each.status, each.code))


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the texts that a module gives names to."""
    named = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    return {_name(node.targets[0]): _text(node.value) for node in named}


def _families(read: Iterator[ast.Module]) -> dict[str, Family]:
    classes = [node for tree in read for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known = {"SanjinError": Family("internal_error", 500, "系统繁忙，请稍后再试")}
    for _ in range(4):
        for node in classes:
            base = next((_name(base) for base in node.bases if _name(base) in known), "")
            if base:
                own = _class_values(node)
                above = known[base]
                known[node.name] = Family(
                    str(own.get("code", above.code)),
                    int(own.get("status", above.status)),
                    str(own.get("message", above.sentence)),
                )
    return known


def _class_values(node: ast.ClassDef) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for line in node.body:
        if (
            isinstance(line, ast.Assign)
            and isinstance(line.targets[0], ast.Tuple)
            and isinstance(line.value, ast.Tuple)
        ):
            for target, value in zip(line.targets[0].elts, line.value.elts, strict=True):
                values[_name(target)] = value.value if isinstance(value, ast.Constant) else None
        elif isinstance(line, ast.AnnAssign) and isinstance(line.value, ast.Constant):
            values[_name(line.target)] = line.value.value
    return values


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(node: ast.AST) -> str:
    """Read a text literal; the changing parts of an f-string become an ellipsis."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


def metrics() -> list[tuple[str, str, str, str]]:
    """List (name, kind, labels, meaning) of the Prometheus metrics."""
    tree = ast.parse((ROOT / "app" / "metrics.py").read_text(encoding="utf-8"))
    rows = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ("Histogram", "Counter", "Gauge"):
            labels = ast.literal_eval(node.args[2]) if len(node.args) > 2 else ()
            rows.append((_text(node.args[0]), _name(node.func).lower(), ", ".join(labels), _text(node.args[1])))
    return rows


def sweeps() -> list[tuple[str, str, str]]:
    """List (name, schedule, first sentence of what it does) of every sweep that is scheduled."""
    rows: list[tuple[str, str, str]] = []
    for module, tree in trees():
        if module.rpartition(".")[2] in ("tables", "sweeps"):
            for node in ast.walk(tree):
                rows += _scheduled(node) if isinstance(node, ast.Dict) else []
    return sorted(rows)


def _scheduled(table: ast.Dict) -> Iterator[tuple[str, str, str]]:
    for key, value in zip(table.keys, table.values, strict=True):
        if key is not None and isinstance(value, ast.Tuple) and "*" in _text(value.elts[0]):
            call = value.elts[1]
            function = _name(call.args[0]) if isinstance(call, ast.Call) else _name(call)
            yield _text(key), _text(value.elts[0]), _purpose(function, _text(key).partition(".")[0])


def _purpose(function: str, room: str) -> str:
    """Return the first sentence of a coroutine's docstring; of several namesakes the one of its own room."""
    found = [
        (room not in module, said.partition("\n")[0].partition(". ")[0].rstrip("."))
        for module, said in _coroutines().get(function, ())
    ]
    return min(found)[1] if found else ""


def state_modules() -> list[str]:
    """Name every room's states.py."""
    files = [*(ROOT / "services").glob("*/states.py"), ROOT / "payments/states.py", ROOT / "notify/states.py"]
    files += [*(ROOT / "notify").glob("*/states.py")]
    return sorted(".".join(f.relative_to(ROOT).with_suffix("").parts) for f in files if f.is_file())


def transition_tables() -> dict[str, Mapping[Any, Any]]:
    """Return dotted name → table for every transition table and every table of meanings, in the order of the files."""
    tables: dict[str, Mapping[Any, Any]] = {}
    for module in state_modules():
        for name, value in vars(importlib.import_module(module)).items():
            if not name.startswith("_") and isinstance(value, Mapping) and (is_edges(value) or is_meanings(value)):
                tables[f"{module}.{name}"] = value
    return tables


def is_edges(table: Mapping[Any, Any]) -> bool:
    """Tell whether a table maps (status, act) to an edge."""
    return bool(table) and all(isinstance(key, tuple) and len(key) == 2 for key in table)


def is_meanings(table: Mapping[Any, Any]) -> bool:
    """Tell whether a table maps a status to what it means."""
    return bool(table) and all(hasattr(value, "emits") and hasattr(value, "text") for value in table.values())


def edge_of(value: Any) -> tuple[str, str]:
    """Return (status it leads to, event it emits or "") of an edge in any of the rooms' forms."""
    if isinstance(value, str):
        return str(value), ""
    return str(value.to), str(getattr(value, "emits", "") or getattr(value, "event", ""))
