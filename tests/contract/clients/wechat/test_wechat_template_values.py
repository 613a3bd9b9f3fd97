"""Values that WeChat would refuse never leave; what can be shortened is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.wechat.template_values import fit_values
from simulators.wechat.values import CHECKS, fault_of_value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("thing1", "居民身份证补领"),
        ("number2", "12.50"),
        ("letter1", "SJT"),
        ("symbol1", "—"),
        ("character_string3", "SJT-2026 0001"),
        ("time4", "09:30"),
        ("time4", "2026年1月5日 09:30~10:00"),
        ("date5", "2026-01-05"),
        ("date5", "2026年1月5日 09:30:00"),
        ("amount6", "¥40.00"),
        ("amount6", "40元"),
        ("phone_number7", "0351-12345678"),
        ("car_number1", "晋A12345"),
        ("name8", "张伟"),
        ("phrase9", "已受理"),
        ("enum_string1", "办理中"),
    ],
)
def test_value_within_its_limit_passes_unchanged(key: str, text: str) -> None:
    assert fit_values({key: text}) == {key: text}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("thing1", " \n"),
        ("thing1", "a\x00b"),
        ("number2", "12,5"),
        ("number2", "1" * 33),
        ("character_string3", "受理"),
        ("time4", "25:00"),
        ("date5", "1月5日"),
        ("amount6", "12345678901"),
        ("phone_number7", "1" * 18),
        ("name8", "张" * 11),
        ("name8", "a" * 21),
        ("name8", "张3"),
        ("phrase9", "已经受理完成"),
        ("phrase9", "ok"),
        ("unknown1", "x"),
        ("thing", "x"),
    ],
)
def test_value_that_cannot_fit_is_named_but_not_shown(key: str, text: str) -> None:
    with pytest.raises(ValueError, match=key) as refusal:
        fit_values({key: text})
    assert text.strip() == "" or text not in str(refusal.value).replace(key, "")


@given(st.text(min_size=1))
def test_any_thing_fits_or_is_refused(text: str) -> None:
    try:
        fitted = fit_values({"thing1": text})["thing1"]
    except ValueError:
        return
    assert 1 <= len(fitted) <= 20
    assert "\n" not in fitted
    assert len(" ".join(text.split())) <= 20 or fitted.endswith("…")


anything = st.one_of(
    st.text(max_size=40),
    st.text("0123456789.:~-/年月日¥元 ", max_size=24),
    st.from_regex(r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?( \d{1,2}:\d{2})?", fullmatch=True),
    st.text("张伟晋A0-·", max_size=12),
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(CHECKS)), anything)
def test_what_we_let_through_the_simulated_platform_accepts(kind: str, text: str) -> None:
    try:
        fitted = fit_values({f"{kind}1": text})[f"{kind}1"]
    except ValueError:
        return
    assert fault_of_value(f"{kind}1", fitted) is None
