"""Reading questions with the words of the items, and the lexemes that an item leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.catalogue.intake import lexemes, loader
from services.catalogue.search import read_question

ITEM = next(
    item
    for item in loader.load_catalogue(Path(__file__).parents[4] / "data").items
    if item.plain_name == "身份证丢了补办"
)
VOCABULARY = frozenset(lexemes.search_text(ITEM).split())


@pytest.mark.parametrize("lexeme", ["身份证", "身份", "shenfenzheng", "sfz", "补领", "buling", "bl", "户政", "丢"])
def test_item_leaves_words_pinyin_and_initials(lexeme: str) -> None:
    assert lexeme in VOCABULARY


def test_lexemes_are_clean() -> None:
    assert all(lexeme.isalnum() and lexeme == lexeme.lower() for lexeme in VOCABULARY)


@pytest.mark.parametrize(
    ("text", "demanded", "welcome"),
    [
        ("身份证丢了怎么办", ("'身份证':*",), ("'丢':*",)),
        ("我要办理身份证", ("'身份证':*",), ()),
        ("身份证没", ("'身份证':*",), ()),
        ("丢", ("'丢':*",), ()),
        ("丢月球", (), ()),
        ("身份证丢", ("'身份证':*",), ("'丢':*",)),
        ("SFZ", ("'sfz':*",), ()),
        ("shen  fen", ("(('shen':* & 'fen':*) | 'shenfen':*)",), ()),
        ("'\\ & | ! :*", (), ()),
        ("", (), ()),
    ],
)
def test_question_is_cut_into_known_words(text: str, demanded: tuple[str, ...], welcome: tuple[str, ...]) -> None:
    question = read_question(text, VOCABULARY)
    assert (question.demanded, question.welcome) == (demanded, welcome)


def test_question_is_bounded() -> None:
    question = read_question("身份证丢失补办挂失补领户政" * 30 + "a b c d e f g h i j k l m n", VOCABULARY)
    assert len(question.raw) == 64
    assert len(question.terms) <= 12
