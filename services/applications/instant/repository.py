"""Queries of rules and of decisions by rule. Decides nothing; called by the use cases of instant approval."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app import clock, db
from app.db import Row, Transaction
from app.ids import new_id
from services.applications.instant.types import CheckView, CurrentRule, Rule, Verdict


@dataclass(frozen=True, slots=True)
class NewDecision:
    """One run of a rule on a case in one version."""

    case_id: uuid.UUID
    case_version: int
    rule: CurrentRule
    inputs_cipher: bytes
    verdict: Verdict
    checks: Sequence[CheckView]
    at: datetime


async def save_rules(rules: Sequence[CurrentRule]) -> None:
    """Make these the current rules. Idempotent. Raises: ValueError where a version has changed its content."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE instant_rule SET is_current = false WHERE is_current")
        for current in rules:
            await _save_rule(tx, current)


async def _save_rule(tx: Transaction, current: CurrentRule) -> None:
    row = await tx.fetch_row(
        "INSERT INTO instant_rule (id, created_at, rule_code, rule_version, sha256, record, is_current)"
        " VALUES ($1, $2, $3, $4, $5, $6::jsonb, true)"
        " ON CONFLICT (rule_code, rule_version) DO UPDATE SET is_current = true"
        " WHERE instant_rule.sha256 = excluded.sha256 RETURNING id",
        new_id(),
        clock.now(),
        current.rule.code,
        current.rule.version,
        current.sha256,
        msgspec.json.encode(current.rule).decode(),
    )
    if row is None:
        raise ValueError(f"规则{current.rule.code}第{current.rule.version}版的内容已改变，请提高版本号")


async def list_current() -> list[CurrentRule]:
    """Return the rules that decide now."""
    rows = await db.fetch_all("SELECT record, sha256 FROM instant_rule WHERE is_current")
    return [CurrentRule(msgspec.json.decode(row["record"], type=Rule), row["sha256"]) for row in rows]


async def standing(application_no: str) -> Row | None:
    """Return what of a case says whether rules may decide it."""
    return await db.fetch_row(
        "SELECT item_code, officer, person_asked_at, version FROM application WHERE application_no = $1",
        application_no,
    )


async def add_decision(new: NewDecision) -> bool:
    """Keep one run. False where this version of the case was judged already, by an earlier try of the same job."""
    row = await db.fetch_row(
        "INSERT INTO instant_decision (id, created_at, application_id, case_version, rule_code, rule_version,"
        " rule_sha256, inputs_cipher, verdict, explanation)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)"
        " ON CONFLICT (application_id, case_version) DO NOTHING RETURNING id",
        new_id(),
        new.at,
        new.case_id,
        new.case_version,
        new.rule.rule.code,
        new.rule.rule.version,
        new.rule.sha256,
        new.inputs_cipher,
        new.verdict.value,
        msgspec.json.encode(new.checks).decode(),
    )
    return row is not None


async def find_decision(case_id: uuid.UUID, case_version: int) -> Row | None:
    """Return the run on one version of a case."""
    return await db.fetch_row(
        "SELECT verdict, rule_code, rule_version FROM instant_decision WHERE application_id = $1 AND case_version = $2",
        case_id,
        case_version,
    )


async def list_decisions(case_id: uuid.UUID) -> Sequence[Row]:
    """Return every run on a case, oldest first."""
    return await db.fetch_all(
        "SELECT d.created_at, d.rule_code, d.rule_version, d.rule_sha256, d.inputs_cipher, d.verdict, d.explanation,"
        " r.record FROM instant_decision d LEFT JOIN instant_rule r USING (rule_code, rule_version)"
        " WHERE d.application_id = $1 ORDER BY d.id",
        case_id,
    )


async def add_review(tx: Transaction, case_id: uuid.UUID, opinion: str, officer: str, at: datetime) -> None:
    """Keep what a person found who looked at a grant by rule again."""
    await tx.execute(
        "INSERT INTO case_review (id, created_at, application_id, step, action, opinion, officer, begun_at, ended_at)"
        " SELECT $1, $5, $2, 'INSTANT_REVIEW', 'OTHER', $3, $4, a.person_asked_at, $5 FROM application a"
        " WHERE a.id = $2",
        new_id(),
        case_id,
        opinion,
        officer,
        at,
    )


async def is_reviewed(case_id: uuid.UUID) -> bool:
    """Tell whether a person has answered the applicant's request."""
    row = await db.fetch_row("SELECT 1 FROM case_review WHERE application_id = $1 AND step = 'INSTANT_REVIEW'", case_id)
    return row is not None
