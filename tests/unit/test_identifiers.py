"""Identifier checks against the shared vectors, and the masks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app import identifiers

VECTORS: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "identifiers.json").read_text(encoding="utf-8")
)
RESIDENT, USCC = VECTORS["resident_id_gb11643"], VECTORS["uscc_gb32100"]
LICENCE, ITEM = VECTORS["e_certificate_id_gbt36903"], VECTORS["item_codes"]
TODAY = date(2026, 3, 1)
DIVISIONS = frozenset({"140105", "140213", "140726", "142401"})


@pytest.mark.parametrize("number", [case["number"] for case in RESIDENT["valid"]])
def test_id_number_valid_passes(number: str) -> None:
    assert identifiers.id_number_fault(number, DIVISIONS, TODAY) is None
    assert identifiers.is_id_number(number, DIVISIONS.__contains__, TODAY)


@pytest.mark.parametrize("case", RESIDENT["invalid"], ids=lambda case: case["reason"])
def test_id_number_invalid_names_a_reason(case: Mapping[str, str]) -> None:
    assert identifiers.id_number_fault(case["number"], DIVISIONS, TODAY)


def test_id_number_of_another_province_passes_without_rows_for_it() -> None:
    body = "11010119900307001"
    number = body + identifiers.id_check_character(body)
    assert identifiers.is_id_number(number, DIVISIONS, TODAY)
    assert not identifiers.is_id_number(number, DIVISIONS.__contains__, TODAY)


@pytest.mark.parametrize("number", ["140105199003070013", "14010518700307001X"])
def test_id_number_wrong_is_not_blamed_on_the_division(number: str) -> None:
    fault = identifiers.id_number_fault(number, DIVISIONS, TODAY)
    assert fault is not None
    assert "区划" not in fault


@pytest.mark.parametrize("number", ["１４０１０５199003070012", "", "1401051990030700120", "140105199003070012\n"])
def test_id_number_of_wrong_shape_is_refused(number: str) -> None:
    assert not identifiers.is_id_number(number, DIVISIONS, TODAY)


@pytest.mark.parametrize("case", RESIDENT["normalise"], ids=lambda case: case["out"])
def test_id_number_is_normalised(case: Mapping[str, str]) -> None:
    assert identifiers.normalise_id_number(case["in"]) == case["out"]


def test_id_number_tells_birth_date_and_sex() -> None:
    assert identifiers.id_birth_date("140726198802290038") == date(1988, 2, 29)
    assert identifiers.id_sex("140726198802290038") == "男"
    assert identifiers.id_sex("140213198511230028") == "女"
    with pytest.raises(ValueError):
        identifiers.id_birth_date("140105199002300015")


@pytest.mark.parametrize("code", [case["code"] for case in USCC["valid"]])
def test_uscc_valid_passes(code: str) -> None:
    assert identifiers.is_uscc(code)


@pytest.mark.parametrize("case", USCC["invalid"], ids=lambda case: case["reason"])
def test_uscc_invalid_is_refused(case: Mapping[str, str]) -> None:
    assert not identifiers.is_uscc(case["code"])


def test_item_code_is_split_into_parts() -> None:
    parts = identifiers.parse_item_code(ITEM["implementation_31"])
    expected = ITEM["implementation_parts"]
    assert (parts.body_uscc, parts.level) == (expected["body_uscc"], expected["level"])
    assert (parts.basic_code, parts.tail, parts.item_type) == (expected["basic"], "", "01")
    assert identifiers.parse_item_code(ITEM["business_33"]).tail == "01"
    assert identifiers.parse_item_code(ITEM["basic_12"]).body_uscc == ""


@pytest.mark.parametrize(
    "code",
    [
        "11140000MB000001962140101001000",
        "11140000MB000001958140101001000",
        "11140000MB000001952990101001000",
        "11140000MB000001952141101001000",
        "11140000MB00000195214010100100A",
        "11140000MB000001952140101001000ab",
        "11140000MB0000019521401010010001",
        "",
    ],
)
def test_item_code_with_a_wrong_part_is_refused(code: str) -> None:
    assert not identifiers.is_item_code(code)


@pytest.mark.parametrize("number", [case["id"] for case in LICENCE["valid"]])
def test_licence_number_round_trips(number: str) -> None:
    parts = identifiers.parse_licence_number(number)
    made = identifiers.make_licence_number(parts.type_code, parts.issuer_uscc, parts.serial, parts.version)
    assert made == number


@pytest.mark.parametrize("number", [*LICENCE["invalid"], "1.2.156.3005.2.x", ""])
def test_licence_number_invalid_is_refused(number: str) -> None:
    with pytest.raises(ValueError):
        identifiers.parse_licence_number(number)


def test_licence_number_of_bad_parts_is_not_made() -> None:
    with pytest.raises(ValueError):
        identifiers.make_licence_number("111000000000999955", "11140000MB00000195", "2025")
    with pytest.raises(ValueError):
        identifiers.make_licence_number("111000000000999955001", "11140000MB00000195", "2025", version=1000)


@pytest.mark.parametrize(
    ("text", "phone", "good"),
    [
        ("13800000001", "13800000001", True),
        ("+86 138-0000-0001", "13800000001", True),
        ("8613800000001", "13800000001", True),
        ("12800000001", "12800000001", False),
        ("1380000000", "1380000000", False),
        ("１３８00000001", "１３８00000001", False),
    ],
)
def test_phone_is_normalised_and_checked(text: str, phone: str, good: bool) -> None:
    assert identifiers.normalise_phone(text) == phone
    assert identifiers.is_mobile_phone(phone) is good


def test_masks_hide_what_they_should() -> None:
    assert identifiers.mask_id_number("140105199003070012") == "140105********0012"
    assert identifiers.mask_id_number("1401") == "****"
    assert identifiers.mask_phone("13800000001") == "138****0001"
    assert identifiers.mask_phone("138") == "***"
    assert [identifiers.mask_name(name) for name in ("", "张", "张伟", "欧阳", "欧阳小娜")] == [
        "", "*", "*伟", "*阳", "欧**娜",
    ]  # fmt: skip
    assert identifiers.mask_address("太原市小店区平阳路1号") == "太原市小店区*****"
    assert identifiers.mask_address("小店区") == "***"


@pytest.mark.parametrize(("code", "prefix"), [("140000", "14"), ("140100", "1401"), ("140105", "140105")])
def test_division_code_covers_what_lies_below(code: str, prefix: str) -> None:
    assert identifiers.division_prefix(code) == prefix
