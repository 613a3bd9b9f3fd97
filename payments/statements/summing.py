"""Folds the parts of a statement into its rows and their total, and compares them with the ledger. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from app import db
from payments.statements.repository import Parts
from payments.statements.types import Statement, StatementRow, StatementSums
from payments.types import StaffScope

_ADDED = (
    "paid_count paid_fen refunded_count refunded_fen returned_count returned_fen fee_fen confirmed_count confirmed_fen"
    " unconfirmed_count unconfirmed_fen open_differences"
).split()


def statement(parts: Parts, scope: StaffScope, first_on: date, until: date, department: str = "") -> Statement:
    """Make the statement of a scope; `department` narrows it to one."""
    agrees = agreement(parts)
    added: defaultdict[tuple[str, str, str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in parts.sums:
        if _is_shown(row, scope, department):
            account = parts.accounts[row["account_id"]]
            sums = added[row["department_code"], account["channel"], account["code"], account["mch_id"]]
            for name in _ADDED:
                sums[name] += row.get(name) or 0
    rows = [
        StatementRow(
            department_code=department_code,
            channel=channel,
            account_code=account_code,
            mch_id=mch_id,
            ledger_agrees=agrees.get(channel, True),
            **_derived(sums),
        )
        for (department_code, channel, account_code, mch_id), sums in sorted(added.items())
    ]
    return Statement(date=first_on.isoformat(), until=until.isoformat(), rows=rows, total=total_of(rows))


def total_of(rows: Iterable[StatementRow]) -> StatementSums:
    """Add rows up; the ledger agrees where it agrees with every one."""
    sums: defaultdict[str, int] = defaultdict(int)
    agrees = True
    for row in rows:
        agrees = agrees and row.ledger_agrees
        for name in _ADDED:
            sums[name] += getattr(row, name)
    return StatementSums(ledger_agrees=agrees, **_derived(sums))


def agreement(parts: Parts) -> Mapping[str, bool]:
    """Tell by channel whether the ledger holds exactly the payments and refunds of the days, of the whole house."""
    told: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in parts.sums:
        sums = told[parts.accounts[row["account_id"]]["channel"]]
        sums[0] += row.get("paid_count") or 0
        sums[1] += row.get("paid_fen") or 0
        sums[2] += (row.get("refunded_fen") or 0) - (row.get("returned_fen") or 0)
    booked = {
        row["account"].removeprefix("channel:"): [row["paid_count"], row["paid_fen"], row["moved_fen"]]
        for row in parts.booked
        if row["account"].startswith("channel:")
    }
    return {channel: told[channel] == booked.get(channel, [0, 0, 0]) for channel in {*told, *booked}}


def _derived(sums: Mapping[str, int]) -> dict[str, Any]:
    values: dict[str, Any] = {name: sums[name] for name in _ADDED}
    return values | {
        "overpaid_count": sums["paid_count"] - sums["confirmed_count"] - sums["unconfirmed_count"],
        "overpaid_fen": sums["paid_fen"] - sums["confirmed_fen"] - sums["unconfirmed_fen"],
        "net_fen": sums["paid_fen"] - sums["refunded_fen"] + sums["returned_fen"] - sums["fee_fen"],
    }


def _is_shown(row: db.Row, scope: StaffScope, department: str) -> bool:
    """A difference that matches no bill has neither division nor department: it concerns everybody."""
    own, place = row["department_code"], row["division_code"]
    if department and own != department:
        return False
    return (not place or place.startswith(scope.divisions)) and (
        not own or not scope.departments or own in scope.departments
    )
