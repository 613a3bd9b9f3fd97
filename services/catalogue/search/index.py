"""The search index in the database: how documents enter it, and which items they lead to.

Called by the catalogue's repository inside its own transactions; reading is search/repository.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app import db

if TYPE_CHECKING:
    from services.catalogue.intake.documents import Document

_BATCH = 500


@dataclass(frozen=True, slots=True)
class NewDocuments:
    """The documents of an import, and where the sounds of characters come from when the table is still empty."""

    documents: Sequence[Document]
    syllables: Callable[[], Iterator[tuple[str, str]]]


async def add_documents(tx: db.Transaction, new: NewDocuments) -> None:
    """Write the documents that the index does not hold yet. Idempotent: yes, by their content."""
    for begin in range(0, len(new.documents), _BATCH):
        batch = {document.digest: document for document in new.documents[begin : begin + _BATCH]}
        rows = [[document.digest, int(document.kind), document.title] for document in batch.values()]
        written = await tx.fetch_all(_ADD_DOCUMENTS, db.json_text(rows))
        if written:
            await _add_words(tx, [(row["id"], batch[row["digest"]]) for row in written])
    if new.documents and await tx.fetch_row("SELECT 1 AS one FROM search_syllable LIMIT 1") is None:
        await tx.execute(_ADD_SYLLABLES, *_columns(list(new.syllables()), 2))


async def lead_to(tx: db.Transaction, codes: Sequence[str]) -> None:
    """Let the documents of these items and packages lead to their published versions, and to no other.

    Call it in every transaction that publishes, withdraws or changes them. Idempotent: yes.
    """
    for begin in range(0, len(codes), _BATCH):
        batch = codes[begin : begin + _BATCH]
        await tx.execute("DELETE FROM search_target WHERE code = ANY($1)", batch)
        await tx.execute(_LEAD_TO_ITEMS, batch)
        await tx.execute(_LEAD_TO_PACKAGES, batch)


async def _add_words(tx: db.Transaction, documents: Sequence[tuple[int, Document]]) -> None:
    postings = [(word, int(d.kind), key, weight) for key, d in documents for word, weight in d.words.items()]
    await tx.execute(_ADD_POSTINGS, *_columns(postings, 4))
    phrases = [(key, phrase, at, rank) for at, d in documents for key, phrase, rank in d.phrases]
    await tx.execute(_ADD_PHRASES, *_columns(phrases, 4))
    variants = sorted({pair for _, document in documents for pair in document.variants()})
    await tx.execute(_ADD_VARIANTS, *_columns(variants, 2))


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


_ADD_DOCUMENTS = """
INSERT INTO search_document (digest, kind, title)
SELECT d->>0, (d->>1)::smallint, d->>2 FROM jsonb_array_elements($1::text::jsonb) d
ON CONFLICT (digest) DO NOTHING RETURNING id, digest
"""
_ADD_POSTINGS = """
WITH added AS (
    INSERT INTO search_posting (word, kind, document_id, weight)
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::int[], $4::smallint[]) RETURNING word)
INSERT INTO search_word AS known (word, held) SELECT word, count(*) FROM added GROUP BY word
ON CONFLICT (word) DO UPDATE SET held = known.held + EXCLUDED.held
"""
_ADD_PHRASES = """
INSERT INTO search_phrase (key, phrase, document_id, rank)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::smallint[]) ON CONFLICT DO NOTHING
"""
_ADD_VARIANTS = """
INSERT INTO search_variant (variant, word) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
"""
_ADD_SYLLABLES = """
INSERT INTO search_syllable (character, syllable) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
"""
_LEAD_TO_ITEMS = """
INSERT INTO search_target (document_id, code, kind, position, division_code, department_code, basic_code, reach,
    audience, topics, events, popularity)
SELECT d.id, i.item_code, (entry->>1)::smallint, (entry->>2)::smallint, i.division_code, i.department_code,
    i.record->>'basic_code', i.record->>'reach', i.audience, i.topics, i.search->'events', i.popularity
FROM service_item i, jsonb_array_elements(i.search->'entries') entry, search_document d
WHERE i.item_code = ANY($1) AND i.status = 'PUBLISHED' AND d.digest = entry->>0
ON CONFLICT (document_id, code) DO NOTHING
"""
_LEAD_TO_PACKAGES = """
INSERT INTO search_target (document_id, code, kind, position, division_code, department_code, basic_code, reach,
    audience, topics, events, popularity)
SELECT d.id, p.package_code, (entry->>1)::smallint, (entry->>2)::smallint, p.division_code,
    p.record->>'department_code', p.package_code, 'local', 'BOTH', p.record->'topics', p.search->'events', 0
FROM (SELECT DISTINCT ON (package_code) * FROM service_package WHERE package_code = ANY($1) AND status = 'PUBLISHED'
      ORDER BY package_code, version DESC) p,
    jsonb_array_elements(p.search->'entries') entry, search_document d
WHERE d.digest = entry->>0
ON CONFLICT (document_id, code) DO NOTHING
"""
