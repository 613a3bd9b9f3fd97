"""Makes the pages and blocks of the documentation that repeat the code: `python -m docs.generate [--check]`.

A whole page is made for the settings and the states; elsewhere a block between `<!-- generated: NAME -->` and
`<!-- end -->` is replaced. With --check nothing is written and the exit code tells whether something is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields
from typing import Any

from app.settings import Settings
from docs import code_reading, faults, words
from payments.reconciliation.kinds import KINDS, REPAIR_TEXT, Rule

ROOT = code_reading.ROOT
_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_MADE = "<!-- made by `python -m docs.generate`; edit the code, not this page -->\n"


def settings_page() -> str:
    """Make docs/settings.md."""
    return f"""{_MADE}
# Settings

Everything is set by environment variables; `.env` files are not read. `python run.py doctor` prints the present values
with secrets masked. A variable marked *secret* may be given as a file: `NAME_FILE=/run/secrets/name` replaces `NAME`.
A variable marked *file* names a PEM file. All faults are reported together, and the process does not start with any.

In demo mode (`SJT_ENV=demo`, the default) every key, account and provider address that is not set is made once under
`var/keys/` and points to the simulators. A provider whose base address is set is called for real, also in demo mode.
In production (`SJT_ENV=production`) nothing is made up: missing values, provider addresses on this machine, demo keys
and a public address without https are refused.

{settings_table(english=True)}"""


def settings_table(*, english: bool) -> str:
    """Print the settings by group, with English or Chinese meanings."""
    parts = []
    for title, group in _grouped(english=english):
        head = "Variable | Default | Meaning" if english else "变量 | 默认值 | 含义"
        rows = [_setting_row(each, english=english) for each in group]
        parts.append("\n".join([f"**{title}**", "", f"| {head} |", "|---|---|---|", *rows, ""]))
    return "\n".join(parts)


def _grouped(*, english: bool) -> Iterable[tuple[str, list[Field[Any]]]]:
    left = list(fields(Settings))
    for english_title, chinese_title, beginnings in words.SETTING_GROUPS:
        own = [each for each in left if each.name.startswith(tuple(beginnings.split()))]
        left = [each for each in left if each not in own]
        if own:
            yield (english_title if english else chinese_title), own
    if left:
        yield words.OTHER_GROUP[0 if english else 1], left


def _setting_row(setting: Field[Any], *, english: bool) -> str:
    chinese = str(setting.metadata["meaning"])
    meaning = words.SETTINGS.get(setting.name, chinese) if english else chinese
    kind = "secret" if setting.metadata["secret"] else "file" if setting.metadata["kind"] == "file" else ""
    mark = {"secret": ("*secret*", "*密*"), "file": ("*file*", "*文件*")}.get(kind, ("", ""))[0 if english else 1]
    default = f"`{setting.default}`" if str(setting.default) else ""
    return f"| `SJT_{setting.name.upper()}` {mark} | {default} | {meaning} |".replace("  |", " |")


def states_page() -> str:
    """Make docs/states.md."""
    parts = [
        _MADE,
        "# States",
        "",
        "The life of everything that has one, drawn from the tables that the code itself obeys. An arrow reads",
        "`what happens / the domain event that it emits`. A move that has no arrow is refused with 409",
        "`invalid_transition`; two people moving the same thing at once is decided by compare-and-set in the database.",
        "",
    ]
    for name, table in code_reading.transition_tables().items():
        title, sentence = words.DIAGRAMS.get(name, (name.removesuffix(".TRANSITIONS"), ""))
        parts += [f"## {title}", "", *([sentence, ""] if sentence else []), f"Source: `{_source(name)}`", ""]
        whole = not name.endswith(".FORCED")
        parts += _diagram(table, whole=whole) if code_reading.is_edges(table) else _meanings(table)
    return "\n".join(parts)


def _source(name: str) -> str:
    module, _, attribute = name.rpartition(".")
    return f"{module.replace('.', '/')}.py` · `{attribute}"


def _diagram(table: Mapping[Any, Any], *, whole: bool) -> list[str]:
    """Draw a table; a `whole` life begins at its first row and ends where no edge leads on."""
    edges = [(str(status), str(act), *code_reading.edge_of(edge)) for (status, act), edge in table.items()]
    starts = [edge[0] for edge in edges]
    lines = ["```mermaid", "stateDiagram-v2"] + ([f"    [*] --> {starts[0]}"] if whole else [])
    lines += [f"    {start} --> {to}: {act}{f' / {event}' if event else ''}" for start, act, to, event in edges]
    if whole:
        lines += [f"    {last} --> [*]" for last in dict.fromkeys(edge[2] for edge in edges) if last not in starts]
    return [*lines, "```", ""]


def _meanings(table: Mapping[Any, Any]) -> list[str]:
    rows = [
        f"| `{status}` | {meaning.text} | {getattr(meaning, 'custody', '')} | "
        f"{f'`{meaning.emits}`' if meaning.emits else ''} | {'yes' if meaning.is_terminal else ''} |"
        for status, meaning in table.items()
    ]
    return ["| State | 中文 | Who holds it | Event on reaching it | End |", "|---|---|---|---|---|", *rows, ""]


def error_table() -> str:
    """Print every stable error code."""
    rows = [
        f"| {each.status} | `{each.code}` | {'；'.join(each.sentences[:2]) or '—'} | {_rooms(each.modules)} |"
        for each in code_reading.error_codes()
    ]
    return "\n".join(["| Status | `code` | `detail` (examples) | Raised in |", "|---|---|---|---|", *rows, ""])


def _rooms(modules: Iterable[str]) -> str:
    names = {".".join(module.split(".")[: 2 if module.startswith("services.") else 1]) for module in modules}
    return ", ".join(f"`{name}`" for name in sorted(names))


def metrics_table() -> str:
    """Print the Prometheus metrics."""
    rows = [
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels.split(', ') if label)} | {meaning} |"
        for name, kind, labels, meaning in code_reading.metrics()
    ]
    return "\n".join(["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|", *rows, ""])


def sweeps_table() -> str:
    """Print the scheduled sweeps."""
    rows = [f"| `{name}` | `{cron}` | {meaning} |" for name, cron, meaning in code_reading.sweeps()]
    return "\n".join(["| Sweep | Schedule (UTC) | Does |", "|---|---|---|", *rows, ""])


PAGES: Mapping[str, Callable[[], str]] = {"docs/settings.md": settings_page, "docs/states.md": states_page}


def discrepancy_table() -> str:
    """Print every kind of difference of the reconciliation with what becomes of it."""
    rows = [
        f"| `{kind}` | {rule.text} | {REPAIR_TEXT[rule.repair] or '—'} | {_starts(rule)} | {rule.staff_action} |"
        for kind, rule in KINDS.items()
    ]
    return "\n".join(["| Kind | 中文 | Repair | Starts | 人工处理 |", "|---|---|---|---|---|", *rows, ""])


def _starts(rule: Rule) -> str:
    return "by itself" if rule.is_automatic else "by staff" if rule.repair else "—"


BLOCKS: Mapping[str, Callable[[], str]] = {
    "settings": lambda: settings_table(english=True),
    "settings-zh": lambda: settings_table(english=False),
    "errors": error_table,
    "metrics": metrics_table,
    "sweeps": sweeps_table,
    "faults": faults.table,
    "notice-faults": faults.notices_table,
    "discrepancies": discrepancy_table,
}
HOLDERS = ("README.md", "README.zh-CN.md", "docs/http.md", "docs/operations.md", "docs/payments.md", "docs/notices.md")


def wanted() -> dict[str, str]:
    """Return path → text of every generated page and of every page that holds a generated block."""
    made = {path: make() for path, make in PAGES.items()}
    for path in HOLDERS:
        text = (ROOT / path).read_text(encoding="utf-8")
        made[path] = _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n{found[3]}", text)
    return made


def stale() -> list[str]:
    """Name the pages that differ from what the code says now."""
    return [path for path, text in wanted().items() if _read(path) != text]


def _read(path: str) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def main() -> int:
    """Write the pages, or with --check only tell; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description="Pages and blocks made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is stale")
    only_check = parser.parse_args().check
    differing = stale()
    for path in differing:
        if not only_check:
            (ROOT / path).write_text(wanted()[path], encoding="utf-8")
        sys.stdout.write(f"{'stale' if only_check else 'written'}: {path}\n")
    return 1 if only_check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
