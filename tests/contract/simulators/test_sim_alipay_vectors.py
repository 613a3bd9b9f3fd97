"""The Alipay simulator's own crypto and bill file against signed vectors."""

import base64
import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from simulators.alipay import phone, signing, wire
from simulators.alipay.bills import BillLine, bill_zip
from tests.contract.simulators.alipay_caller import (
    BEIJING,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "alipay.json").read_text("utf-8"))


@pytest.mark.parametrize("case", VECTORS["request_sign"], ids=lambda case: case["id"])
def test_request_content_of_vector_is_signed_the_same(case: dict[str, Any]) -> None:
    content = signing.request_content(case["params"])
    assert content == case["string_to_sign"]
    key = signing.load_private_key(VECTORS["keys"]["app_private_pkcs8"].encode())
    assert signing.sign_rsa2(key, content.encode()) == case["sign"]


@pytest.mark.parametrize("case", VECTORS["aes"]["cases"], ids=lambda case: case["id"])
def test_aes_vector_goes_both_ways(case: dict[str, Any]) -> None:
    key = VECTORS["aes"]["key_base64"]
    assert signing.encrypt_content(key, case["plaintext"]) == case["ciphertext_base64"]
    assert signing.decrypt_content(key, case["ciphertext_base64"]) == case["plaintext"]


@pytest.mark.parametrize("case", VECTORS["aes"]["negative"], ids=lambda case: case["id"])
def test_aes_vector_that_cannot_be_read_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(signing.DecryptionFailed):
        signing.decrypt_content(case["key_base64"], case["ciphertext_base64"])


def test_notification_content_of_vectors_leaves_out_sign_and_sign_type() -> None:
    cases = [case for case in VECTORS["notify"]["cases"] if case["id"] in ("trade_success", "from_ant_depositback")]
    assert len(cases) == 2
    for case in cases:
        fields = dict(parse_qsl(case["body"], keep_blank_values=True))
        assert signing.notification_content(fields) == case["string_to_sign"]
        key = signing.load_private_key(VECTORS["keys"]["alipay_private_pkcs1"].encode())
        assert signing.sign_rsa2(key, case["string_to_sign"].encode()) == fields["sign"]


def test_answer_of_vector_is_sealed_byte_for_byte() -> None:
    case = next(case for case in VECTORS["response_verify"] if case["id"] == "plain_success")
    key = signing.load_private_key(VECTORS["keys"]["alipay_private_pkcs1"].encode())
    content = wire.dumps(json.loads(case["signed_content"]))
    assert wire.seal_answer("alipay_trade_query_response", content, wire.Seal(key)).decode() == case["raw"]


def test_phone_payload_of_vector_is_the_same() -> None:
    case = next(case for case in VECTORS["phone_number"]["cases"] if case["id"] == "ok")
    key = signing.load_private_key(VECTORS["keys"]["alipay_private_pkcs1"].encode())
    made = phone.phone_payload("ok", "13800138000", VECTORS["phone_number"]["aes_key_base64"], key)
    assert made == json.loads(case["payload"])


def test_bill_has_the_layout_of_the_vector() -> None:
    wanted = zipfile.ZipFile(io.BytesIO(base64.b64decode(VECTORS["bill_zip"]["zip_base64"])))
    subject, created = "不动产证 工本费+邮寄费 100% 50&50", "2026-01-15 09:31:02"
    numbers = ("2026011522001468450512505578", "SJT20260115000001", subject, created)
    lines = [
        BillLine(*numbers, "2026-01-15 09:31:11", "*三(138****0000)", 6850),
        BillLine(*numbers, "2026-01-16 10:00:00", "*三(138****0000)", 1000, "SJT20260115000001R1", "多收,邮费"),
    ]
    exported = datetime(2026, 1, 17, 3, tzinfo=BEIJING)
    content = bill_zip("2088101117955611", date(2026, 1, 15), lines, exported)
    made = zipfile.ZipFile(io.BytesIO(content))
    assert made.namelist() == wanted.namelist()
    assert not any(entry.flag_bits & 0x800 for entry in made.infolist())
    rows, wanted_rows = (archive.read(archive.namelist()[0]).decode("gbk").split("\r\n") for archive in (made, wanted))
    assert rows[4:7] == wanted_rows[4:7]
    assert made.read(made.namelist()[1]) == wanted.read(wanted.namelist()[1])
