"""Turns an event into the words of a template. Pure; a fact that is missing shows as a dash, never as an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app import clock, money
from app.events import DomainEvent

_VARIABLE = re.compile(r"\{(\w+)\}")
_DASH = "—"
_OUTCOMES = {
    "GRANTED": "准予办理",
    "REFUSED": "不予办理",
    "NOT_ACCEPTED": "不予受理",
    "WITHDRAWN": "已撤回",
    "TERMINATED": "已终止",
}
_PAY_CHANNELS = {"WECHAT": "微信支付", "ALIPAY": "支付宝"}
INBOX_LENGTH = 500
TITLE_LENGTH = 64


def variables_of(event: DomainEvent) -> dict[str, str]:
    """Return every variable a template may name: the event's small facts as text, its number and its time.

    Amounts `x_fen` also appear as `x` in yuan ("20.00元"), `outcome` and `channel` in Chinese.
    """
    found = {name: str(value) for name, value in event.facts.items() if _is_plain(value)}
    found |= {
        name.removesuffix("_fen"): money.shown(value)
        for name, value in event.facts.items()
        if name.endswith("_fen") and isinstance(value, int)
    }
    beijing = clock.to_beijing(event.occurred_at)
    found |= {"subject_no": event.subject_no, "time": f"{beijing:%Y-%m-%d %H:%M}", "date": f"{beijing:%Y-%m-%d}"}
    if "outcome" in found:
        found["outcome"] = _OUTCOMES.get(found["outcome"], found["outcome"])
    if "channel" in found:
        found["channel"] = _PAY_CHANNELS.get(found["channel"], found["channel"])
    return found


def filled(text: str, variables: Mapping[str, str], length: int | None = None) -> str:
    """Fill the {variables} of a text; cut it with an ellipsis where it is longer than `length`."""
    made = _VARIABLE.sub(lambda match: variables.get(match[1]) or _DASH, text)
    return made if length is None or len(made) <= length else made[: length - 1] + "…"


def filled_all(fields: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Fill the fields of a binding, in their order."""
    return {key: filled(text, variables) for key, text in fields.items()}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
