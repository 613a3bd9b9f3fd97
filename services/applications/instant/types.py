"""What crosses the door of instant approval: rules as they are written in files, and explained decisions. Frozen.

A verdict has two values only. There is no word for a refusal, because a rule must never refuse.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

Sentence = Annotated[str, Meta(min_length=2, max_length=100)]
Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{2,63}$")]


class Verdict(StrEnum):
    """What the rules say: grant at once, or a person decides."""

    GRANT = "GRANT"
    PERSON = "PERSON"


class Found(StrEnum):
    """What came out of one check."""

    HOLDS = "HOLDS"
    DOUBT = "DOUBT"
    UNKNOWN = "UNKNOWN"


class InputType(StrEnum):
    """The type of an input; an input of another type is not there."""

    TEXT = "text"
    WHOLE = "whole"
    YES_NO = "yes_no"


class RuleInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One value that the checks read: the name in expressions, where it comes from, and what it is called."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    source: Annotated[str, Meta(pattern=r"^(form|person|materials|licences|fee)\.[0-9A-Za-z_.-]{1,80}$")]
    type: InputType
    title: Sentence


class RuleCheck(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One check: an expression (CEL) that is true, what it says to people, and what a doubt means for the officer."""

    id: Code
    text: Sentence
    expression: Annotated[str, Meta(min_length=1, max_length=500)]
    doubt: Sentence


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule file."""

    code: Code
    version: Annotated[int, Meta(ge=1)]
    name: Sentence
    items: Annotated[tuple[str, ...], Meta(min_length=1)]
    inputs: Annotated[tuple[RuleInput, ...], Meta(min_length=1, max_length=40)]
    checks: Annotated[tuple[RuleCheck, ...], Meta(min_length=1, max_length=40)]


class CurrentRule(Struct, frozen=True):
    """A rule with the digest of its file."""

    rule: Rule
    sha256: str


class InputSeen(Struct, frozen=True, kw_only=True):
    """One input as it was seen: its value (kept encrypted), where and when."""

    name: str
    title: str
    source: str
    value: str | int | bool
    seen_at: str


class CheckView(Struct, frozen=True, kw_only=True):
    """One check as people read it."""

    text: str
    found: Found
    found_text: str
    doubt: str = ""


class InputView(Struct, frozen=True, kw_only=True):
    """Where and when an input was seen; its value is shown to the officer in charge only."""

    title: str
    source_text: str
    seen_at: str
    value: str | int | bool | None = None


class DecisionView(Struct, frozen=True, kw_only=True):
    """One run of the rules on a case."""

    decided_at: str
    verdict: Verdict
    verdict_text: str
    rule_code: str
    rule_version: int
    rule_name: str
    rule_sha256: str
    checks: list[CheckView]
    inputs: list[InputView]


class ExplanationView(Struct, frozen=True, kw_only=True):
    """How a case is decided: by rule or by a person, and why."""

    application_no: str
    by_rule: bool
    may_ask_for_person: bool
    person_asked_at: str | None
    summary: str
    decisions: list[DecisionView]


Values = dict[str, Any]
