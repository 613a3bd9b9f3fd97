"""Evaluates a rule on its inputs. Pure and bounded: the language has no loops without end and a budget of steps.

Called by the use cases and by the check of rule files. Anything but a plain `true` is a doubt; there is no way from
here to a refusal. The library is loaded with the first rule: most processes never evaluate one.
Source: Common Expression Language specification, cel-expr/cel-spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.applications.instant.types import Found, InputType, Rule, Verdict

_FITS: Mapping[InputType, type] = {InputType.TEXT: str, InputType.WHOLE: int, InputType.YES_NO: bool}
_LARGEST_WHOLE = 2**63 - 1


class FaultyRule(ValueError):
    """An expression that does not compile, is no question, or reads what is not declared."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out: one finding a check, in the order of the rule, and the verdict that follows."""

    findings: tuple[Found, ...]
    verdict: Verdict


class CompiledRule:
    """A rule with its expressions compiled against the declared inputs; keep it with the rule's version."""

    def __init__(self, rule: Rule) -> None:
        """Compile. Raises: FaultyRule naming the check."""
        from cel_expr_python import cel

        kinds = {InputType.TEXT: cel.Type.STRING, InputType.WHOLE: cel.Type.INT, InputType.YES_NO: cel.Type.BOOL}
        self.rule = rule
        environment = cel.NewEnv(variables={each.name: kinds[each.type] for each in rule.inputs})
        self._programs = []
        for check in rule.checks:
            try:
                program = environment.compile(check.expression)
            except RuntimeError as fault:
                raise FaultyRule(f"{check.id}: {str(fault).splitlines()[0]}") from fault
            if program.return_type() != cel.Type.BOOL:
                raise FaultyRule(f"{check.id}: 表达式的结果应为真或假")
            self._programs.append(program)

    def evaluate(self, values: Mapping[str, Any]) -> Evaluation:
        """Evaluate every check; GRANT only where every declared input is there and every check is plainly true."""
        known = {each.name: values[each.name] for each in self.rule.inputs if _fits(each.type, values.get(each.name))}
        findings = tuple(_finding(program, known) for program in self._programs)
        is_whole = len(known) == len(self.rule.inputs)
        granted = is_whole and bool(findings) and all(found is Found.HOLDS for found in findings)
        return Evaluation(findings, Verdict.GRANT if granted else Verdict.PERSON)


def _finding(program: Any, known: Mapping[str, Any]) -> Found:
    try:
        answer = program.eval(data=dict(known)).value()
    except RuntimeError:  # the budget of steps ran out
        return Found.UNKNOWN
    # An error comes back as a value of its own; only true and false are answers.
    if answer is True:
        return Found.HOLDS
    return Found.DOUBT if answer is False else Found.UNKNOWN


def _fits(kind: InputType, value: Any) -> bool:
    if type(value) is not _FITS[kind]:
        return False
    return not isinstance(value, int) or abs(value) <= _LARGEST_WHOLE
