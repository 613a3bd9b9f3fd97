"""Idempotency-Key: the same write with the same key is done once and answered the same for 24 hours.

The key belongs to its owner; the request is known by the hash of method, path and body. Answers are kept encrypted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sanic import Request
from sanic.response import HTTPResponse

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Conflict, FieldFault, InvalidRequest
from app.ids import new_id

_KEPT = timedelta(hours=24)
_STALE_SECONDS = 60
_COLUMN = "idempotency_record.response_body"


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this request may use: `finish` stores the answer, `release` frees the key after a failure."""

    owner: str
    key: str


async def claim(request: Request, owner: str, key: str, cipher: FieldCipher) -> Claim | HTTPResponse:
    """Take the key for this request, or return the stored answer.

    Raises:
        InvalidRequest: the key is not 1–128 visible ASCII characters.
        Conflict: `idempotency_key_reused` (another request had it), `request_in_progress` (its twin is under way).
    """
    if not (1 <= len(key) <= 128 and key.isascii() and key.isprintable()):
        raise InvalidRequest(faults=(FieldFault("Idempotency-Key", "应为 1 至 128 个可见字符"),))
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode() + _content(request)).hexdigest()
    row = await db.fetch_row(_CLAIM, new_id(), owner, key, digest, clock.now() + _KEPT, _STALE_SECONDS)
    if row is not None:
        return Claim(owner, key)
    row = await db.fetch_row(
        "SELECT request_hash, response_status, response_body, response_headers FROM idempotency_record"
        " WHERE owner = $1 AND key = $2",
        owner,
        key,
    )
    if row is None or row["request_hash"] != digest:
        raise Conflict("该幂等键已用于另一请求", code="idempotency_key_reused")
    if row["response_status"] is None:
        raise Conflict("相同请求正在处理，请稍后再试", code="request_in_progress", retry_after_seconds=1)
    body = cipher.decrypt(_COLUMN, row["response_body"]).encode()
    headers = msgspec.json.decode(row["response_headers"])
    return HTTPResponse(body, row["response_status"], headers | {"Idempotent-Replay": "true"}, headers["Content-Type"])


def _content(request: Request) -> bytes:
    """Return what the body says: a multipart form sent again has another boundary and is still the same."""
    _, named, boundary = request.headers.get("content-type", "").partition("boundary=")
    given = boundary.partition(";")[0].strip().strip('"').encode()
    return bytes(request.body.replace(given, b"") if named and given else request.body)


async def finish(held: Claim, response: HTTPResponse, cipher: FieldCipher) -> None:
    """Store the answer under the key; a failure of our own (5xx) or "come again" frees it: a repeat is then useful."""
    if response.status >= 500 or "Retry-After" in response.headers:
        await release(held)
        return
    headers = {name: value for name, value in response.headers.items() if name.lower() in ("etag", "location")}
    await db.execute(
        "UPDATE idempotency_record SET response_status = $3, response_body = $4, response_headers = $5::jsonb"
        " WHERE owner = $1 AND key = $2",
        held.owner,
        held.key,
        response.status,
        cipher.encrypt(_COLUMN, (response.body or b"").decode()),
        msgspec.json.encode(headers | {"Content-Type": response.content_type or ""}).decode(),
    )


async def release(held: Claim) -> None:
    """Free the key."""
    await db.execute("DELETE FROM idempotency_record WHERE owner = $1 AND key = $2", held.owner, held.key)


_CLAIM = """
INSERT INTO idempotency_record (id, created_at, owner, key, request_hash, response_headers, expires_at)
VALUES ($1, now(), $2, $3, $4, '{}', $5)
ON CONFLICT (owner, key) DO UPDATE
SET id = excluded.id, created_at = now(), request_hash = excluded.request_hash, response_status = NULL,
    response_body = NULL, expires_at = excluded.expires_at
WHERE idempotency_record.expires_at < now()
   OR (idempotency_record.response_status IS NULL AND idempotency_record.request_hash = excluded.request_hash
       AND idempotency_record.created_at < now() - make_interval(secs => $6))
RETURNING id
"""
