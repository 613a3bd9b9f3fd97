"""Rules judged twice: by the engine and by a slow evaluator of our own. A grant needs both; there is no refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.applications.instant.engine import CompiledRule
from services.applications.instant.types import Found, InputType, Rule, Verdict

RULES = [
    msgspec.json.decode(path.read_bytes(), type=Rule)
    for path in sorted((Path(__file__).parents[2] / "data" / "rules").glob("*.json"))
]
COMPILED = {rule.code: CompiledRule(rule) for rule in RULES}
_TOKEN = re.compile(r"\s*(&&|\|\||==|!=|<=|>=|[<>!()\[\],.]|-?\d+|'[^']*'|[A-Za-z_]\w*)")
_COMPARE = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: any(a == each for each in b),
}


class Slow:
    """Reads an expression from left to right and works it out; knows what rule files use, nothing else."""

    def __init__(self, text: str, values: Mapping[str, Any]) -> None:
        self.tokens, self.values, self.at = _TOKEN.findall(text), values, 0
        assert "".join(self.tokens) == re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text)

    def whole(self) -> bool:
        answer = self.either()
        assert self.at == len(self.tokens)
        return answer is True

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            return ""
        self.at += 1
        return str(token)

    def either(self) -> Any:
        parts = [self.both()]
        while self.take("||"):
            parts.append(self.both())
        return any(parts) if len(parts) > 1 else parts[0]

    def both(self) -> Any:
        parts = [self.compared()]
        while self.take("&&"):
            parts.append(self.compared())
        return all(parts) if len(parts) > 1 else parts[0]

    def compared(self) -> Any:
        left = self.single()
        sign = self.take(*_COMPARE)
        return _COMPARE[sign](left, self.single()) if sign else left

    def single(self) -> Any:
        if self.take("!"):
            return not self.single()
        if self.take("("):
            inner = self.either()
            assert self.take(")")
            return inner
        if self.take("["):
            listed = [self.single()]
            while self.take(","):
                listed.append(self.single())
            assert self.take("]")
            return listed
        token = self.take()
        value = token[1:-1] if token[0] == "'" else int(token) if token.lstrip("-").isdigit() else self.values[token]
        if self.take("."):
            assert self.take("contains")
            assert self.take("(")
            part = self.single()
            assert self.take(")")
            return part in value
        return value


def slowly_granted(rule: Rule, values: Mapping[str, Any]) -> bool:
    """Tell whether every input is there with its type and every check holds."""
    types = {InputType.TEXT: str, InputType.WHOLE: int, InputType.YES_NO: bool}
    if any(type(values.get(each.name)) is not types[each.type] for each in rule.inputs):
        return False
    return all(Slow(check.expression, values).whole() for check in rule.checks)


def _words(rule: Rule) -> list[str]:
    return ["张伟", "李娜", "", *re.findall(r"'([^']*)'", " ".join(check.expression for check in rule.checks))]


def _value(kind: InputType, words: list[str]) -> st.SearchStrategy[Any]:
    right = {
        InputType.TEXT: st.sampled_from(words) | st.text(max_size=5),
        InputType.WHOLE: st.integers(-2, 70) | st.integers(),
        InputType.YES_NO: st.booleans(),
    }[kind]
    wrong = st.none() | st.text(max_size=2) | st.integers(-1, 1) | st.booleans() | st.floats() | st.just([])
    return st.one_of(*[right] * 12, wrong)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Rule, dict[str, Any]]:
    rule = draw(st.sampled_from(RULES))
    words = _words(rule)
    values = {each.name: draw(_value(each.type, words)) for each in rule.inputs}
    if draw(st.integers(0, 2)):  # mostly the person of the form is the one who is signed in
        values |= {"applicant_name": "张伟", "own_name": "张伟", "id_number": "1", "own_id_number": "1"}
        values |= {"insured_name": "张伟", "insured_id_number": "1", "real_name_level": "L3", "age": draw(AGES)}
    if draw(st.integers(0, 9)) == 0:
        values.pop(draw(st.sampled_from(sorted(values))))
    return rule, {name: value for name, value in values.items() if name in {each.name for each in rule.inputs}}


AGES = st.integers(15, 62)


@settings(max_examples=1500, deadline=None)
@given(cases())
def test_a_rule_grants_only_what_the_slow_evaluator_grants_and_never_refuses(case: tuple[Rule, dict[str, Any]]) -> None:
    rule, values = case
    outcome = COMPILED[rule.code].evaluate(values)
    assert outcome.verdict is (Verdict.GRANT if slowly_granted(rule, values) else Verdict.PERSON)
    assert len(outcome.findings) == len(rule.checks)


def test_a_verdict_has_no_word_for_a_refusal() -> None:
    assert set(Verdict) == {Verdict.GRANT, Verdict.PERSON}
    assert set(Found) == {Found.HOLDS, Found.DOUBT, Found.UNKNOWN}


def test_every_rule_can_grant() -> None:
    """A rule that never grants would send everybody to a person without anybody noticing."""
    good: dict[str, Any] = {
        "real_name_level": "L3", "own_name": "张伟", "own_id_number": "1", "applicant_name": "张伟", "id_number": "1",
        "age": 55, "proxy": False, "living_in": "本市", "scope": "太原市", "purpose": "贷款", "children_count": 1,
        "married": True, "filing_kind": "临时外出就医人员", "commitment": True, "destination": "北京市",
        "ground": "本地户籍", "relation": "本人", "insured_name": "张伟", "insured_id_number": "1",
        "identity_card_from": "LICENCE", "special_group": "无", "has_household_register": True,
    }  # fmt: skip
    assert {rule.code for rule in RULES if COMPILED[rule.code].evaluate(good).verdict is Verdict.PERSON} == set()
    assert {rule.code for rule in RULES if not slowly_granted(rule, good)} == set()


_NAMES = {"a": InputType.WHOLE, "b": InputType.WHOLE, "s": InputType.TEXT, "t": InputType.TEXT, "y": InputType.YES_NO}
_SMALL = st.integers(-3, 3).map(str)
_TEXTS = st.sampled_from(["'x'", "'y'", "''", "s", "t"])
_ATOMS = st.one_of(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), _SMALL | st.sampled_from("ab")
    ),
    st.tuples(_TEXTS, st.sampled_from(["==", "!="]), _TEXTS),
    st.tuples(
        st.sampled_from("ab"),
        st.just("in"),
        st.lists(_SMALL, min_size=1, max_size=3).map(lambda n: f"[{', '.join(n)}]"),
    ),
    st.tuples(st.just("s"), st.just(""), st.just(".contains(t)")),
    st.tuples(st.sampled_from(["y", "!y"]), st.just(""), st.just("")),
).map(lambda parts: " ".join(part for part in parts if part).replace(" .", "."))
_EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_EXPRESSIONS, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {
            "a": st.integers(-3, 3),
            "b": st.integers(-3, 3),
            "s": st.sampled_from(["", "x", "y", "xy"]),
            "t": st.sampled_from(["", "x", "y", "xy"]),
            "y": st.booleans(),
        }
    ),
)
def test_any_expression_means_to_the_engine_what_it_says(expressions: list[str], values: dict[str, Any]) -> None:
    inputs = [
        {"name": name, "source": f"form.{name}", "type": kind.value, "title": "输入"} for name, kind in _NAMES.items()
    ]
    checks = [
        {"id": f"check-{place}", "text": "核验", "expression": text, "doubt": "核实"}
        for place, text in enumerate(expressions)
    ]
    record = {"code": "any-rule", "version": 1, "name": "任意规则", "items": ["X"], "inputs": inputs, "checks": checks}
    rule = msgspec.convert(record, Rule)
    outcome = CompiledRule(rule).evaluate(values)
    assert (outcome.verdict is Verdict.GRANT) == slowly_granted(rule, values)
