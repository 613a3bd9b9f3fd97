"""The comparison of a statement with our parcels, by set-based statements inside the transaction of whoever asks.

Lines that staff have settled stay as they are; everything else is judged anew, so that it can be repeated.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from app.db import Transaction
from app.ids import new_id
from services.delivery.statements.states import Difference

LONG_SECONDS = 300
"""Patience with one statement over a whole month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What is compared: a statement of one courier, and the moments that bound its month in Beijing."""

    statement_id: uuid.UUID
    courier: str
    first_on: date
    begins_at: datetime
    ends_at: datetime


_TABLES = """
SET LOCAL work_mem = '64MB';
CREATE TEMPORARY TABLE named (
    id uuid, line int, waybill_no text, weight_grams int, charged_fen int, shipment_id uuid
) ON COMMIT DROP;
CREATE TEMPORARY TABLE priced (
    shipment_id uuid, shipment_no text, is_cancelled boolean, is_theirs boolean, weight_grams int, expected_fen int
) ON COMMIT DROP;
CREATE TEMPORARY TABLE judged (id uuid, shipment_no text, expected_fen int, difference text) ON COMMIT DROP;
"""
_NAMED = """
INSERT INTO named
SELECT DISTINCT ON (l.id) l.id, l.line, l.waybill_no, l.weight_grams, l.charged_fen, coalesce(s.id, m.id)
FROM courier_statement_line l
LEFT JOIN shipment_waybill w ON w.waybill_no = l.waybill_no
LEFT JOIN shipment s ON s.id = w.shipment_id AND s.courier = $2
LEFT JOIN shipment m ON m.waybill_no = l.waybill_no AND l.waybill_no <> '' AND m.courier = $2
WHERE l.statement_id = $1 AND l.line > 0
ORDER BY l.id, coalesce(s.id, m.id) NULLS LAST
"""
_PREFIX = """CASE WHEN length({0}) > 6 THEN {0}
    WHEN {0} = '' THEN '' ELSE left({0}, 2) || regexp_replace(substr({0}, 3), '(00)+$', '') END || '%'"""
"""A province's code covers its cities, a city's its counties."""
_COST = f"""
WITH rules AS MATERIALIZED (
    SELECT courier, carrier, product, leg, level, position, cost_fen, {_PREFIX.format("division_code")} AS here,
           {_PREFIX.format("to_division_code")} AS there
    FROM courier_rule WHERE enabled AND cost_fen > 0 AND courier = $1),
roads AS (SELECT DISTINCT carrier, product, leg, level, division_code, to_division_code FROM wanted)
SELECT d.*, (SELECT r.cost_fen FROM rules r
    WHERE r.carrier IN ('', d.carrier) AND r.leg IN ('', d.leg) AND r.level IN ('', d.level)
      AND d.division_code LIKE r.here AND d.to_division_code LIKE r.there
    ORDER BY r.product = d.product DESC, r.position, r.cost_fen LIMIT 1) AS cost_fen
FROM roads d
"""
_PRICED = f"""
INSERT INTO priced
WITH wanted AS MATERIALIZED (
    SELECT id, shipment_no, status, picked_up_at, payer, is_own, weight_grams, freight_fen, carrier, product, leg,
           level, division_code, to_division_code
    FROM shipment WHERE id IN (
        SELECT shipment_id FROM named UNION SELECT id FROM shipment WHERE courier = $1
            AND coalesce(picked_up_at, handed_over_at) >= $2 AND coalesce(picked_up_at, handed_over_at) < $3)),
costs AS ({_COST})
SELECT s.id, s.shipment_no, s.status = 'CANCELLED' AND s.picked_up_at IS NULL,
       s.payer = 'ON_DELIVERY' OR s.is_own, s.weight_grams,
       CASE WHEN s.payer = 'ON_DELIVERY' OR s.is_own THEN 0 ELSE coalesce(s.freight_fen, c.cost_fen) END
FROM wanted s LEFT JOIN costs c USING (carrier, product, leg, level, division_code, to_division_code)
"""
_JUDGED = f"""
INSERT INTO judged
WITH once AS (
    SELECT n.*, charged_fen > 0 AND waybill_no <> '' AND (
        row_number() OVER (PARTITION BY waybill_no, charged_fen ORDER BY line) > 1
        OR EXISTS (SELECT 1 FROM courier_statement_line o JOIN courier_statement t ON t.id = o.statement_id
                   WHERE o.waybill_no = n.waybill_no AND o.charged_fen = n.charged_fen AND o.line > 0
                     AND t.courier = $1 AND t.status IN ('COMPARED', 'COMPARING') AND t.month < $2)) AS is_double
    FROM named n),
summed AS (
    SELECT o.*, row_number() OVER (PARTITION BY shipment_id, is_double ORDER BY line) AS place,
           sum(charged_fen) OVER (PARTITION BY shipment_id, is_double) - charged_fen AS others_fen
    FROM once o),
expected AS (
    SELECT s.id, s.charged_fen, s.weight_grams, s.is_double, p.shipment_no, p.is_cancelled, p.is_theirs,
           p.weight_grams AS our_grams,
           CASE WHEN p.shipment_no IS NULL THEN NULL WHEN s.is_double OR p.is_cancelled OR p.is_theirs THEN 0
                WHEN p.expected_fen IS NULL THEN NULL
                WHEN s.place = 1 THEN p.expected_fen - s.others_fen ELSE s.charged_fen END AS expected_fen
    FROM summed s LEFT JOIN priced p ON p.shipment_id = s.shipment_id)
SELECT id, coalesce(shipment_no, ''), expected_fen,
       CASE WHEN shipment_no IS NULL THEN '{Difference.UNKNOWN_WAYBILL}'
            WHEN is_double THEN '{Difference.DOUBLE_LINE}'
            WHEN is_cancelled AND charged_fen <> 0 THEN '{Difference.CANCELLED_CHARGED}'
            WHEN is_theirs AND charged_fen <> 0 THEN '{Difference.PAID_BY_CITIZEN}'
            WHEN expected_fen <> charged_fen THEN '{Difference.AMOUNT_DIFFERS}'
            WHEN weight_grams > ceil(our_grams / 1000.0) * 1000 THEN '{Difference.WEIGHT_DIFFERS}' ELSE '' END
FROM expected
"""
_WRITE = """
UPDATE courier_statement_line l SET shipment_no = j.shipment_no, expected_fen = j.expected_fen,
    difference = j.difference FROM judged j WHERE l.id = j.id AND l.settled_at IS NULL
"""
_MISSING = """
SELECT s.shipment_no, s.waybill_no, p.expected_fen,
       (coalesce(s.picked_up_at, s.handed_over_at) AT TIME ZONE 'Asia/Shanghai')::date AS carried_on
FROM priced p JOIN shipment s ON s.id = p.shipment_id
WHERE s.courier = $2 AND coalesce(s.picked_up_at, s.handed_over_at) >= $3
  AND coalesce(s.picked_up_at, s.handed_over_at) < $4 AND NOT p.is_cancelled AND NOT p.is_theirs
  AND NOT EXISTS (SELECT 1 FROM named n WHERE n.shipment_id = s.id)
  AND NOT EXISTS (SELECT 1 FROM courier_statement_line o JOIN courier_statement t ON t.id = o.statement_id
                  WHERE o.shipment_no = s.shipment_no AND t.courier = $2 AND t.status IN ('COMPARED', 'COMPARING')
                    AND (t.id <> $1 AND o.line > 0 OR t.id = $1 AND o.settled_at IS NOT NULL))
ORDER BY s.id
"""
_TOTALS = """
UPDATE courier_statement SET lines = n.lines, charged_fen = n.charged_fen, matched = n.matched,
    differing = n.differing, compared_at = $2, status = 'COMPARED'
FROM (SELECT count(*) FILTER (WHERE line > 0) AS lines, coalesce(sum(charged_fen), 0) AS charged_fen,
             count(*) FILTER (WHERE difference = '') AS matched, count(*) FILTER (WHERE difference <> '') AS differing
      FROM courier_statement_line WHERE statement_id = $1) n
WHERE id = $1
"""


async def compare(tx: Transaction, month: Month, at: datetime) -> None:
    """Judge every line of a statement and add what it leaves out. Idempotent."""
    link = tx.connection
    await link.execute(_TABLES)
    await link.execute("ANALYZE courier_statement_line", timeout=LONG_SECONDS)
    await link.execute(_NAMED, month.statement_id, month.courier, timeout=LONG_SECONDS)
    await link.execute("ANALYZE named")
    await link.execute(_PRICED, month.courier, month.begins_at, month.ends_at, timeout=LONG_SECONDS)
    await link.execute("ANALYZE priced")
    await link.execute(_JUDGED, month.courier, month.first_on, timeout=LONG_SECONDS)
    await link.execute("ANALYZE judged")
    await link.execute(_WRITE, timeout=LONG_SECONDS)
    await _add_missing(tx, month, at)
    await link.execute(_TOTALS, month.statement_id, at, timeout=LONG_SECONDS)
    await link.execute("DROP TABLE named, priced, judged")


async def _add_missing(tx: Transaction, month: Month, at: datetime) -> None:
    await tx.execute(
        "DELETE FROM courier_statement_line WHERE statement_id = $1 AND line = 0 AND settled_at IS NULL",
        month.statement_id,
    )
    rows = await tx.connection.fetch(
        _MISSING, month.statement_id, month.courier, month.begins_at, month.ends_at, timeout=LONG_SECONDS
    )
    await tx.connection.copy_records_to_table(
        "courier_statement_line",
        columns=(
            "id", "created_at", "statement_id", "line", "waybill_no", "shipment_no", "carried_on", "expected_fen",
            "difference", "settled_by", "note",
        ),
        records=(
            (
                new_id(), at, month.statement_id, 0, row["waybill_no"], row["shipment_no"], row["carried_on"],
                row["expected_fen"], Difference.NOT_CHARGED.value, "", "",
            )
            for row in rows
        ),
        timeout=LONG_SECONDS,
    )  # fmt: skip
