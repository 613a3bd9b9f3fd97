"""Rule files: those of the demonstration are sound, and every kind of fault is named before a rule is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.applications.instant.checking import check_rules
from services.applications.instant.engine import CompiledRule, FaultyRule
from services.applications.instant.loading import digest, rule_faults
from services.applications.instant.types import Found, Rule, Verdict
from services.catalogue.types import ItemRecord

DATA = Path(__file__).parents[4] / "data"
RECORDS = [msgspec.json.decode(path.read_bytes(), type=ItemRecord) for path in sorted((DATA / "items").glob("*.json"))]
ITEMS = {record.item_code: record for record in RECORDS}
GOOD = json.loads((DATA / "rules" / "medical-enrol.json").read_text("utf-8"))


def faults(**changes: Any) -> str:
    rule = msgspec.convert(GOOD | changes, Rule)
    return "；".join(fault for _, fault in check_rules({"a.json": rule}, ITEMS))


def with_input(source: str, kind: str) -> list[dict[str, Any]]:
    return [*GOOD["inputs"], {"name": "extra", "source": source, "type": kind, "title": "另一项"}]


def with_check(expression: str) -> list[dict[str, Any]]:
    return [{"id": "extra", "text": "另一项核验", "expression": expression, "doubt": "请核实"}]


def test_the_rules_of_the_demonstration_are_sound_and_cover_items() -> None:
    assert rule_faults(DATA / "rules", RECORDS) == []
    covered = {
        code for path in (DATA / "rules").glob("*.json") for code in json.loads(path.read_text("utf-8"))["items"]
    }
    assert len(covered) >= 4
    assert all(ITEMS[code].automatic for code in covered)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"items": ["NO"]}, "事项不存在"),
        ({"items": [next(record.item_code for record in RECORDS if not record.automatic)]}, "未列入智慧审批"),
        ({"inputs": with_input("form.no_such_field", "text")}, "没有此输入"),
        ({"inputs": with_input("materials.M99.source", "text")}, "没有此输入"),
        ({"inputs": with_input("materials.M01.colour", "text")}, "没有此输入"),
        ({"inputs": with_input("licences.123.valid", "yes_no")}, "没有此输入"),
        ({"inputs": with_input("person.shoe_size", "whole")}, "没有此输入"),
        ({"inputs": with_input("person.age", "text")}, "类型应为whole"),
        ({"inputs": [*GOOD["inputs"], GOOD["inputs"][0]]}, "输入重复"),
        ({"checks": with_check("age_of_nobody > 1")}, "undeclared reference"),
        ({"checks": with_check("ground +")}, "Syntax error"),
        ({"checks": with_check("ground")}, "真或假"),
        ({"checks": with_check("ground > 3")}, "no matching overload"),
    ],
)
def test_every_fault_is_named(changes: dict[str, Any], told: str) -> None:
    assert faults() == ""
    assert told in faults(**changes)


def test_one_item_has_one_rule() -> None:
    rule = msgspec.convert(GOOD, Rule)
    other = msgspec.structs.replace(rule, code="another-rule")
    assert any("已在a.json中使用" in fault for _, fault in check_rules({"a.json": rule, "b.json": other}, ITEMS))


def test_a_file_that_is_no_rule_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"code": "x"', "utf-8")
    (tmp_path / "strange.json").write_text(json.dumps(GOOD | {"refuse_when": "true"}), "utf-8")
    assert [file for file, _ in rule_faults(tmp_path, RECORDS)] == ["rules/broken.json", "rules/strange.json"]


def test_a_digest_is_of_the_content() -> None:
    rule = msgspec.convert(GOOD, Rule)
    assert digest(rule) == digest(msgspec.convert(json.loads(json.dumps(GOOD, indent=8)), Rule))
    assert digest(rule) != digest(msgspec.structs.replace(rule, version=2))


def test_work_without_end_is_cut_off() -> None:
    many = "[" + ", ".join(["1"] * 40) + "]"
    loops = f"{many}.all(a, {many}.all(b, {many}.all(c, a + b + c > 0)))"
    rule = msgspec.convert(GOOD | {"checks": with_check(loops), "inputs": GOOD["inputs"][:1]}, Rule)
    outcome = CompiledRule(rule).evaluate({"real_name_level": "L3"})
    assert (outcome.findings, outcome.verdict) == ((Found.UNKNOWN,), Verdict.PERSON)


def test_a_faulty_rule_does_not_compile() -> None:
    with pytest.raises(FaultyRule, match="extra"):
        CompiledRule(msgspec.convert(GOOD | {"checks": with_check("nothing")}, Rule))
