"""The made-up enterprises of demo mode are well made, and the settings of representation are checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.identifiers import is_uscc
from app.settings import load

DATA = Path(__file__).parents[2] / "data"
ENTERPRISES = json.loads((DATA / "enterprises.json").read_text(encoding="utf-8"))
PEOPLE = {row["key"] for row in json.loads((DATA / "people.json").read_text(encoding="utf-8"))}


@pytest.mark.parametrize("row", ENTERPRISES, ids=lambda row: row["uscc"])
def test_every_enterprise_has_a_valid_code_and_a_known_representative(row: dict[str, str]) -> None:
    assert is_uscc(row["uscc"])
    assert row["legal_representative"] in PEOPLE
    assert row["status"] in ("OPEN", "CLOSED")
    assert row["name"]
    assert row["address"].startswith("山西省")


def test_codes_are_given_once_and_one_enterprise_is_closed() -> None:
    assert len({row["uscc"] for row in ENTERPRISES}) == len(ENTERPRISES)
    assert {row["status"] for row in ENTERPRISES} == {"OPEN", "CLOSED"}


def test_level_of_representation_is_l2_or_l3() -> None:
    assert load({"SJT_REPRESENTATION_LEVEL": "L3"}).representation_level == "L3"
    with pytest.raises(SettingsError, match="SJT_REPRESENTATION_LEVEL"):
        load({"SJT_REPRESENTATION_LEVEL": "L1"})
