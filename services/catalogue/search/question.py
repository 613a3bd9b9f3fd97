"""Turns what a citizen types into weighted words of the index, forgiving one slip in each; pure.

Called by the search's service, which asks the database which of the `candidates` are words that any document holds.
No dictionary is needed: a question is cut into the longest words that are known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.catalogue.search.slips import is_one_slip, variants

CHINESE = re.compile(r"[\u4e00-\u9fff]+")
LATIN = re.compile(r"[0-9a-z]+")
LONGEST_QUESTION = 64
_LONGEST_WORD = 12
_LONGEST_SLIP = 8
_MOST_TERMS = 24
_SHORT_QUESTION = 2
_LEAST_LETTERS = 3
_NESTED_FROM, _NESTED_SHARE, _SLIP_SHARE, _HEARD_SHARE, _WELCOME_SHARE = 5, 0.3, 0.8, 0.6, 0.5
HEARD_ENOUGH, HEARD_PART = 3, 0.6
"""How many characters, or which part of a question, must be heard as one word before their sound counts."""
_MANY = 20_000
_FILLERS = re.compile(
    "怎么办理|怎么办|怎么|怎样|如何|哪里|哪儿|什么|办理|申请(?!表|书)|需要|可以|一下|请问|事项|业务|手续|服务|我要|我想|想要|我|了|的"
)
_SYLLABLE = re.compile(
    "(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    "(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|ai|an|ao|ei|en|er|ou|ia|ie|iu|in|ua|uo|ui|un|ue|ve|a|o|e|i|u|v)"
)
Heard = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a question in one script, cut into units: characters, or the syllables of pinyin."""

    units: tuple[str, ...]
    chinese: bool

    def text(self, begin: int, end: int) -> str:
        """Return what stands between two units."""
        return "".join(self.units[begin:end])

    def windows(self, least: int, most: int) -> Iterator[tuple[int, int]]:
        """Return every stretch of `least` to `most` units."""
        count = len(self.units)
        return ((at, at + n) for at in range(count) for n in range(least, min(most, count - at) + 1))


@dataclass(frozen=True, slots=True)
class Question:
    """A question: what it says and the runs that carry its meaning."""

    raw: str
    runs: tuple[Run, ...]

    def candidates(self) -> frozenset[str]:
        """Return every stretch that may be a word of the index."""
        return frozenset(run.text(*at) for run in self.runs for at in run.windows(1, _LONGEST_WORD))

    def characters(self) -> frozenset[str]:
        """Return the characters whose sounds may be needed."""
        return frozenset(unit for run in self.runs if run.chinese for unit in run.units)


@dataclass(frozen=True, slots=True)
class Known:
    """What the index says of a question: how many documents hold a word, and how characters sound."""

    held: Mapping[str, int] = field(default_factory=dict)
    heard: Heard = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A stretch that no word explains: what it says, how else it may be heard, and what it may be a slip of."""

    said: str
    variants: frozenset[str]


@dataclass(frozen=True, slots=True)
class Terms:
    """The weighted words that answer a question: whoever holds none of the leading ones is no answer; the welcome ones,
    single characters and syllables that very many documents hold, only put the answers into a better order."""

    leading: Mapping[str, float] = field(default_factory=dict)
    welcome: Mapping[str, float] = field(default_factory=dict)

    @property
    def all(self) -> dict[str, float]:
        """Return both kinds together."""
        return {**self.leading, **self.welcome}


def read_question(text: str) -> Question:
    """Cut a question into runs, without the words that mean nothing here (怎么办, 申请)."""
    cleaned = " ".join(text.lower().split())[:LONGEST_QUESTION]
    meant = _FILLERS.sub(" ", cleaned)
    runs = [Run(tuple(run), True) for run in CHINESE.findall(meant)]
    latin = LATIN.findall(cleaned)
    runs += [Run(_units(word), False) for word in latin]
    if len(latin) > 1 and all(_SYLLABLE.fullmatch(word) for word in latin):
        runs.append(Run(tuple(latin), False))
    return Question(cleaned, tuple(runs))


def doubts(question: Question, known: Known) -> tuple[Doubt, ...]:
    """Return the stretches around what no word explains, which one slip may have made of a word."""
    found: dict[str, Doubt] = {}
    for run in question.runs:
        covered = _covered(run, known.held)
        if all(covered):
            continue
        # Two characters are a slip of too many words, unless what stands beside them is understood.
        short = any(covered) or len(run.units) == _SHORT_QUESTION
        least = (2 if short else 3) if run.chinese else 1
        for begin, end in run.windows(least, _LONGEST_SLIP):
            said = run.text(begin, end)
            if all(covered[begin:end]) or (not run.chinese and len(said) < 4):
                continue
            found[said] = Doubt(said, variants(said))
    return tuple(found.values())


def sounds(question: Question, known: Known) -> dict[str, int]:
    """Return the pinyin of stretches that no word explains, with how many characters each stands for."""
    found: dict[str, int] = {}
    for run in question.runs:
        if run.chinese and not all(_covered(run, known.held)):
            for begin, end in run.windows(2, 6):
                for spelt in _spellings(run.units[begin:end], known.heard):
                    found[spelt] = end - begin
    return found


def terms(question: Question, known: Known, slips: Mapping[str, Mapping[str, int]], heard: Mapping[str, int]) -> Terms:
    """Return the words that answer the question with their weights; none when the question means nothing here.

    Args:
        slips: words that share a variant with a doubtful stretch, by that stretch, with the number of documents.
        heard: pinyin words of `sounds` that documents hold, with the number of documents.
    """
    weights: dict[str, float] = {}
    welcome: dict[str, float] = {}

    def add(word: str, share: float, held: int, into: dict[str, float]) -> None:
        weight = share * math.log(1 + _MANY / max(held, 1)) * (1 + min(len(word), 6) / 6)
        into[word] = max(weight, into.get(word, 0.0))

    for run in question.runs:
        for begin, end in _longest(run, known.held):
            word = run.text(begin, end)
            single = end - begin == 1 and (run.chinese or len(run.units) > 1)
            share = _WELCOME_SHARE if single else 1.0
            add(word, share, known.held[word], welcome if single else weights)
            for nested in _nested(run, begin, end, known.held):
                add(nested, _NESTED_SHARE, known.held[nested], weights)
    for said, words in slips.items():
        for word, held in words.items():
            if is_one_slip(said, word):
                add(word, _SLIP_SHARE, held, weights)
    for word, held in heard.items():
        add(word, _HEARD_SHARE, held, weights)
    if not weights:
        return Terms(welcome if len(question.raw) <= _SHORT_QUESTION else {})
    leading = _heaviest(weights, _MOST_TERMS)
    others = {word: weight for word, weight in welcome.items() if word not in leading}
    return Terms(leading, _heaviest(others, _MOST_TERMS - len(leading)))


def _heaviest(weights: Mapping[str, float], most: int) -> dict[str, float]:
    return dict(sorted(weights.items(), key=lambda pair: -pair[1])[:most])


def _units(word: str) -> tuple[str, ...]:
    """Cut a Latin word into syllables where it is pinyin throughout, else into letters."""
    cut, at = [], 0
    while at < len(word):
        if (found := _SYLLABLE.match(word, at)) is None:
            return tuple(word)
        cut.append(found.group())
        at = found.end()
    return tuple(cut)


def _longest(run: Run, held: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """Return the longest known words one after another; of mere letters only three and more mean something."""
    letters = not run.chinese and all(len(unit) == 1 for unit in run.units)
    least, at = min(_LEAST_LETTERS, len(run.units)) if letters else 1, 0
    while at < len(run.units):
        lengths = range(min(_LONGEST_WORD, len(run.units) - at), least - 1, -1)
        length = next((n for n in lengths if run.text(at, at + n) in held), 0)
        if length:
            yield at, at + length
        at += length or 1


def _covered(run: Run, held: Mapping[str, int]) -> list[bool]:
    """Tell of each unit whether a known word of at least two units holds it."""
    covered = [False] * len(run.units)
    for begin, end in _longest(run, held):
        if end - begin > 1 or len(run.units) == 1:
            covered[begin:end] = [True] * (end - begin)
    return covered


def _nested(run: Run, begin: int, end: int, held: Mapping[str, int]) -> Iterator[str]:
    """Return the shorter words inside a long one, so that it does not hide those who hold only them."""
    at = begin
    while end - begin >= _NESTED_FROM and at < end:
        lengths = range(min(4, end - at), 1, -1)
        length = next((n for n in lengths if run.text(at, at + n) in held), 0)
        if length:
            yield run.text(at, at + length)
        at += length or 1


def _spellings(characters: Sequence[str], heard: Heard) -> Iterator[str]:
    """Return the ways a stretch may sound: the first of each character, and each other way of one of them."""
    ways = [heard.get(character, ()) for character in characters]
    if not all(ways):
        return
    first = [way[0] for way in ways]
    yield "".join(first)
    for at, way in enumerate(ways):
        for other in way[1:]:
            yield "".join([*first[:at], other, *first[at + 1 :]])
