"""Limits of template values by keyword type (thing, date, amount, …). Pure; used by the subscribe send call only.

Source: 订阅消息参数值内容限制说明, WeChat mini-program guide, 2026-07.
"""

import re
from collections.abc import Callable

_KEY = re.compile(r"([a-z_]+)\d+")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_DAY = r"\d{4}[年./-](?:0?[1-9]|1[0-2])[月./-](?:0?[1-9]|[12]\d|3[01])日?"
_MOMENT = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
_DATE = re.compile(rf"{_DAY}(?: ?{_MOMENT})?")
_TIME = re.compile(rf"(?:{_DAY} ?)?{_MOMENT}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_AMOUNT = re.compile(r"[¥￥$€£]?\d{1,10}(?:\.\d+)?元?")
_PHONE = re.compile(r"[\d+()#*\- ]{1,17}")
_CAR_NUMBER = re.compile(r"[\u4e00-\u9fffA-Z0-9][A-Z0-9]{1,6}[\u4e00-\u9fffA-Z0-9]")
_ASCII = re.compile(r"[\x20-\x7e]{1,32}")
_LETTERS = re.compile(r"[A-Za-z]{1,32}")
_SYMBOLS = re.compile(r"[^\w\s]{1,5}")
_PHRASE = re.compile(r"[\u3400-\u9fff]{1,5}")


def _is_span_of(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        parts = value.split("~")
        return len(parts) <= 2 and all(pattern.fullmatch(part.strip()) for part in parts)

    return check


def _is(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


def _is_number(value: str) -> bool:
    return _NUMBER.fullmatch(value) is not None and sum(character.isdigit() for character in value) <= 32


def _is_name(value: str) -> bool:
    return len(value) <= (10 if _CHINESE.search(value) else 20) and not any(c.isdigit() for c in value)


CHECKS: dict[str, Callable[[str], bool]] = {
    "thing": lambda value: len(value) <= 20,
    "number": _is_number,
    "letter": _is(_LETTERS),
    "symbol": _is(_SYMBOLS),
    "character_string": _is(_ASCII),
    "time": _is_span_of(_TIME),
    "date": _is_span_of(_DATE),
    "amount": _is(_AMOUNT),
    "phone_number": _is(_PHONE),
    "car_number": _is(_CAR_NUMBER),
    "name": _is_name,
    "phrase": _is(_PHRASE),
    "enum_string": lambda value: len(value) <= 20,
    "enum": lambda value: len(value) <= 20,
}


def fault_of_value(key: str, value: object) -> str | None:
    """Return None when the value may stand under this keyword key, else the words WeChat puts in errmsg."""
    match = _KEY.fullmatch(key)
    check = CHECKS.get(match.group(1)) if match else None
    if check is None:
        return f"data.{key} is not a keyword of the template"
    if not isinstance(value, str):
        return f"data.{key}.value is not a string"
    if not value.strip():
        return f"data.{key}.value is empty"
    if _CONTROL.search(value) or not check(value):
        return f"data.{key}.value invalid"
    return None
