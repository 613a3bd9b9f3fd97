"""Cuts Chinese texts into what people type: words, two-character pieces, characters, pinyin and initials; pure.

Called while importing only. The dictionaries of jieba and pypinyin take some 130 MiB, so no process that answers
requests imports this module; questions are read with the stored words themselves (search/question.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache

import jieba
from pypinyin import Style, lazy_pinyin, pinyin

from services.catalogue.search.question import CHINESE, LATIN

jieba.setLogLevel(logging.WARNING)

_LONGEST_RUN = 12
_WHOLE, _WORD, _SOUND, _INITIALS, _LONG_PIECE, _PIECE, _CHARACTER = 1.2, 1.0, 0.9, 0.8, 0.6, 0.4, 0.15
_LONGEST_KEY = 48
_COMMON_PLANE = (0xB0, 0xF8)
"""First bytes of GB 2312's characters: the 6,763 that people type."""


@lru_cache(20_000)
def cut(text: str) -> Mapping[str, float]:
    """Return the words of a text with the share of its weight that each is worth."""
    found: dict[str, float] = {}
    for word, share in _pieces(text.lower()):
        if share > found.get(word, 0.0):
            found[word] = share
    return found


@lru_cache(20_000)
def keys(phrase: str) -> tuple[str, ...]:
    """Return what somebody may begin to type to mean a phrase: itself, its later words, its pinyin, its initials."""
    text = phrase.lower()
    found = [text]
    for run in CHINESE.findall(text):
        ends = [len(run)]
        for word in reversed(jieba.lcut(run)):
            ends.append(ends[-1] - len(word))
        found += [run[at:] for at in ends if at < len(run) - 1]
        found += ["".join(lazy_pinyin(run)), "".join(lazy_pinyin(run, style=Style.FIRST_LETTER))]
    return tuple(dict.fromkeys(key[:_LONGEST_KEY] for key in found if len(key) > 1))


def syllables() -> Iterator[tuple[str, str]]:
    """Return every common character with each of its syllables, so that a wrong character is heard."""
    for high in range(*_COMMON_PLANE):
        for low in range(0xA1, 0xFF):
            character = bytes((high, low)).decode("gb2312", errors="ignore")
            if character:
                for syllable in set(pinyin(character, style=Style.NORMAL, heteronym=True)[0]):
                    yield character, syllable


def _pieces(text: str) -> Iterator[tuple[str, float]]:
    for word in LATIN.findall(text):
        yield word, _WORD
    for run in CHINESE.findall(text):
        words = {word for word in jieba.cut_for_search(run) if len(word) > 1}
        yield from ((word, _WORD) for word in words)
        if len(run) <= _LONGEST_RUN:
            words.add(run)
            yield run, _WHOLE if len(run) > 1 else _WORD
        for word in words:
            heard = lazy_pinyin(word)
            yield "".join(heard), _SOUND
            if len(heard) > 1:
                yield "".join(syllable[0] for syllable in heard), _INITIALS
        yield from ((run[at : at + 2], _PIECE) for at in range(len(run) - 1))
        yield from ((run[at : at + 3], _LONG_PIECE) for at in range(len(run) - 2))
        yield from ((character, _CHARACTER) for character in run)
        yield from ((syllable, _CHARACTER) for syllable in lazy_pinyin(run))
