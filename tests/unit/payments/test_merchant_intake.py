"""The file that operators import merchant accounts from: every fault at once, and no way out of the secrets' folder."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payments.merchants.intake import FaultyImport, parse, plan

GOOD: dict[str, Any] = {
    "code": "traffic",
    "channel": "WECHAT",
    "mode": "PARTNER",
    "app_id": "wxfedcba9876543210",
    "mch_id": "1900000100",
    "sub_mch_id": "1900000109",
    "sub_app_id": "wx0123456789abcdef",
    "department_code": "11140100MB000110X4",
    "key_reference": "traffic",
    "serial_no": "0A1B2C3D4E5F60718293A4B5C6D7E8F901234568",
    "keys": [{"key_id": "PUB_KEY_ID_01", "file": "platform.pem"}],
}


def parsed(*entries: dict[str, Any]) -> Any:
    return parse(json.dumps(entries).encode(), lambda name: f"PEM of {name}")


def faults(*entries: dict[str, Any]) -> str:
    with pytest.raises(FaultyImport) as refused:
        parsed(*entries)
    return "\n".join(refused.value.faults)


def test_entry_becomes_an_account_with_the_keys_beside_the_file() -> None:
    (merchant,) = parsed(GOOD)
    assert merchant.account.code == "traffic"
    assert merchant.address == ("WECHAT", "1900000100")
    assert [(key.key_id, key.pem) for key in merchant.active_keys] == [("PUB_KEY_ID_01", "PEM of platform.pem")]
    assert merchant.enabled


@pytest.mark.parametrize(
    "reference", ["../keys", "a/b", "/etc", "..", ".", "a.b", "a b", "-a", "a\x00", "密钥", "a\n", "C:\\x"]
)
def test_reference_that_is_not_a_plain_name_is_refused(reference: str) -> None:
    assert "key_reference" in faults(GOOD | {"key_reference": reference})


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"sub_mch_id": ""}, "sub_mch_id"),
        ({"mode": "DIRECT"}, "直连"),
        ({"channel": "ALIPAY"}, "支付宝账户不填 sub_app_id"),
        ({"channel": "ALIPAY", "sub_app_id": "", "fetches_certificates": True}, "fetches_certificates"),
        ({"serial_no": ""}, "serial_no"),
        ({"keys": [{"key_id": "K"}]}, "恰好"),
        ({"keys": [{"key_id": "K", "pem": "x", "file": "y"}]}, "恰好"),
        ({"code": "Not A Code"}, "格式"),
        ({"mch_id": "19000001x0"}, "格式"),
        ({"apiv3_key": "0123456789abcdef0123456789ABCDEF"}, "apiv3_key"),
        ({"department_code": "short"}, "格式"),
        ({"division_code": "14x"}, "格式"),
        ({"enabled": "yes"}, "格式"),
    ],
)
def test_faulty_entry_is_named(changed: dict[str, Any], word: str) -> None:
    assert word in faults(GOOD | changed)


def test_all_faults_stand_together() -> None:
    told = faults(GOOD | {"serial_no": ""}, GOOD | {"sub_mch_id": ""})
    assert all(word in told for word in ("serial_no", "sub_mch_id", "重复"))


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000, b'[{"code": "a"}]'])
def test_file_of_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(FaultyImport):
        parse(content, lambda name: name)


def test_key_file_that_is_not_there_is_named() -> None:
    def missing(name: str) -> str:
        raise FileNotFoundError(name)

    with pytest.raises(FaultyImport, match="公钥文件无法读取"):
        parse(json.dumps([GOOD]).encode(), missing)


def test_plan_keeps_the_row_and_refuses_another_merchant() -> None:
    (stored,) = parsed(GOOD)
    (planned,) = plan(parsed(GOOD | {"division_code": "1401"}), {"traffic": stored})
    assert planned.merchant.id == stored.id
    assert (planned.kind, planned.changes) == ("更改", {"division_code": ["", "1401"]})
    for changed in ({"mch_id": "1900000999"}, {"sub_mch_id": "1900000999"}, {"app_id": "wx00000000"}):
        with pytest.raises(FaultyImport, match="不可更改"):
            plan(parsed(GOOD | changed), {"traffic": stored})
