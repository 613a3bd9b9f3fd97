"""Our signatures equal WeChat Pay's published algorithm to the byte, and an independent client agrees."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wechatpayv3 import utils as oracle

from clients.wechat.config import PayMerchant
from clients.wechat.pay_signing import authorization, phone_parameters, sign

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())


@pytest.mark.parametrize("case", VECTORS["pay_sign"], ids=lambda case: case["name"])
def test_phone_parameters_equal_the_vector(case: dict[str, Any], merchant: PayMerchant) -> None:
    expected = case["expected"]
    made = phone_parameters(
        merchant.private_key,
        case["appid"],
        case["prepay_id"],
        timestamp=int(expected["timeStamp"]),
        nonce=expected["nonceStr"],
    )
    assert made == expected


@pytest.mark.parametrize("case", VECTORS["authorization"], ids=lambda case: case["name"])
def test_authorization_equals_the_vector(case: dict[str, Any], merchant: PayMerchant) -> None:
    account = replace(merchant, mch_id=case["mchid"], serial_no=case["serial_no"])
    body = case.get("signed_body", case["body"]).encode()
    made = authorization(
        account,
        case["method"],
        case["path_and_query"],
        body,
        timestamp=int(case["timestamp"]),
        nonce=case["nonce_str"],
    )
    assert made == case["authorization"]
    lines = tuple(case["message"].encode().split(b"\n", 4))
    assert lines[4] == body + b"\n"
    assert sign(account.private_key, (*lines[:4], body)) == case["signature"]


texts = st.text(st.characters(codec="utf-8"), max_size=80)
paths = st.from_regex(r"/v3/[a-z0-9/_\-]{1,40}(\?[a-z]+=[A-Za-z0-9%\-_]{0,20})?", fullmatch=True)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    path=paths,
    body=texts,
    timestamp=st.integers(10**9, 2 * 10**9),
    nonce=st.from_regex(r"[0-9A-F]{32}", fullmatch=True),
)
def test_authorization_of_any_request_agrees_with_wechatpayv3(
    path: str, body: str, timestamp: int, nonce: str, merchant: PayMerchant
) -> None:
    ours = authorization(merchant, "POST", path, body.encode(), timestamp=timestamp, nonce=nonce)
    with mock.patch("wechatpayv3.utils.time.time", return_value=timestamp):
        theirs = oracle.build_authorization(
            path, "POST", merchant.mch_id, merchant.serial_no, merchant.private_key, data=body, nonce_str=nonce
        )
    assert ours == theirs
