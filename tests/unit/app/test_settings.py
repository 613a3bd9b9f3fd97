"""Settings: every fault in one message, and nothing that would only fail at the first request."""

from __future__ import annotations

import pytest

from app.errors import SettingsError
from app.settings import load


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
