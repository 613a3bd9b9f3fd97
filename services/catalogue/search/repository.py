"""Every question to the search index; decides nothing.

Called by the search's service. Scores are sums of a document's word weights times the question's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from app import db
from app.db import Row
from services.catalogue.search.question import Terms


@dataclass(frozen=True, slots=True)
class Filter:
    """What items must be, each part optional.

    Args:
        chain: the citizen's division and those above it, nearest first; empty for no area.
        below: prefix of further divisions that count as own, `1401` for all counties of Taiyuan.
        city: prefix of the citizen's city, within which 全市通办 works.
    """

    chain: tuple[str, ...] = ()
    below: str = ""
    city: str = ""
    topic: str = ""
    event: str = ""
    audience: str = ""
    department: str = ""
    hot: bool = False


async def known_words(candidates: Collection[str]) -> dict[str, int]:
    """Return the candidates that documents hold, with the number of documents."""
    rows = await db.fetch_all("SELECT word, held FROM search_word WHERE word = ANY($1::text[])", list(candidates))
    return {row["word"]: row["held"] for row in rows}


async def similar_words(variants: Collection[str]) -> dict[str, dict[str, int]]:
    """Return variant → the words that have it, with the number of documents."""
    rows = await db.fetch_all(
        "SELECT v.variant, w.word, w.held FROM search_variant v JOIN search_word w ON w.word = v.word"
        " WHERE v.variant = ANY($1::text[])",
        list(variants),
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["variant"], {})[row["word"]] = row["held"]
    return found


async def heard(characters: Collection[str]) -> dict[str, list[str]]:
    """Return how characters sound."""
    sql = (
        "SELECT character, array_agg(syllable ORDER BY syllable) AS ways FROM search_syllable"
        " WHERE character = ANY($1::text[]) GROUP BY character"
    )
    return {row["character"]: row["ways"] for row in await db.fetch_all(sql, list(characters))}


async def list_items(terms: Terms, wanted: Filter, limit: int, offset: int) -> Sequence[Row]:
    """Return the list lines of the items that answer best; without terms the most popular ones.

    A first page is sought among the best documents only; where these do not fill it, among all.
    """
    values: list[object] = [limit, offset]
    near, conditions = _area(wanted, values)
    conditions += _conditions(wanted, values)
    where = " AND ".join(["t.kind = 0", *conditions])
    if not terms.leading:
        return await db.fetch_all(_BROWSE.format(near=near, where=where), *values)
    first = len(values) + 1
    parts: dict[str, object] = {"near": near, "where": where, "words": first, "weights": first + 1}
    order = _HOTTEST if wanted.hot else _NEAREST
    parts |= {"order": order, "ordered": order.replace("h.", "b.")}
    if not offset and not wanted.hot:
        parts_of_best = parts | {"welcome": _WELCOME.format(words=first + 2, weights=first + 3)}
        for count in _BEST:
            best = _SEARCH.format(best_documents=_BEST_DOCUMENTS.format(count=count), **parts_of_best)
            rows = await db.fetch_all(best, *values, *_columns(terms.leading), *_columns(terms.welcome))
            if len(rows) == limit and not rows[-1]["repeated"]:
                return rows
    return await db.fetch_all(_SEARCH.format(best_documents="", welcome="", **parts), *values, *_columns(terms.all))


async def list_groups(terms: Terms, wanted: Filter, limit: int) -> Sequence[Row]:
    """Return the best documents of each kind with the nearest item or package each leads to."""
    values: list[object] = [limit, *_columns(terms.leading), list(wanted.chain), *_columns(terms.welcome)]
    _, conditions = _area(wanted, values)
    return await db.fetch_all(_GROUPS.format(where=" AND ".join(conditions) or "true"), *values)


def _columns(weights: Mapping[str, float]) -> tuple[list[str], list[float]]:
    return list(weights), list(weights.values())


async def suggest(prefix: str, limit: int) -> Sequence[Row]:
    """Return phrases one of whose keys begins with the prefix, the likeliest first."""
    return await db.fetch_all(_SUGGEST, prefix, prefix + "\U0010ffff", limit)


async def list_life_events() -> Sequence[Row]:
    """Return the life events in their order with the number of items and packages of each."""
    return await db.fetch_all(_LIFE_EVENTS)


async def count_popularity() -> int:
    """Set each published item's popularity to the cases begun in the last ninety days; returns how many changed.

    Idempotent: yes. It writes only the rows that change, so nothing else waits for it.
    """
    changed = await db.fetch_all(_COUNT)
    codes = [row["item_code"] for row in changed]
    if codes:
        await db.execute(_COPY_POPULARITY, codes)
    return len(codes)


def _area(wanted: Filter, values: list[object]) -> tuple[str, list[str]]:
    """Return how near a target's division is (1 = own, 50 = below, 99 = elsewhere), and what may be filed."""
    if not wanted.chain:
        return "0::int", []
    values += [list(wanted.chain), f"{wanted.below}%", f"{wanted.city}%"]
    chain, below, city = (f"${at}" for at in range(len(values) - 2, len(values) + 1))
    own = f"array_position({chain}::text[], t.division_code)"
    near = f"coalesce({own}, CASE WHEN t.division_code LIKE {below} THEN 50 ELSE 99 END)"
    may = (
        f"(t.division_code = ANY({chain}) OR t.division_code LIKE {below} OR t.reach IN ('national', 'cross_province',"
        f" 'cross_city') OR (t.reach = 'cross_county' AND t.division_code LIKE {city}))"
    )
    return near, [may]


def _conditions(wanted: Filter, values: list[object]) -> list[str]:
    found = []
    for column, value in (("topics", wanted.topic), ("events", wanted.event)):
        if value:
            values.append(msgspec.json.encode([value]).decode())
            found.append(f"t.{column} @> ${len(values)}::jsonb")
    if wanted.audience:
        values.append([wanted.audience, "BOTH"])
        found.append(f"t.audience = ANY(${len(values)})")
    if wanted.department:
        values.append(wanted.department)
        found.append(f"t.department_code = ${len(values)}")
    return found


_TERM = "term AS (SELECT * FROM unnest(${words}::text[], ${weights}::real[]) AS t(word, share))"
_WELCOME = """ + coalesce((
        SELECT sum(p.weight * w.share) FROM unnest(${words}::text[], ${weights}::real[]) AS w(word, share)
        JOIN search_posting p ON p.word = w.word AND p.kind = 0 AND p.document_id = f.document_id), 0)"""
"""What a chosen document gets for the welcome words: looked up for it alone, so that nobody reads who else has them."""
_BEST = (60, 600)
_BEST_DOCUMENTS = "ORDER BY score DESC FETCH FIRST {count} ROWS WITH TIES"
_HOTTEST, _NEAREST = "h.popularity DESC, h.score DESC", "h.score DESC, h.near, h.popularity DESC"
_SEARCH = (
    "WITH "
    + _TERM
    + """,
scored AS MATERIALIZED (
    SELECT p.document_id, sum(p.weight * term.share) AS score
    FROM term JOIN search_posting p ON p.word = term.word AND p.kind = 0 GROUP BY p.document_id),
found AS (
    SELECT document_id, score FROM scored WHERE score >= 0.25 * (SELECT max(score) FROM scored) {best_documents}),
chosen AS (SELECT f.document_id, f.score{welcome} AS score FROM found f),
hit AS (
    SELECT t.code, s.score, t.popularity, t.basic_code, t.division_code, {near} AS near
    FROM chosen s CROSS JOIN LATERAL (
        SELECT t.* FROM search_target t WHERE t.document_id = s.document_id AND {where} OFFSET 0) t),
offered AS (SELECT basic_code, min(near) AS nearest, min(code) AS first FROM hit GROUP BY basic_code),
best AS (
    SELECT h.*, h.near = 99 AND (o.nearest < 99 OR h.code <> o.first) AS repeated
    FROM hit h JOIN offered o USING (basic_code)
    ORDER BY repeated, {order}, h.division_code DESC, h.code LIMIT $1 OFFSET $2)
SELECT b.repeated, b.near = 99 AS elsewhere, coalesce(nullif(i.listed, ''), i.record::text) AS listed
FROM best b JOIN service_item i ON i.item_code = b.code COLLATE "default" AND i.status = 'PUBLISHED'
ORDER BY b.repeated, {ordered}, b.division_code DESC, b.code
"""
)
_BROWSE = """
WITH best AS (
    SELECT t.code, t.popularity, t.division_code, {near} AS near FROM search_target t WHERE {where}
    ORDER BY {near} = 99, t.popularity DESC, t.division_code DESC, t.code LIMIT $1 OFFSET $2)
SELECT b.near = 99 AS elsewhere, coalesce(nullif(i.listed, ''), i.record::text) AS listed
FROM best b JOIN service_item i ON i.item_code = b.code COLLATE "default" AND i.status = 'PUBLISHED'
ORDER BY b.near = 99, b.popularity DESC, b.division_code DESC, b.code
"""
_GROUPS = (
    "WITH "
    + _TERM.format(words=2, weights=3)
    + """,
ranked AS (
    SELECT k.kind, b.document_id, b.score, first_value(b.score) OVER (PARTITION BY k.kind ORDER BY b.score DESC) AS top
    FROM unnest(ARRAY[0, 1, 2, 3]::smallint[]) AS k(kind) CROSS JOIN LATERAL (
        SELECT f.document_id, f.score + coalesce((
            SELECT sum(p.weight * w.share) FROM unnest($5::text[], $6::real[]) AS w(word, share)
            JOIN search_posting p ON p.word = w.word AND p.kind = k.kind AND p.document_id = f.document_id), 0) AS score
        FROM (SELECT p.document_id, sum(p.weight * term.share) AS score
              FROM term JOIN search_posting p ON p.word = term.word AND p.kind = k.kind
              GROUP BY p.document_id ORDER BY score DESC FETCH FIRST 60 ROWS WITH TIES) f
        ORDER BY score DESC, f.document_id LIMIT 12) b),
hit AS (
    SELECT r.document_id, r.kind, r.score, coalesce(own.code, other.code) AS code,
        coalesce(own.position, other.position) AS position, own.code IS NULL AS elsewhere
    FROM ranked r
    LEFT JOIN LATERAL (SELECT t.code, t.position FROM search_target t
        WHERE t.document_id = r.document_id AND t.division_code = ANY($4::text[])
        ORDER BY array_position($4::text[], t.division_code), t.popularity DESC, t.code LIMIT 1) own ON true
    LEFT JOIN LATERAL (SELECT t.code, t.position FROM search_target t
        WHERE own.code IS NULL AND t.document_id = r.document_id AND {where} ORDER BY t.code LIMIT 1) other ON true
    WHERE r.score >= 0.3 * r.top),
best AS (
    SELECT *, row_number() OVER (PARTITION BY kind ORDER BY score DESC, elsewhere, code) AS rank
    FROM hit WHERE code IS NOT NULL)
SELECT b.kind, b.code, b.position, b.elsewhere AND cardinality($4::text[]) > 0 AS elsewhere, d.title,
    coalesce(i.name, p.record->>'name') AS name, coalesce(nullif(i.listed, ''), i.record::text) AS listed,
    p.record->>'summary' AS summary,
    CASE WHEN b.kind = 2 THEN coalesce(i.record, p.record)->'questions'->(b.position::int)->>'answer' END AS answer
FROM best b JOIN search_document d ON d.id = b.document_id
LEFT JOIN service_item i ON i.item_code = b.code COLLATE "default" AND i.status = 'PUBLISHED'
LEFT JOIN LATERAL (SELECT record FROM service_package
    WHERE package_code = b.code COLLATE "default" AND status = 'PUBLISHED'
    ORDER BY version DESC LIMIT 1) p ON i.id IS NULL
WHERE b.rank <= $1 ORDER BY b.kind, b.rank
"""
)
_SUGGEST = """
SELECT f.phrase, min(d.kind) AS kind, max(f.rank) AS rank, bool_or(f.phrase = d.title) AS is_title
FROM (SELECT phrase, document_id, rank FROM search_phrase WHERE key >= $1 AND key < $2
      ORDER BY key LIMIT 400) f
JOIN search_document d ON d.id = f.document_id
WHERE EXISTS (SELECT 1 FROM search_target t WHERE t.document_id = d.id)
GROUP BY f.phrase
ORDER BY strpos(lower(f.phrase), $1) = 1 DESC, max(f.rank) DESC, length(f.phrase), f.phrase LIMIT $3
"""
_LIFE_EVENTS = """
SELECT e.name, e.description, e.icon, (SELECT count(*) FROM search_target t
    WHERE t.kind IN (0, 1) AND t.events @> jsonb_build_array(e.name)) AS item_count
FROM life_event e ORDER BY e.position, e.name
"""
_COUNT = """
UPDATE service_item i SET popularity = counted.n
FROM (SELECT held.item_code, count(a.id)::int AS n FROM service_item held
      LEFT JOIN application a ON a.item_code = held.item_code AND a.submitted_at > now() - interval '90 days'
      WHERE held.status = 'PUBLISHED' GROUP BY held.item_code) counted
WHERE i.item_code = counted.item_code AND i.status = 'PUBLISHED' AND i.popularity <> counted.n
RETURNING i.item_code
"""
_COPY_POPULARITY = """
UPDATE search_target t SET popularity = i.popularity FROM service_item i
WHERE t.code = ANY($1) AND i.item_code = t.code COLLATE "default" AND i.status = 'PUBLISHED'
    AND t.popularity <> i.popularity
"""
