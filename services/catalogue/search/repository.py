"""Every question to the search index; decides nothing.

Called by the search's service. Scores are sums of a document's word weights times the question's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from app import db
from app.db import Row


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


async def list_items(terms: Mapping[str, float], wanted: Filter, limit: int, offset: int) -> Sequence[Row]:
    """Return the list lines of the items that answer best; without terms the most popular ones.

    A first page is sought among the best documents only; where these do not fill it, among all.
    """
    values: list[object] = [limit, offset]
    near, conditions = _area(wanted, values)
    conditions += _conditions(wanted, values)
    where = " AND ".join(["t.kind = 0", *conditions])
    if not terms:
        return await db.fetch_all(_BROWSE.format(near=near, where=where), *values)
    values += [list(terms), list(terms.values())]
    parts = {"near": near, "where": where, "words": len(values) - 1, "weights": len(values)}
    order = _HOTTEST if wanted.hot else _NEAREST
    parts |= {"order": order, "ordered": order.replace("h.", "b.")}
    if not offset and not wanted.hot:
        rows = await db.fetch_all(_SEARCH.format(best_documents=_BEST_DOCUMENTS, **parts), *values)
        if len(rows) == limit and not rows[-1]["repeated"]:
            return rows
    return await db.fetch_all(_SEARCH.format(best_documents="", **parts), *values)


async def list_groups(terms: Mapping[str, float], wanted: Filter, limit: int) -> Sequence[Row]:
    """Return the best documents of each kind with the nearest item or package each leads to."""
    values: list[object] = [limit, list(terms), list(terms.values()), list(wanted.chain)]
    _, conditions = _area(wanted, values)
    return await db.fetch_all(_GROUPS.format(where=" AND ".join(conditions) or "true"), *values)


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


_SCORED = """
term AS (SELECT * FROM unnest(${words}::text[], ${weights}::real[]) AS t(word, share)),
scored AS MATERIALIZED (
    SELECT p.document_id, p.kind, sum(p.weight * term.share) AS score
    FROM term JOIN search_posting p ON p.word = term.word {kinds} GROUP BY p.document_id, p.kind)"""
_BEST_DOCUMENTS = "ORDER BY score DESC FETCH FIRST 60 ROWS WITH TIES"
_HOTTEST, _NEAREST = "h.popularity DESC, h.score DESC", "h.score DESC, h.near, h.popularity DESC"
_SEARCH = (
    "WITH "
    + _SCORED.replace("{kinds}", "AND p.kind = 0")
    + """,
chosen AS (
    SELECT document_id, score FROM scored WHERE score >= 0.25 * (SELECT max(score) FROM scored) {best_documents}),
hit AS (
    SELECT t.code, s.score, t.popularity, t.basic_code, t.division_code, {near} AS near
    FROM chosen s JOIN search_target t USING (document_id) WHERE {where}),
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
    + _SCORED.format(words=2, weights=3, kinds="")
    + """,
ranked AS (
    SELECT document_id, kind, score, max(score) OVER (PARTITION BY kind) AS top,
        row_number() OVER (PARTITION BY kind ORDER BY score DESC, document_id) AS place FROM scored),
hit AS (
    SELECT r.document_id, r.kind, r.score, coalesce(own.code, other.code) AS code,
        coalesce(own.position, other.position) AS position, own.code IS NULL AS elsewhere
    FROM ranked r
    LEFT JOIN LATERAL (SELECT t.code, t.position FROM search_target t
        WHERE t.document_id = r.document_id AND t.division_code = ANY($4::text[])
        ORDER BY array_position($4::text[], t.division_code), t.popularity DESC, t.code LIMIT 1) own ON true
    LEFT JOIN LATERAL (SELECT t.code, t.position FROM search_target t
        WHERE own.code IS NULL AND t.document_id = r.document_id AND {where} ORDER BY t.code LIMIT 1) other ON true
    WHERE r.place <= 12 AND r.score >= 0.3 * r.top),
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
