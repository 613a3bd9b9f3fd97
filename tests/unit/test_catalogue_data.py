"""The shipped catalogue is sound: codes, consistency rules, forms and their own examples, topics, made-up people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app import identifiers
from services.catalogue.codes import DeliveryMethod, MaterialKind
from services.catalogue.forms import FormChecker
from services.catalogue.intake import loader
from services.catalogue.intake.demonstration import load_demonstration
from services.catalogue.records import ItemRecord

DATA = Path(__file__).parents[2] / "data"
FILES = loader.load_catalogue(DATA)
DEMO = load_demonstration(DATA, FILES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the data folder that a test may spoil."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def test_catalogue_holds_what_the_demonstration_promises() -> None:
    assert len(FILES.items) >= 40
    assert len({topic for item in FILES.items for topic in item.topics}) >= 12
    assert len(FILES.packages) >= 6
    assert {topic.name for topic in FILES.topics} == {topic for item in FILES.items for topic in item.topics}


@pytest.mark.parametrize("item", FILES.items, ids=lambda item: item.name)
def test_item_code_belongs_to_its_body(item: ItemRecord) -> None:
    parts = identifiers.parse_item_code(item.item_code)
    assert len(item.item_code) == 31
    assert parts.body_uscc == item.body.uscc == item.department_code
    assert identifiers.is_item_code(item.business_code)


@pytest.mark.parametrize("item", FILES.items, ids=lambda item: item.name)
def test_item_form_accepts_its_example_and_refuses_everything_else(item: ItemRecord) -> None:
    checker = FormChecker(item.form, frozenset(division.code for division in FILES.divisions))
    for example in item.form["examples"]:
        assert checker.faults(example) == ()
        assert checker.faults({**example, "unknown": 1})
    assert len(checker.faults({})) >= len(item.form["required"])


@pytest.mark.parametrize("item", FILES.items, ids=lambda item: item.name)
def test_item_form_example_needs_every_required_answer(item: ItemRecord) -> None:
    checker = FormChecker(item.form)
    (example, *_) = item.form["examples"]
    for field in item.form["required"]:
        without = {key: value for key, value in example.items() if key != field}
        assert f"form.{field}" in {fault.path for fault in checker.faults(without)}


def test_demonstration_item_has_a_fee_a_material_and_a_courier() -> None:
    item = next(item for item in FILES.items if item.item_code == DEMO.case.item_code)
    assert sum(fee.amount_fen for fee in item.fees.items) == DEMO.case.fee_fen > 0
    assert any(DeliveryMethod.COURIER in result.delivery and result.licence_type for result in item.results)
    assert all(material.kind is not MaterialKind.FORM for material in item.materials if material.code == "M02")
    assert {account.username for account in DEMO.staff} >= {"window-xiaodian", "reviewer-xiaodian", "cashier"}


def test_people_are_told_apart() -> None:
    assert {person.key for person in DEMO.people} >= {
        "zhang-wei",
        "li-na",
        "wang-fang",
        "zhao-min",
        "liu-yang",
        "chen-jing",
    }
    for attribute in ("key", "id_number", "phone"):
        assert len({getattr(person, attribute) for person in DEMO.people}) == len(DEMO.people)


def _spoil(folder: Path, file: str, change: dict[str, Any]) -> tuple[loader.FileFault, ...]:
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(loader.FaultyFiles) as caught:
        loader.load_catalogue(folder)
    return caught.value.faults


ITEM_FILE = "items/id-card-reissue-xiaodian.json"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"item_code": "11140105MB0001177F4140709012001"}, "basic_code"),
        ({"item_code": "x"}, "item_code"),
        ({"level": "3"}, "level"),
        ({"visits": 1}, "visits"),
        ({"handling_forms": ["1"]}, "handling_forms"),
        ({"promised_time": {"length": 61, "unit": "calendar_days"}}, "promised_time.length"),
        ({"promised_time": {"length": 1, "unit": "working_days"}}, "promised_time.unit"),
        ({"fees": {"charged": True}}, "fees.online_payment"),
        ({"fees": {"charged": False, "items": []}, "delivery": {"courier": False}}, "delivery.courier"),
        ({"delivery": {"courier": True}}, "delivery.legs"),
        ({"topics": ["没有的主题"]}, "topics"),
        ({"service_points": ["nowhere"]}, "service_points"),
        ({"conditions": []}, "conditions"),
        ({"materials": [{"code": "M01"}]}, "$.materials[0]"),
        ({"surprise": 1}, "$"),
        ({"form": {"type": "object"}}, "form.$schema"),
    ],
)
def test_load_spoiled_item_names_file_and_path(folder: Path, change: dict[str, Any], path: str) -> None:
    faults = _spoil(folder, ITEM_FILE, change)
    assert path in {fault.path for fault in faults if fault.file == ITEM_FILE}


def test_load_reports_all_faults_at_once(folder: Path) -> None:
    (folder / "topics.json").write_text("{", encoding="utf-8")
    (folder / "departments.json").unlink()
    (folder / "divisions.csv").write_text("code\n1\n", encoding="utf-8")
    with pytest.raises(loader.FaultyFiles) as caught:
        loader.load_catalogue(folder)
    assert {"topics.json", "departments.json", "divisions.csv"} <= {fault.file for fault in caught.value.faults}
    assert "departments.json: $: 文件不存在或不可读" in str(caught.value)


def test_load_demonstration_with_wrong_answers_is_refused(folder: Path) -> None:
    case = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    case["form"]["id_number"] = "140105199003070013"
    case["materials"][0]["material_code"] = "M99"
    (folder / "demo.json").write_text(json.dumps(case), encoding="utf-8")
    with pytest.raises(loader.FaultyFiles) as caught:
        load_demonstration(folder, FILES)
    assert {fault.path for fault in caught.value.faults} == {"form.id_number", "materials"}
