"""What becomes of files: their type is what they are, what they carry besides is gone, damaged ones are refused."""

from __future__ import annotations

import hashlib
import io
import struct
import uuid
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from app.errors import InvalidRequest, NotFound, PayloadTooLarge, UnsupportedMediaType

pytestmark = pytest.mark.anyio
Picture = Callable[..., bytes]


def bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 2,500,000,000 pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\x00" * 64)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("form", "content_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
async def test_save_picture_is_stored_under_its_digest(
    world: Any, make_picture: Picture, form: str, content_type: str
) -> None:
    view = await world.applications.uploads.save(world.citizen, "material", make_picture(form))
    file = await world.applications.uploads.own_file(world.citizen, uuid.UUID(view.upload_id))
    assert (view.content_type, file.content_type) == (content_type, content_type)
    assert (view.size, view.sha256) == (len(file.content), hashlib.sha256(file.content).hexdigest())


async def test_save_turned_photo_is_upright_and_without_exif(world: Any, make_picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretPhone"
    view = await world.applications.uploads.save(world.citizen, "material", make_picture(size=(8, 4), exif=exif))
    file = await world.applications.uploads.own_file(world.citizen, uuid.UUID(view.upload_id))
    with Image.open(io.BytesIO(file.content)) as kept:
        assert kept.size == (4, 8)
        assert len(kept.getexif()) == 0
    assert b"SecretPhone" not in file.content


async def test_save_turned_photo_with_a_tag_of_a_strange_type_is_upright(world: Any, make_picture: Picture) -> None:
    entries = b"\x01\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x08" + b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x02" + entries + b"\x00\x00\x00\x00"
    view = await world.applications.uploads.save(world.citizen, "material", make_picture(size=(8, 4), exif=exif))
    file = await world.applications.uploads.own_file(world.citizen, uuid.UUID(view.upload_id))
    with Image.open(io.BytesIO(file.content)) as kept:
        assert kept.size == (4, 8)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0 no picture at all",
        b"\x89PNG\r\n\x1a\n",
        bomb(),
        b"%PDF-1.4 cut off",
    ],
    ids=["jpeg", "png", "bomb", "pdf"],
)
async def test_save_damaged_or_dangerous_file_is_refused(world: Any, content: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.uploads.save(world.citizen, "material", content)
    assert refused.value.stable_code == "upload_damaged"


async def test_save_truncated_photo_is_refused(world: Any, make_picture: Picture) -> None:
    whole = make_picture(size=(400, 400))
    with pytest.raises(InvalidRequest):
        await world.applications.uploads.save(world.citizen, "material", whole[: len(whole) // 2])


async def test_save_file_of_another_kind_is_refused(world: Any) -> None:
    for content in (b"GIF89a", b"MZ\x90\x00", b"<html></html>"):
        with pytest.raises(UnsupportedMediaType):
            await world.applications.uploads.save(world.citizen, "material", content)


async def test_save_empty_or_huge_file_is_refused(world: Any) -> None:
    with pytest.raises(InvalidRequest):
        await world.applications.uploads.save(world.citizen, "material", b"")
    with pytest.raises(PayloadTooLarge):
        await world.applications.uploads.save(world.citizen, "material", b"\xff\xd8\xff" + bytes(1_048_576))


async def test_file_of_somebody_else_is_not_found(world: Any) -> None:
    upload = await world.photo()
    with pytest.raises(NotFound):
        await world.applications.uploads.own_file(world.other, upload)
