"""What the search knows of an item: words, two-character pieces, pinyin and initials, as stored lexemes; pure.

Called while importing only. The dictionaries of jieba and pypinyin take some 130 MiB, so no process that answers
requests imports this module; questions are read with the stored lexemes themselves (search.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import jieba
from pypinyin import Style, lazy_pinyin

from services.catalogue.records import ItemRecord
from services.catalogue.search import CHINESE, LATIN

jieba.setLogLevel(logging.WARNING)


def search_text(record: ItemRecord) -> str:
    """Return the lexemes of an item, sorted and separated by one space."""
    texts = (record.name, record.plain_name, *record.keywords, *record.topics, record.body.name)
    found = {record.item_code.lower(), record.basic_code}
    for text in texts:
        found.update(_lexemes(text.lower()))
    return " ".join(sorted(found))


def _lexemes(text: str) -> Iterator[str]:
    yield from LATIN.findall(text)
    for run in CHINESE.findall(text):
        for word in {run, *jieba.cut_for_search(run)}:
            yield word
            syllables = lazy_pinyin(word)
            yield from syllables
            yield "".join(syllables)
            yield "".join(lazy_pinyin(word, style=Style.FIRST_LETTER))
        yield from run
        yield from (run[at : at + 2] for at in range(len(run) - 1))
