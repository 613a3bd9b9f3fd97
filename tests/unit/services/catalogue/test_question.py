"""Reading questions: words that are known, slips of one character, sounds, and nothing out of nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalogue.search.question import Known, doubts, read_question, sounds, terms
from services.catalogue.search.slips import is_one_slip, variants

HELD = {
    "身份证": 5,
    "补办": 9,
    "身份": 6,
    "居民身份证补领": 1,
    "补领": 3,
    "丢": 4,
    "shenfenzheng": 5,
    "sfz": 5,
    "shen": 9,
}


def _words(text: str) -> set[str]:
    return set(terms(read_question(text), Known(HELD), {}, {}).all)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("身份证丢了怎么办", {"身份证", "丢"}),
        ("我要办理身份证", {"身份证"}),
        ("居民身份证补领", {"居民身份证补领", "身份证", "补领"}),
        ("SFZ", {"sfz"}),
        ("shen fen zheng", {"shenfenzheng", "shen"}),
        ("丢", {"丢"}),
        ("丢月球", set()),
        ("'\\ & | ! :*", set()),
        ("", set()),
    ],
)
def test_question_is_cut_into_known_words(text: str, words: set[str]) -> None:
    assert _words(text) == words


def test_what_is_known_raises_no_doubt_and_what_is_not_does() -> None:
    assert doubts(read_question("身份证补办"), Known(HELD)) == ()
    assert {doubt.said for doubt in doubts(read_question("身分证"), Known(HELD))} == {"身分证"}
    assert "身证" in {doubt.said for doubt in doubts(read_question("身证补办"), Known(HELD))}


def test_slip_brings_the_word_that_was_meant_and_no_other() -> None:
    slips = {"身分证": {"身份证": 5, "身高体重": 2}}
    assert set(terms(read_question("身分证"), Known(HELD), slips, {}).all) == {"身份证"}


def test_unknown_characters_are_heard() -> None:
    heard = {"公": ["gong"], "鸡": ["ji"], "金": ["jin"]}
    assert "gongjijin" in sounds(read_question("公鸡金"), Known({}, heard))


@pytest.mark.parametrize(
    ("said", "meant", "close"),
    [
        ("身分证", "身份证", True),
        ("身证", "身份证", True),
        ("身份份证", "身份证", True),
        ("身证份", "身份证", True),
        ("身份证", "身份证", True),
        ("户口", "户籍", True),
        ("分证身", "身份证", False),
        ("shengfenzheng", "shenfenzheng", True),
        ("社保", "身份证", False),
    ],
)
def test_one_slip_is_told_from_two(said: str, meant: str, close: bool) -> None:
    assert is_one_slip(said, meant) is close


@given(st.text("甲乙丙丁", min_size=3, max_size=7), st.data())
def test_words_one_slip_apart_share_a_variant(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 2))
    said = data.draw(
        st.sampled_from(
            [
                word[:at] + "戊" + word[at + 1 :],
                word[:at] + word[at + 1 :],
                word[:at] + "戊" + word[at:],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            ]
        )
    )
    assert is_one_slip(said, word)
    assert variants(said) & variants(word)


@given(st.text(max_size=64))
def test_any_text_is_read_within_bounds(text: str) -> None:
    question = read_question(text)
    known = Known(dict.fromkeys(question.candidates(), 1))
    assert len(terms(question, known, {}, {}).all) <= 24
    assert len(question.candidates()) <= 64 * 12 * 2
    assert sum(len(doubt.variants) for doubt in doubts(question, Known())) < 6_000


def test_terms_single_characters_only_put_answers_in_order() -> None:
    known = Known({"身份证": 5, "丢": 4_000, "证": 9_000})
    found = terms(read_question("丢身份证"), known, {}, {})
    assert (set(found.leading), set(found.welcome)) == ({"身份证"}, {"丢"})
    alone = terms(read_question("证"), known, {}, {})
    assert (set(alone.leading), set(alone.welcome)) == ({"证"}, set())
