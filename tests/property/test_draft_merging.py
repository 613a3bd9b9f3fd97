"""Answers of several devices meet field by field, whatever they are; nothing wrong is ever kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.applications import forms
from services.applications.drafts.merging import carried, merged, merged_sound
from services.catalogue.records import ItemRecord
from services.catalogue.terms import Item, make_item

ITEMS = Path(__file__).parents[2] / "data" / "items"
STORY = json.loads((ITEMS / "id-card-reissue-xiaodian.json").read_text("utf-8"))
GOOD: dict[str, Any] = STORY["form"]["examples"][0]
_LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
_NAMES = st.sampled_from("abcd")
_JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=3))
_FORMS = st.dictionaries(_NAMES, _JSON.filter(lambda value: value is not None), max_size=4)
_PATCHES = st.dictionaries(_NAMES, _JSON, max_size=4)
_FIELDS = st.sampled_from([*GOOD, "police_station", "unknown"])
_ANSWERS = st.dictionaries(_FIELDS, _LEAVES | st.sampled_from(list(GOOD.values())), max_size=6)


def item_of(**parts: Any) -> Item:
    form = STORY["form"] | {"properties": {**STORY["form"]["properties"], **parts}}
    return make_item(msgspec.convert(STORY | {"form": form}, ItemRecord), "hash", frozenset())


ITEM = item_of()


def without_nulls(value: Any) -> Any:
    """Return what RFC 7396 makes of a patch that falls on nothing."""
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(part) for name, part in value.items() if part is not None}


@given(_FORMS, _PATCHES)
def test_merge_does_what_the_rfc_says(answers: dict[str, Any], patch: dict[str, Any]) -> None:
    result = merged(answers, patch)
    for name in answers.keys() | patch.keys():
        if name not in patch:
            assert result[name] == answers[name]
        elif patch[name] is None:
            assert name not in result
        elif not (isinstance(patch[name], dict) and isinstance(answers.get(name), dict)):
            assert result[name] == without_nulls(patch[name])


@given(_FORMS, _PATCHES)
def test_merge_twice_is_merge_once(answers: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merged(answers, patch)
    assert merged(once, patch) == once


@given(_FORMS, _PATCHES, _PATCHES)
def test_patches_of_different_fields_may_come_in_any_order(
    answers: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    theirs = {name: value for name, value in theirs.items() if name not in mine}
    assert merged(merged(answers, mine), theirs) == merged(merged(answers, theirs), mine)


@settings(max_examples=60)
@given(_ANSWERS)
def test_autosave_keeps_no_wrong_answer_and_loses_no_right_one(patch: dict[str, Any]) -> None:
    outcome = merged_sound(ITEM, {"reason": "遗失"}, patch)
    assert forms.draft_faults(ITEM, outcome.answers) == []
    left_out = {fault.path.removeprefix("form.") for fault in outcome.left_out}
    for name, value in patch.items():
        if name in left_out:
            assert outcome.answers.get(name) == {"reason": "遗失"}.get(name)
        else:
            assert outcome.answers.get(name) == value


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(list(GOOD)),
        st.sampled_from(
            [
                {"type": "string", "title": "文本"},
                {"type": "integer", "title": "数字"},
                {"type": "string", "title": "选择", "enum": ["遗失"]},
                {"type": "boolean", "title": "是否"},
            ]
        ),
    )
)
def test_move_to_a_newer_form_keeps_what_it_takes_and_names_the_rest(parts: dict[str, Any]) -> None:
    newer = item_of(**parts)
    outcome = carried(ITEM, newer, GOOD)
    assert forms.draft_faults(newer, outcome.answers) == []
    assert outcome.answers.items() <= GOOD.items()
    assert {fault.path for fault in outcome.left_out} == {
        f"form.{name}" for name in GOOD.keys() - outcome.answers.keys()
    }
    assert GOOD.keys() - parts.keys() <= outcome.answers.keys()
