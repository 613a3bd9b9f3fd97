"""Every form of data/ with answers that are good and answers that are not: each has at least three of both.

A second, independent implementation of JSON Schema agrees on the good ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from services.catalogue.forms import FormChecker

ROOT = Path(__file__).parents[4]
EXAMPLES = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "tests/fixtures/forms").glob("*.json"))
}
FORMS = {
    f"{folder}/{path.name}": json.loads(path.read_text("utf-8"))["form"]
    for folder in ("items", "packages")
    for path in (ROOT / "data" / folder).glob("*.json")
}


def test_every_form_has_its_examples() -> None:
    assert {examples["of"] for examples in EXAMPLES.values()} == set(FORMS)
    for name, examples in EXAMPLES.items():
        assert len(examples["good"]) >= 3, name
        assert len({json.dumps(bad["answers"], sort_keys=True) for bad in examples["bad"]}) >= 3, name


@pytest.mark.parametrize("examples", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_good_answers_are_taken_by_two_implementations(examples: dict[str, Any]) -> None:
    schema = FORMS[examples["of"]]
    checker, other = FormChecker(schema), jsonschema.Draft202012Validator(schema)
    for answers in examples["good"]:
        assert checker.faults(answers) == ()
        assert list(other.iter_errors(answers)) == []


@pytest.mark.parametrize("examples", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_bad_answers_are_refused_where_they_are_wrong(examples: dict[str, Any]) -> None:
    checker = FormChecker(FORMS[examples["of"]])
    for bad in examples["bad"]:
        faults = {fault.path: fault.message for fault in checker.faults(bad["answers"])}
        assert bad["path"] in faults, bad["why"]
        assert faults[bad["path"]].isascii() is False
