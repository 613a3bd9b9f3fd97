"""Legacy user data against the vectors and malformed input."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clients.wechat.user_data import UserDataRefused, decrypt_user_data

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())
NOW = datetime.fromtimestamp(VECTORS["about"]["fixed_now"], UTC)


def opened(case: dict[str, Any]) -> dict[str, Any]:
    parts = (case["session_key"], case["iv"], case["encryptedData"], case["appid"])
    return decrypt_user_data(*parts, now=lambda: NOW)


@pytest.mark.parametrize("case", VECTORS["legacy_decrypt"], ids=lambda case: case["name"])
def test_user_data_open_or_are_refused_for_the_reason(case: dict[str, Any]) -> None:
    if case["valid"]:
        assert opened(case) == json.loads(case["plaintext"])
        return
    with pytest.raises(UserDataRefused) as refusal:
        opened(case)
    assert refusal.value.details["reason"] == case["reject_reason"]
    assert refusal.value.status == 400


@pytest.mark.parametrize("field", ["session_key", "iv", "encryptedData"])
@pytest.mark.parametrize("value", ["", "?", "AAAA", "QUFB" * 40, "甲"])
def test_malformed_input_is_refused(field: str, value: str) -> None:
    with pytest.raises(UserDataRefused):
        opened(VECTORS["legacy_decrypt"][0] | {field: value})
