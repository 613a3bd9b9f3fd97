"""Form checking: paths, Chinese sentences, no answer in any message, sensitive paths."""

from __future__ import annotations

from typing import Any

import pytest

from services.catalogue import forms

PERSON = {"type": "object", "properties": {"id_number": {"type": "string", "title": "身份证号", "x-sensitive": True}}}
SCHEMA: dict[str, Any] = {
    "$schema": forms.DRAFT,
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "姓名", "x-sensitive": True, "x-prefill": "name", "minLength": 2},
        "phone": {"type": "string", "title": "手机号码", "format": "cn-mobile", "x-message": "应为11位手机号码"},
        "kind": {"enum": ["甲", "乙"], "title": "类别"},
        "count": {"type": "integer", "title": "数量", "minimum": 1, "maximum": 9},
        "owners": {"type": "array", "title": "共有人", "items": PERSON, "maxItems": 2},
    },
    "required": ["name"],
    "additionalProperties": False,
    "allOf": [
        {
            "if": {"properties": {"kind": {"const": "乙"}}, "required": ["kind"]},
            "then": {"required": ["note"], "properties": {"note": {"type": "string", "x-sensitive": True}}},
        }
    ],
}


@pytest.mark.parametrize(
    ("answers", "path", "message"),
    [
        ({}, "form.name", "请填写姓名"),
        ({"name": "张"}, "form.name", "姓名内容太短"),
        ({"name": 1}, "form.name", "姓名类型不正确"),
        ({"name": "张伟", "phone": "12345"}, "form.phone", "应为11位手机号码"),
        ({"name": "张伟", "kind": "丙"}, "form.kind", "类别不在可选范围内"),
        ({"name": "张伟", "count": 0}, "form.count", "数量数值太小"),
        ({"name": "张伟", "extra": 1}, "form.extra", "表单中没有这一项"),
        ({"name": "张伟", "owners": [{"id_number": 5}]}, "form.owners[0].id_number", "身份证号类型不正确"),
        ({"name": "张伟", "owners": [{}, {}, {}]}, "form.owners", "共有人项数太多"),
        ({"name": "张伟", "kind": "乙"}, "form.note", "请填写note"),
        ([], "form", "表单类型不正确"),
    ],
)
def test_faulty_answers_are_named_in_chinese(answers: Any, path: str, message: str) -> None:
    assert (path, message) in {(fault.path, fault.message) for fault in forms.FormChecker(SCHEMA).faults(answers)}


def test_no_answer_enters_a_message() -> None:
    faults = forms.FormChecker(SCHEMA).faults({"name": "秘", "phone": "13812345", "kind": "秘密", "count": 777})
    assert len(faults) == 4
    assert not any(secret in fault.message for fault in faults for secret in ("秘", "13812345", "777"))


def test_good_answers_have_no_faults() -> None:
    assert forms.FormChecker(SCHEMA).faults({"name": "张伟", "phone": "13800000001", "kind": "甲", "count": 9}) == ()


def test_invalid_schema_is_refused() -> None:
    with pytest.raises(ValueError):
        forms.FormChecker({"type": "nonsense"})


def test_sensitive_and_prefilled_fields_are_found() -> None:
    assert forms.sensitive_paths(SCHEMA) == {("name",), ("owners", "*", "id_number"), ("note",)}
    assert forms.prefill_sources(SCHEMA) == {"name": "name"}


def test_id_number_format_uses_the_divisions() -> None:
    schema = {"type": "object", "properties": {"id_number": {"type": "string", "format": "cn-id-number"}}}
    answers = {"id_number": "140105199003070012"}
    assert forms.FormChecker(schema, frozenset({"140105"})).faults(answers) == ()
    assert forms.FormChecker(schema, frozenset({"140106"})).faults(answers)
