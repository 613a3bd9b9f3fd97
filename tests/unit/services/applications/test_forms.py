"""Parting and joining of sensitive answers, masks, and what a draft may lack."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import FieldFault, InvalidRequest
from services.applications import forms


class GivenItem:
    """An item that names these faults and these materials."""

    def __init__(self, *faults: FieldFault) -> None:
        self._faults = faults

    def form_faults(self, answers: object) -> tuple[FieldFault, ...]:
        return self._faults

    def needed_materials(self, answers: object) -> tuple[Any, ...]:
        return ()


SENSITIVE = frozenset({("id_number",), ("family", "*", "phone"), ("home",), ("home", "street")})
ANSWERS = {
    "id_number": "140105199003070012",
    "reason": "遗失",
    "family": [{"phone": "13800000001", "age": 3}, {"age": 4}],
    "home": {"street": "平阳路"},
}


def test_part_sensitive_leaves_masks_and_takes_values() -> None:
    shown, hidden = forms.part_sensitive(ANSWERS, SENSITIVE)
    assert shown["id_number"] == "140105********0012"
    assert shown["family"] == [{"phone": "138****0001", "age": 3}, {"age": 4}]
    assert (shown["home"], shown["reason"]) == ("***", "遗失")
    assert (["family", 0, "phone"], "13800000001") in hidden
    assert ANSWERS["id_number"] == "140105199003070012"


def test_join_sensitive_is_the_reverse_of_part() -> None:
    assert forms.join_sensitive(*forms.part_sensitive(ANSWERS, SENSITIVE)) == ANSWERS


def test_part_sensitive_absent_answers_are_no_fault() -> None:
    assert forms.part_sensitive({"family": "not a list"}, SENSITIVE) == ({"family": "not a list"}, [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("14010519900307059X", "140105********059X"),
        ("13800000001", "138****0001"),
        ("6222020502001234567", "***************4567"),
        ("AB12", "****"),
        ("张伟", "*伟"),
        ("山西省太原市小店区平阳路88号", "山西省太原市********"),
        (88, "***"),
        (None, "***"),
    ],
)
def test_masked_hides_by_shape(value: object, shown: str) -> None:
    assert forms.masked(value) == shown


def test_check_draft_missing_answer_is_no_fault() -> None:
    item = GivenItem(FieldFault("form.name", "请填写姓名"), FieldFault("form.family[1].phone", "请填写电话"))
    forms.check_draft(item, {"family": [{}]})  # type: ignore[arg-type]  # as much of an item as the check reads


@pytest.mark.parametrize(
    ("fault", "answers"),
    [
        (FieldFault("form.name", "请填写正确的姓名"), {"name": "?"}),
        (FieldFault("form.x.y", "表单中没有这一项"), {"x.y": 1}),
        (FieldFault("form.family[0]", "请填写完整"), {"family": [{}]}),
    ],
)
def test_check_draft_given_answer_with_fault_is_refused(fault: FieldFault, answers: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        forms.check_draft(GivenItem(fault), answers)  # type: ignore[arg-type]  # as above
    assert refused.value.faults == (fault,)


def test_check_draft_names_text_that_can_not_be_stored() -> None:
    with pytest.raises(InvalidRequest) as refused:
        forms.check_draft(GivenItem(), {"a": ["ok", {"b": "\x00"}], "c\x00": 1})  # type: ignore[arg-type]  # as above
    assert [fault.path for fault in refused.value.faults] == ["form.a[1].b", "form"]
