"""The Courier port, its door: nothing that a stranger posts is believed or hurts, and couriers know what was taken."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.errors import CallbackRejected
from services.delivery.types import Push
from tests.contract.couriers.stand import Stand

pytestmark = pytest.mark.anyio
NONSENSE = (
    b"",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"{}",
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b"<Request/>",
    b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Request>&a;</Request>",
    b"a=b&c=%00",
    b"param=%7B%7D&sign=0",
    b"RequestData=%7B%7D&DataSign=0",
    b"content=%3CRequest%3E",
    b'{"logitcsInterface":"|$4|AAAA","senderNo":"1"}',
    b"1e999",
    "不是回调".encode(),
)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/xml", ""])
async def test_nonsense_is_rejected_and_answered(stand: Stand, content_type: str) -> None:
    for body in NONSENSE:
        push = Push(body=body, content_type=content_type, query={"shipment": "SJ1"})
        with pytest.raises(CallbackRejected):
            stand.courier.parse_push(push)
        assert stand.courier.acknowledge(push, accepted=False) != stand.courier.acknowledge(push, accepted=True)


async def test_maimed_push_is_rejected_or_read(stand: Stand) -> None:
    """A genuine push cut off, or with a byte changed: no other error than CallbackRejected, and no event that is not
    genuine where pushes are proven."""
    for push in await stand.move(await stand.booked(), "picked_up"):
        body, genuine = push.body, {event.event_key for event in stand.events([push])}
        for at in range(0, len(body), max(1, len(body) // 60)):
            for maimed in (body[:at], body[:at] + b"\x00" + body[at + 1 :], body[:at] + b'"' + body[at:]):
                try:
                    read = stand.events([replace(push, body=maimed)])
                except CallbackRejected:
                    continue
                assert not stand.courier.signs_pushes or {event.event_key for event in read} <= genuine


async def test_forged_push_is_rejected(stand: Stand) -> None:
    pushes = await stand.move(await stand.booked(), "picked_up")
    forged = [each for push in pushes for each in stand.forged(push)]
    assert bool(forged) is stand.courier.signs_pushes
    for each in forged:
        with pytest.raises(CallbackRejected):
            stand.courier.parse_push(each)


async def test_push_is_repeated_until_it_is_acknowledged(stand: Stand) -> None:
    parcel = await stand.booked()
    stand.accepting = False
    await stand.move(parcel, "picked_up")
    before = len(stand.received())
    stand.accepting = True
    await stand.control("PUT", "/clock", {"offset_seconds": 86_400})
    for _ in range(200):
        if len(stand.received()) > before:
            break
        await asyncio.sleep(0.01)
    assert len(stand.received()) > before
    assert all(row["accepted"] for row in await stand.control("GET", f"/callbacks?provider={stand.provider}&limit=1"))
