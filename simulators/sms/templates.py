"""Approved SMS templates: which variables they take, and the text that reaches the phone.

Used by the SMS simulator only.
"""

import re

_ALIYUN_VARIABLE = re.compile(r"\$?\{(\w+)\}")
_TENCENT_VARIABLE = re.compile(r"\{(\d+)\}")


def aliyun_variables(template: str) -> list[str]:
    """List the names of `${name}` (or `{name}`) in an Aliyun template."""
    return _ALIYUN_VARIABLE.findall(template)


def render_aliyun(template: str, values: dict[str, str]) -> str:
    """Fill an Aliyun template. Raises: KeyError when a value is missing."""
    return _ALIYUN_VARIABLE.sub(lambda found: values[found[1]], template)


def tencent_count(template: str) -> int:
    """Count the numbered variables `{1}…` of a Tencent template."""
    return len({int(number) for number in _TENCENT_VARIABLE.findall(template)})


def render_tencent(template: str, values: list[str]) -> str:
    """Fill a Tencent template. Raises: IndexError when a value is missing."""
    return _TENCENT_VARIABLE.sub(lambda found: values[int(found[1]) - 1], template)


def segments(text: str) -> int:
    """Count the messages the operator bills: 70 characters for one, 67 each for a long one."""
    return 1 if len(text) <= 70 else -(-len(text) // 67)
