"""Settings: every fault in one message, and nothing that would only fail at the first request."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import load
from tests.production import filled_example


def _refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(variables)
    return str(refused.value)


@pytest.mark.parametrize("rate", ["often", "30", "0/minute", "-1/minute", "30/fortnight", "30 minute"])
def test_a_rate_that_cannot_be_read_is_refused_at_the_start(rate: str) -> None:
    assert "SJT_LOGIN_RATE" in _refusal(SJT_LOGIN_RATE=rate)
    assert "SJT_CITIZEN_RATE" in _refusal(SJT_CITIZEN_RATE=rate)


def test_rates_may_be_given_in_the_usual_ways() -> None:
    assert load({"SJT_LOGIN_RATE": "10/second", "SJT_CITIZEN_RATE": "100 per 2 hours"}).login_rate == "10/second"


def test_all_faults_stand_in_one_message() -> None:
    message = _refusal(SJT_CIPHER="rot13", SJT_SMS_PROVIDER="pigeon", SJT_CITIZEN_RATE="often")
    assert all(name in message for name in ("SJT_CIPHER", "SJT_SMS_PROVIDER", "SJT_CITIZEN_RATE"))


def test_numbers_must_be_numbers() -> None:
    message = _refusal(SJT_PORT="eighty", SJT_PROXIES="-1")
    assert "SJT_PORT" in message
    assert "SJT_PROXIES" in message


def test_production_starts_with_nothing_missing_and_nothing_local() -> None:
    message = _refusal(SJT_ENV="production", SJT_ALIPAY_GATEWAY="http://127.0.0.1:8103", SJT_TOKEN_KEYS="demo:AAAA")
    for part in ("缺少 SJT_DATABASE_URL", "SJT_ALIPAY_GATEWAY 不能指向本机", "生产环境不能使用演示密钥"):
        assert part in message


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """What a deployment sets."""
    return filled_example(tmp_path)


def test_the_example_of_a_deployment_filled_in_is_accepted(production: dict[str, str]) -> None:
    assert not load(production).is_demo


@pytest.mark.parametrize("name", ["SJT_TOKEN_KEYS", "SJT_FIELD_KEYS", "SJT_HASH_KEY"])
def test_a_demo_key_is_refused_in_production_wherever_it_stands(production: dict[str, str], name: str) -> None:
    del production[f"{name}_FILE"]
    assert "生产环境不能使用演示密钥" in _refusal(**production | {name: "2027a:AAAA,demo:AAAA"})


@pytest.mark.parametrize("name", ["SJT_WECHAT_PAY_PRIVATE_KEY", "SJT_WECHAT_PAY_PUBLIC_KEYS"])
def test_a_key_file_that_demo_mode_made_is_refused_in_production(
    production: dict[str, str], tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "demo.json").write_text("{}")
    (folder / "key.pem").write_text("key")
    given = f"PUB_KEY_ID_1={folder / 'key.pem'}" if name.endswith("KEYS") else str(folder / "key.pem")
    assert "生产环境不能使用演示密钥" in _refusal(**production | {name: given})


def test_production_needs_what_its_sms_provider_needs(production: dict[str, str]) -> None:
    del production["SJT_ALIYUN_SMS_BASE"]
    assert "缺少 SJT_ALIYUN_SMS_BASE" in _refusal(**production)
    message = _refusal(**production | {"SJT_SMS_PROVIDER": "tencent"})
    assert "缺少 SJT_TENCENT_SMS_SDK_APP_ID" in message
    assert "ALIYUN" not in message


def test_half_of_alipays_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.crt").write_text("certificate")
    assert "SJT_ALIPAY_ROOT_CERT" in _refusal(SJT_ALIPAY_APP_CERT=str(tmp_path / "app.crt"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SJT_FISCAL_REGION", "1400"),
        ("SJT_FISCAL_CODE_LENGTH", "15"),
        ("SJT_FISCAL_CODE_LENGTH", "21"),
        ("SJT_FISCAL_PAID_STATUS", "0"),
    ],
)
def test_a_fiscal_region_that_cannot_be_is_refused(name: str, value: str) -> None:
    assert name in _refusal(**{name: value})


def test_production_needs_a_fiscal_platform_elsewhere(production: dict[str, str]) -> None:
    assert "SJT_FISCAL_BASE 不能指向本机" in _refusal(**production | {"SJT_FISCAL_BASE": "http://127.0.0.1:8108"})
    del production["SJT_FISCAL_PRIVATE_KEY"]
    assert "缺少 SJT_FISCAL_PRIVATE_KEY" in _refusal(**production)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SJT_LICENCE_SHOW_LEVEL", "L1"), ("SJT_PRESENTATION_SECONDS", "59"), ("SJT_PRESENTATION_SECONDS", "301")],
)
def test_showing_of_licences_that_the_rules_forbid_is_refused(name: str, value: str) -> None:
    assert name in _refusal(**{name: value})


@pytest.mark.parametrize(
    ("courier", "rest"),
    [
        ("EMS", ("SENDER_NO", "AUTHORIZATION", "SIGN_KEY", "PUSH_TOKEN")),
        ("KUAIDI100", ("KEY", "CUSTOMER", "SECRET", "SALT_KEY", "PUSH_TOKEN")),
        ("KDNIAO", ("BUSINESS_ID", "APP_KEY", "PUSH_TOKEN")),
    ],
)
def test_further_courier_is_wholly_there_or_not_at_all(
    production: dict[str, str], courier: str, rest: tuple[str, ...]
) -> None:
    refusal = _refusal(**production | {f"SJT_{courier}_BASE": "http://127.0.0.1:8112"})
    for expected in (f"SJT_{courier}_BASE 不能指向本机", *(f"缺少 SJT_{courier}_{name}" for name in rest)):
        assert expected in refusal


def test_seal_authority_is_wholly_there_or_not_at_all(production: dict[str, str]) -> None:
    refusal = _refusal(**production | {"SJT_SEAL_BASE": "http://127.0.0.1:8109"})
    for expected in ("SJT_SEAL_BASE 不能指向本机", "SJT_SEAL_APP_ID", "SJT_SEAL_SECRET", "SJT_SEAL_PUBLIC_KEY"):
        assert expected in refusal
    assert "SJT_OFD_BASE 不能指向本机" in _refusal(**production | {"SJT_OFD_BASE": "http://localhost:9000/convert"})
