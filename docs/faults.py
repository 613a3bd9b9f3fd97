"""Prints the fault matrices for docs/payments.md and docs/notices.md; the tests walk the same rows."""

from __future__ import annotations

from tests.contract.faults import notice_matrix
from tests.contract.faults.matrix import CANNOT_HAPPEN, FAULTS, MEANINGS, ROWS, Row

_PROVIDERS = {"wechat": "WeChat Pay", "alipay": "Alipay", "fiscal": "fiscal platform"}


def table() -> str:
    """Print faults, outcomes, and a table for every provider."""
    parts = ["| fault | what it is |", "|---|---|"]
    parts += [f"| `{fault}` | {meaning or 'a page with this status'} |" for fault, meaning in FAULTS.items()]
    parts += ["", "| outcome | meaning |", "|---|---|"]
    parts += [f"| {outcome} | {meaning} |" for outcome, meaning in MEANINGS.items()]
    for provider, title in _PROVIDERS.items():
        rows = [row for row in ROWS if row.provider == provider]
        parts += ["", f"**{title}**", "", "| call | faults | outcome | state meanwhile | repaired by |"]
        parts += ["|---|---|---|---|---|", *map(_line, rows), *_impossible(provider)]
    return "\n".join([*parts, ""])


def _line(row: Row) -> str:
    plain = [f"`{fault}`" for fault in row.faults if not fault.startswith("code ")]
    codes = [f"`{fault.removeprefix('code ')}`" for fault in row.faults if fault.startswith("code ")]
    return f"| {row.call} | {', '.join([*plain, *codes])} | {row.outcome} | {row.states} | {row.repair} |"


def _impossible(provider: str) -> list[str]:
    return [
        f"| {call} | {', '.join(f'`{fault}`' for fault in reasons if reasons[fault] == reason)} | – | – | {reason} |"
        for (name, call), reasons in CANNOT_HAPPEN.items()
        if name == provider
        for reason in dict.fromkeys(reasons.values())
    ]


def notices_table() -> str:
    """Print the fault matrix of notices."""
    heading = "| channel | answers | the try | the notice meanwhile | permission | afterwards | alarm |"
    rows = [
        f"| {row.channel} | {_listed(row.faults)} | {row.outcome}"
        f" | {row.notice} | {row.stock} | {row.end} | {'yes' if row.alarm else ''} |"
        for row in notice_matrix.ROWS
    ]
    return "\n".join([heading, "|---|---|---|---|---|---|---|", *rows, ""])


def _listed(faults: tuple[str, ...]) -> str:
    return ", ".join(f"`{fault.removeprefix('code ')}`" for fault in faults)
