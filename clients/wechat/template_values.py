"""The limits WeChat sets on subscribe-message values, kept before sending: an error names one field only.

Used by the notice adapter and the publisher's preview. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_KEY = re.compile(r"([a-z]+(?:_[a-z]+)?)\d+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_CLOCK = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_MONTH, _MONTH_DAY = r"(0?[1-9]|1[0-2])", r"(0?[1-9]|[12][0-9]|3[01])"
_DAY = rf"[0-9]{{4}}(年{_MONTH}月{_MONTH_DAY}日|[-/.]{_MONTH}[-/.]{_MONTH_DAY})"
_RULES = {
    "number": re.compile(r"(?=.{1,32}$)[0-9]+(\.[0-9]+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s]{1,5}"),
    "character_string": re.compile(r"[!-~][ -~]{0,31}"),
    "time": re.compile(rf"({_DAY} ?)?{_CLOCK}(~({_DAY} ?)?{_CLOCK})?"),
    "date": re.compile(rf"{_DAY}( ?{_CLOCK})?(~{_DAY}( ?{_CLOCK})?)?"),
    "amount": re.compile(r"[¥￥$€£]?[0-9]{1,10}(\.[0-9]+)?元?"),
    "phone_number": re.compile(r"[0-9+()\-*# ]{1,17}"),
    "car_number": re.compile(r"[\u4e00-\u9fffA-Z0-9][A-Z0-9]{1,6}[\u4e00-\u9fffA-Z0-9]"),
    "phrase": re.compile(r"[\u3400-\u9fff]{1,5}"),
    "thing": re.compile(r".{1,20}"),
    # Which of its values an enum takes stands in the template (keywordEnumValueList), not here.
    "enum": re.compile(r".{1,20}"),
    "enum_string": re.compile(r".{1,20}"),
}
_ELLIPSIS = "…"


class UnfitTemplateValue(ValueError):
    """A value that cannot be made to keep its rule; names its key, never the value."""

    def __init__(self, key: str) -> None:
        super().__init__(f"template value {key} breaks its rule")
        self.key = key


def fit_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values as they may be sent: white space made single, `thing` cut to 20 with an ellipsis.

    Raises UnfitTemplateValue naming the key that cannot be made to fit.
    Source: WeChat mini-program documents, 订阅消息参数值内容限制说明.
    """
    return {key: _fitted(key, " ".join(text.split())) for key, text in values.items()}


def _fitted(key: str, text: str) -> str:
    named = _KEY.fullmatch(key)
    kind = named[1] if named else ""
    if kind == "thing" and len(text) > 20:
        text = text[:19] + _ELLIPSIS
    if not text.isprintable() or not _fits(kind, text):
        raise UnfitTemplateValue(key)
    return text


def _fits(kind: str, text: str) -> bool:
    if kind == "name":
        return 1 <= len(text) <= (10 if _CHINESE.search(text) else 20) and not any(sign.isdigit() for sign in text)
    rule = _RULES.get(kind)
    return rule is not None and rule.fullmatch(text) is not None
