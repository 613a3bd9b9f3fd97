"""Ways to provide a material: what an item allows, what a request may name, words that are signed."""

from __future__ import annotations

import json
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.applications.materials import promises, rules
from services.applications.materials.types import Source
from services.applications.types import MaterialRef
from services.catalogue.records import ItemRecord, Material

ITEMS = Path(__file__).parents[4] / "data" / "items"
RECORD = msgspec.convert(json.loads((ITEMS / "food-licence-xiaodian.json").read_text("utf-8")), ItemRecord)


def material(*substitutes: str, kind: str = "certificate") -> Material:
    return msgspec.convert(
        {
            "code": "A",
            "name": "营业执照",
            "kind": kind,
            "forms": ["electronic"],
            "source": "government",
            "necessity": "required",
            "instructions": "拍照",
            "standard": "清晰",
            "substitutes": list(substitutes),
            "accepts": ["image/jpeg"],
        },
        Material,
    )


@pytest.mark.parametrize(
    ("substitute", "source"),
    [
        ("licence", Source.LICENCE),
        ("shared_data", Source.SHARED),
        ("commitment", Source.PROMISE),
        ("deferral", Source.LATER),
    ],
)
def test_substitute_of_the_record_allows_one_way_and_no_other(substitute: str, source: Source) -> None:
    allowed = {each for each in Source if rules.allows(material(substitute), each)}
    assert allowed == {Source.UPLOAD, Source.EARLIER, source}


def test_form_of_one_case_is_not_used_again() -> None:
    assert not rules.allows(material(kind="form"), Source.EARLIER)
    assert rules.allows(material(kind="photo"), Source.EARLIER)


def test_demand_names_every_way() -> None:
    assert rules.demand(material()) == "请上传《营业执照》"
    assert rules.demand(material("licence", "deferral")) == "请上传《营业执照》，也可使用电子证照、选择容缺后补"


def test_file_of_another_or_in_another_format_is_no_file() -> None:
    upload = uuid.UUID(int=1)
    assert rules.file_fault("p", material(), upload, {upload: "image/jpeg"}) is None
    for known in ({}, {upload: "application/pdf"}):
        fault = rules.file_fault("p", material(), upload, known)
        assert fault is not None
        assert fault.path == "p"


@pytest.mark.parametrize(("uploaded_on", "fresh"), [(date(2026, 5, 26), True), (date(2026, 5, 25), False)])
def test_file_is_fresh_through_its_last_day(uploaded_on: date, fresh: bool) -> None:
    assert rules.is_fresh(uploaded_on, date(2026, 11, 22), 180) is fresh


@pytest.mark.parametrize(
    ("source", "due_on", "state"),
    [
        ("UPLOAD", None, "PROVIDED"),
        ("LICENCE", None, "PROVIDED"),
        ("PROMISE", None, "PROMISED"),
        ("LATER", None, "AWAITED"),
        ("LATER", date(2026, 11, 22), "AWAITED"),
        ("LATER", date(2026, 11, 21), "OVERDUE"),
    ],
)
def test_state_of_a_material(source: str, due_on: date | None, state: str) -> None:
    assert rules.state_of(source, due_on, date(2026, 11, 22)) == state


def test_named_ways_are_checked_against_the_item_without_looking_anything_up() -> None:
    class GivenItem:
        def material(self, code: str) -> Material | None:
            return material("commitment") if code == "A" else None

    def faults(*parts: dict[str, Any]) -> list[str]:
        named = [MaterialRef(**part) for part in parts]
        return [fault.path for fault in rules.named_faults(GivenItem(), named)]  # type: ignore[arg-type]  # an item

    upload = uuid.UUID(int=1)
    assert faults({"material_code": "A", "upload_id": upload}) == []
    assert faults({"material_code": "A", "source": "promise"}) == []
    assert faults(*[{"material_code": "A", "upload_id": upload}] * 2) == ["materials[1]"]
    assert faults(*[{"material_code": "A", "source": "promise"}] * 2) == ["materials[1]"]
    assert faults({"material_code": "B"}, {"material_code": "A", "source": "licence", "licence_no": "X"}) == [
        "materials[0].material_code",
        "materials[1].source",
    ]


def test_words_of_a_promise_come_from_the_record_alone_and_have_one_digest() -> None:
    first = promises.promise_of(RECORD, material(), Source.PROMISE, 10)
    assert first == promises.promise_of(RECORD, material(), Source.PROMISE, 99)
    assert RECORD.name in first.text
    assert all(condition in first.text for condition in RECORD.conditions)
    later = promises.promise_of(RECORD, material(), Source.LATER, 10)
    assert "10个工作日" in later.text
    assert later.sha256 != promises.promise_of(RECORD, material(), Source.LATER, 5).sha256
    assert promises.shown(RECORD, material(), Source.LATER, 10).working_days == 10
