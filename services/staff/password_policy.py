"""Which passwords staff may choose: long ones that are neither their name nor what everybody tries first. Pure.

Called when a password is set. Nothing about kinds of characters: length and the lists here are what helps.
Source: NIST SP 800-63B, 5.1.1.2 (memorised secret verifiers).
"""

from __future__ import annotations

import re

SHORTEST, LONGEST = 12, 128
KEPT_HASHES = 5
"""So many former passwords cannot be chosen again."""
_MOST_ALIKE = 4
"""A password of no more different characters than this is a pattern."""
_LEAST_BESIDE_THE_NAME = 8
_RUNS = (
    "0123456789" * 13,
    "abcdefghijklmnopqrstuvwxyz" * 5,
    "qwertyuiopasdfghjklzxcvbnm" * 5,
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p" * 4,
    "qazwsxedcrfvtgbyhnujmikolp" * 5,
    "1q2w3e4r5t6y7u8i9o0p" * 7,
    "q1w2e3r4t5y6u7i8o9p0" * 7,
)
_WORDS = frozenset(
    "password passwd passwort passport pass admin administrator root toor login user username guest test tester"
    " testtest welcome letmein iloveyou woaini woaini qwerty qwertyuiop asdfgh asdfghjkl zxcvbn zxcvbnm dragon monkey"
    " master superman batman football baseball sunshine princess shadow michael hello helloworld secret changeme"
    " default demo server oracle postgres mysql database system manager operator service abc abcd abcdef abcabc"
    " sanjintong shanxi taiyuan datong zhengwu zhengwufuwu yiwangtongban gongwuyuan zhongguo china beijing mima"
    " woshishui nihao nihaoma wodemima chuangkou window reviewer cashier approver auditor".split()
)
_LOOKALIKES = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})


def fault_of(password: str, username: str) -> str | None:
    """Say in Chinese why a password cannot be chosen; None where it can."""
    if len(password) < SHORTEST:
        return f"密码至少{SHORTEST}个字符"
    if len(password) > LONGEST:
        return f"密码不能超过{LONGEST}个字符"
    folded = password.casefold()
    if len(folded.replace(username.casefold(), "")) < min(_LEAST_BESIDE_THE_NAME, len(password)):
        return "密码不能由用户名构成"
    if _is_common(folded):
        return "该密码过于常见，请换一个"
    return None


def _is_common(folded: str) -> bool:
    if len(set(folded)) <= _MOST_ALIKE:
        return True
    plain = re.sub(r"[\s_.\-]", "", folded)
    if any(plain in run or plain in run[::-1] for run in _RUNS):
        return True
    return any(_made_of_words(core) for core in _cores(plain))


def _cores(plain: str) -> set[str]:
    """What is left without digits and symbols at the ends, as written and with look-alikes read as letters."""
    trimmed = re.sub(r"^[\W\d]+|[\W\d]+$", "", plain)
    return {trimmed, trimmed.translate(_LOOKALIKES), re.sub(r"[\W\d]", "", plain)}


def _made_of_words(core: str) -> bool:
    """Tell whether nothing but well-known words stands there, one after the other."""
    if not core:
        return True
    starts = [True] + [False] * len(core)
    for at in range(1, len(core) + 1):
        starts[at] = any(starts[begin] and core[begin:at] in _WORDS for begin in range(at))
    return starts[-1]
