"""Kinds of licences: the delivered file is sound and complete, faults are all named, content is picked and masked."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from services.licences.intake import FILE, FaultyKinds, kind_faults, load_kinds
from services.licences.kinds import Kind, KindField, Mask, content_hash, faults_of, read_kinds

ROOT = Path(__file__).parents[3]
KINDS = read_kinds(ROOT / "data" / FILE)
CARD = next(kind for kind in KINDS if kind.code == "11100000MB90000150001")
PERSON = {"name": "张伟", "id_number": "140105199003070012", "sex": "男", "born_on": "1990-03-07"}


def test_every_type_that_an_item_names_is_configured() -> None:
    items = [json.loads(path.read_text("utf-8")) for path in (ROOT / "data" / "items").glob("*.json")]
    named = [(i["name"], part.get("licence_type", "")) for i in items for part in (*i["results"], *i["materials"])]
    assert sum(bool(code) for _, code in named) > 50
    assert kind_faults(ROOT / "data", named) == []
    assert kind_faults(ROOT / "data", [("某事项", "11100000MB90000150999")]) == [
        f"{FILE}: 某事项: 证照类型 11100000MB90000150999 未配置"
    ]


def test_sensitive_fields_are_masked_and_never_plain_to_verifiers() -> None:
    for kind in KINDS:
        for field in kind.fields:
            assert not field.sensitive or field.mask is not Mask.NONE, (kind.name, field.key)
            assert not (field.sensitive and field.verifier == "plain"), (kind.name, field.key)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"code": "11100000MB90000151001"}, "证照类型代码前18位应为统一社会信用代码"),
        ({"fields": (KindField(key="a1", name="甲"), KindField(key="a1", name="乙"))}, "字段重复"),
        ({"fields": (KindField(key="a1", name="甲", sensitive=True),)}, "敏感字段须有掩码方式"),
        ({"fields": (KindField(key="a1", name="甲", verifier="masked"),)}, "掩码方式缺失"),
    ],
)
def test_fault_of_a_kind_is_named(change: dict[str, object], fault: str) -> None:
    (found,) = faults_of([msgspec.structs.replace(CARD, **change)], ())
    assert found.endswith(fault)


def test_kind_listed_twice_is_named() -> None:
    assert faults_of([CARD, CARD], ()) == [f"{CARD.code}: 证照类型重复"]


@pytest.mark.anyio
@pytest.mark.parametrize("content", [None, "nonsense", '[{"code": "X"}]', '[{"code": "X", "name": "Y", "odd": 1}]'])
async def test_faulty_file_is_not_imported(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content, "utf-8")
    assert len(kind_faults(tmp_path, [])) == 1
    with pytest.raises(FaultyKinds):
        await load_kinds(tmp_path)


def test_content_is_picked_out_of_person_and_answers() -> None:
    content = CARD.content(PERSON, {"residence_address": "平阳路88号", "reason": "lost", "name": "不是本人"})
    assert content == PERSON | {"residence_address": "平阳路88号"}
    kind = Kind(
        code=CARD.code,
        name="某证",
        fields=(
            KindField(key="first_given", name="甲", paths=("none", "empty", "second", "third")),
            KindField(key="number_of", name="乙"),
            KindField(key="listed", name="丙"),
        ),
    )
    answers = {"empty": "", "second": "二", "third": "三", "number_of": 3, "listed": ["x"]}
    assert kind.content({}, answers) == {"first_given": "二", "number_of": "3"}


def test_hash_changes_with_the_content() -> None:
    assert content_hash(CARD) == content_hash(msgspec.json.decode(msgspec.json.encode(CARD), type=Kind))
    assert content_hash(CARD) != content_hash(msgspec.structs.replace(CARD, reminder_days=(5,)))
