"""Rules that the shipped files do not break: materials, fees, forms and packages, each spoiled on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.catalogue import guide, rules
from services.catalogue.codes import TimeUnit
from services.catalogue.intake import loader
from services.catalogue.records import Fees, ItemRecord, PackageRecord, TimeLimit

FILES = loader.load_catalogue(Path(__file__).parents[4] / "data")
ITEMS = {item.item_code: item for item in FILES.items}
RENEWAL = next(item for item in FILES.items if item.plain_name == "身份证到期换新")
NEWBORN = next(package for package in FILES.packages if package.scene == "出生")


def _changed(record: Any, kind: type[Any], change: Any) -> Any:
    plain = msgspec.to_builtins(record)
    change(plain)
    return msgspec.convert(plain, kind)


def _set(*steps: str | int, value: Any) -> Any:
    def change(plain: Any) -> None:
        for step in steps[:-1]:
            plain = plain[step]
        plain[steps[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_set("materials", 0, "blank", value=None), "materials[0].blank"),
        (_set("materials", 0, "sample", value=None), "materials[0].sample"),
        (_set("materials", 0, "necessity", value="conditional"), "materials[0].condition"),
        (_set("materials", 0, "substitutes", value=["licence"]), "materials[0].licence_type"),
        (_set("materials", 1, "licence_type", value="123"), "materials[1].licence_type"),
        (_set("materials", 1, "code", value="M01"), "materials"),
        (_set("fees", "items", 0, "basis", value=""), "fees.items[0].basis"),
        (_set("fees", "items", 0, "amount_fen", value=0), "fees.items[0].amount_fen"),
        (_set("fees", "items", 0, "condition", "field", value="nothing"), "fees.items[0].condition"),
        (_set("fees", "items", 0, "condition", "values", value=["没有"]), "fees.items[0].condition"),
        (_set("fees", "charged", value=False), "fees.items"),
        (_set("results", 0, "delivery", value=[]), "results[0].delivery"),
        (_set("results", value=[]), "results"),
        (_set("delivery", "legs", 0, "address", value=""), "delivery.legs[0].address"),
        (_set("visits", value=-1), "visits"),
        (_set("business_code", value="x"), "business_code"),
        (_set("version", value=0), "version"),
        (_set("form", "additionalProperties", value=5), "form"),
        (_set("form", "examples", value=[]), "form.examples"),
        (_set("form", "properties", "phone", value={"type": "string", "title": "手机"}), "form.phone"),
        (_set("form", "properties", "reason", value={"type": "string"}), "form.reason"),
    ],
)
def test_spoiled_item_is_found_out(change: Any, path: str) -> None:
    assert rules.check_item(RENEWAL) == ()
    assert path in {finding.path for finding in rules.check_item(_changed(RENEWAL, ItemRecord, change))}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_set("items", 0, "item_code", value="x"), "items[0].item_code"),
        (_set("items", 1, "order", value=1), "items[1].depends_on"),
        (_set("items", 0, "field_map", "nothing", value="child_name"), "items[0].field_map.nothing"),
        (_set("items", 0, "field_map", value={}), "items[0].field_map"),
        (_set("items", 2, "condition", "field", value="nothing"), "items[2].condition"),
        (_set("items", value=[]), "items"),
    ],
)
def test_spoiled_package_is_found_out(change: Any, path: str) -> None:
    assert rules.check_package(NEWBORN, ITEMS) == ()
    spoiled = _changed(NEWBORN, PackageRecord, change)
    assert path in {finding.path for finding in rules.check_package(spoiled, ITEMS)}


def test_same_code_and_version_twice_is_found_out() -> None:
    assert rules.check_unique([RENEWAL, RENEWAL]) != ()
    assert rules.check_unique([RENEWAL, msgspec.structs.replace(RENEWAL, version=2)]) == ()


def test_texts_of_the_guide() -> None:
    assert guide.time_text(TimeLimit(length=20, unit=TimeUnit.WORKING_DAYS)) == "20个工作日"
    assert guide.time_text(TimeLimit(length=0, unit=TimeUnit.WORKING_DAYS)) == "当场办结"
    assert [guide.visits_text(visits) for visits in (0, 1, 2)] == ["不用跑", "最多跑一次", "需到现场2次"]
    assert guide.fee_text(RENEWAL.fees) == "20.00元起"
    assert guide.fee_text(Fees(charged=False)) == "不收费"
