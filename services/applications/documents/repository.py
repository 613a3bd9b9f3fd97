"""Queries of written documents. A document and its number commit with the move it belongs to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from app import clock, db
from app.db import Row, Transaction
from app.ids import new_id
from services.applications.documents.types import TITLES, WORDS, NewDocument

DRAW = "documents.draw"
_COLUMNS = "id, kind, document_no, title, issued_on, issuer_code, facts, storage_key, sha256"


async def add(tx: Transaction, case: Row, new: NewDocument, at: datetime) -> str:
    """Give a document its number, store it, and have it drawn once this transaction is through."""
    issued_on, issuer = clock.beijing_date(at), str(case["department_code"])
    row = await tx.fetch_row(
        "INSERT INTO document_serial AS s (key, given) VALUES ($1, 1)"
        " ON CONFLICT (key) DO UPDATE SET given = s.given + 1 RETURNING given",
        f"{issuer}:{new.kind.value}:{issued_on.year}",
    )
    assert row is not None
    number = make_document_no(issuer, new.kind, issued_on.year, row["given"])
    await tx.execute(
        "INSERT INTO case_document (id, created_at, application_id, kind, document_no, title, issued_on, issuer_code,"
        " facts, storage_key, sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, '', '')",
        new_id(),
        at,
        case["id"],
        new.kind.value,
        number,
        TITLES[new.kind],
        issued_on,
        issuer,
        msgspec.json.encode({"paragraphs": new.paragraphs, **(new.facts or {})}).decode(),
    )
    tx.enqueue(DRAW, {"document_no": number})
    return number


def make_document_no(issuer: str, kind: str, year: int, serial: int) -> str:
    """Make a number in the official form: body, kind, year in 〔〕, running number (发文字号)."""
    # The organisation code within a credit code is short, and there are no two alike.
    body = issuer[8:17] if len(issuer) == 18 else issuer
    return f"晋{body}{WORDS[kind]}字〔{year}〕{serial:05d}号"


async def list_of(case_id: uuid.UUID) -> Sequence[Row]:
    """Return the documents of a case, oldest first."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM case_document WHERE application_id = $1 ORDER BY created_at, id", case_id
    )


async def find(case_id: uuid.UUID, document_no: str) -> Row | None:
    """Return one document of a case."""
    return await db.fetch_row(
        f"SELECT {_COLUMNS} FROM case_document WHERE application_id = $1 AND document_no = $2", case_id, document_no
    )


async def latest(case_id: uuid.UUID, kind: str) -> Row | None:
    """Return the last document of a kind that a case has."""
    return await db.fetch_row(
        f"SELECT {_COLUMNS} FROM case_document WHERE application_id = $1 AND kind = $2"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        case_id,
        kind,
    )


async def find_undrawn(document_no: str) -> Row | None:
    """Return a document that has no file yet, with what its head shows."""
    return await db.fetch_row(
        """SELECT d.id, d.kind, d.document_no, d.title, d.issued_on, d.issuer_code, d.facts, a.application_no,
               a.citizen_id, a.enterprise_id, a.item_code, a.item_version, a.item_name
           FROM case_document d JOIN application a ON a.id = d.application_id
           WHERE d.document_no = $1 AND d.sha256 = ''""",
        document_no,
    )


async def list_lost(made_before: datetime, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return documents that have had no file for a while, in pages."""
    return await db.fetch_all(
        "SELECT id, document_no FROM case_document WHERE sha256 = '' AND created_at < $1 AND id > $2"
        " ORDER BY id LIMIT $3",
        made_before,
        after or uuid.UUID(int=0),
        limit,
    )


async def note_drawn(document_id: uuid.UUID, storage_key: str, sha256: str) -> None:
    """Note the file of a document; of several drawings the first one counts. Idempotent."""
    await db.execute(
        "UPDATE case_document SET storage_key = $2, sha256 = $3 WHERE id = $1 AND sha256 = ''",
        document_id,
        storage_key,
        sha256,
    )
