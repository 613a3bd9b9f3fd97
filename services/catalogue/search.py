"""Turns what a citizen types into lexeme conditions (tsquery) with the words that the items themselves use; pure.

Called by the service. The database compares lexemes only and knows no language (core PostgreSQL, 'simple').
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

CHINESE = re.compile(r"[\u4e00-\u9fff]+")
LATIN = re.compile(r"[0-9a-z]+")
LONGEST_QUESTION = 64
_LONGEST_WORD = 16
_MOST_TERMS = 12
_SHORT_QUESTION = 2
_FILLERS = re.compile(
    "怎么办理|怎么办|怎么|怎样|如何|哪里|哪儿|什么|办理|申请|需要|可以|一下|请问|事项|业务|手续|服务|我要|我想|我|了|的"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question: what it says, and one tsquery text for each term that items must or may hold."""

    raw: str
    demanded: tuple[str, ...]
    welcome: tuple[str, ...]

    @property
    def all_demanded(self) -> str:
        """The tsquery text that demands every term."""
        return " & ".join(self.demanded)

    @property
    def any_term(self) -> str:
        """The tsquery text that is content with one of the demanded terms."""
        return " | ".join(self.demanded)

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms, for counting how many an item holds."""
        return self.demanded + self.welcome


def read_question(text: str, vocabulary: frozenset[str]) -> Question:
    """Cut a question into the longest words that any item holds; what no item knows is left out.

    Single characters only raise an item in the order, unless the question is as short as that.
    """
    cleaned = " ".join(text.lower().split())[:LONGEST_QUESTION]
    meant = _FILLERS.sub(" ", cleaned)
    known = [word for run in CHINESE.findall(meant) for word in _longest_words(run, vocabulary)]
    demanded = [_lexeme(word) for word in known if len(word) > 1] + list(_latin_terms(cleaned))
    welcome = [_lexeme(word) for word in known if len(word) == 1]
    if not demanded:
        demanded, welcome = (welcome, []) if len(cleaned) <= _SHORT_QUESTION else ([], [])
    return Question(cleaned, _bounded(demanded), _bounded(welcome))


def _longest_words(run: str, vocabulary: frozenset[str]) -> Iterator[str]:
    at = 0
    while at < len(run):
        lengths = range(min(_LONGEST_WORD, len(run) - at), 0, -1)
        length = next((length for length in lengths if run[at : at + length] in vocabulary), 0)
        if length:
            yield run[at : at + length]
        at += length or 1


def _latin_terms(text: str) -> Iterator[str]:
    words = LATIN.findall(text)
    if len(words) > 1:
        yield f"(({' & '.join(map(_lexeme, words))}) | {_lexeme(''.join(words))})"
    else:
        yield from map(_lexeme, words)


def _bounded(terms: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(terms))[:_MOST_TERMS]


def _lexeme(word: str) -> str:
    # Words are made of Chinese characters, digits and small letters only, so that nothing needs escaping.
    return f"'{word}':*"
