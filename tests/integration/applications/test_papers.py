"""PDF files: written anew in a process of their own; what carries scripts, secrets or too much is refused in words."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import uuid
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from app import db
from app.errors import InvalidRequest
from services.applications.files import papers

pytestmark = pytest.mark.anyio
AS_IT_IS: dict[str, Any] = {"compress_streams": False, "stream_decode_level": pikepdf.StreamDecodeLevel.none}


def paper(pages: int = 2) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.setAuthor("SecretAuthor")
    for number in range(pages):
        canvas.drawString(72, 720, f"page {number}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def changed(change: Callable[[pikepdf.Pdf], None], **options: Any) -> Callable[[], bytes]:
    """Say how a spoiled paper is made: some take seconds, and every worker collects all of them."""

    def made() -> bytes:
        with pikepdf.open(io.BytesIO(paper())) as pdf:
            change(pdf)
            buffer = io.BytesIO()
            pdf.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate, **options)
        return buffer.getvalue()

    return made


def script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def launch(pdf: pikepdf.Pdf) -> None:
    action = pdf.make_indirect(pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe"))
    pdf.pages[0].Annots = pikepdf.Array([pikepdf.Dictionary(Subtype=pikepdf.Name.Link, A=action)])


def attachment(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["evil.exe"] = pikepdf.AttachedFileSpec(pdf, b"MZ")


def packed_zeros(mebibytes: int) -> bytes:
    """What zlib packs so many zeros into, made of one part of four mebibytes that is repeated."""
    parts, size = mebibytes // 4, 4 * 1_048_576
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    part, end = packing.compress(bytes(size)) + packing.flush(zlib.Z_FULL_FLUSH), zlib.compressobj(9, wbits=-15).flush()
    checksum = (parts * size % 65_521) << 16 | 1
    return b"\x78\xda" + part * parts + end + checksum.to_bytes(4, "big")


def unpacks_to_a_gibibyte(pdf: pikepdf.Pdf) -> None:
    stream = pikepdf.Stream(pdf, packed_zeros(1024))
    stream.Filter = pikepdf.Name.FlateDecode
    pdf.pages[0].Contents = pdf.make_indirect(stream)


def unpacks_behind_text(pdf: pikepdf.Pdf) -> None:
    stream = pikepdf.Stream(pdf, base64.a85encode(packed_zeros(300)) + b"~>")
    stream.Filter = pikepdf.Array([pikepdf.Name.ASCII85Decode, pikepdf.Name.FlateDecode])
    pdf.pages[0].Contents = pdf.make_indirect(stream)


def unpacks_under_a_short_name(pdf: pikepdf.Pdf) -> None:
    stream = pikepdf.Stream(pdf, packed_zeros(300))
    stream.Filter = pikepdf.Name.Fl
    pdf.pages[0].Contents = pdf.make_indirect(stream)


def packed_twice() -> bytes:
    packed = zlib.compress(zlib.compress(bytes(1000)))
    head = (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 9 9]>>endobj\n"
        b"4 0 obj<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n"
    )
    return head % len(packed) + packed + b"\nendstream\nendobj\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n"


def vast_picture(pdf: pikepdf.Pdf) -> None:
    stream = pikepdf.Stream(pdf, b"x")
    stream.Subtype, stream.Width, stream.Height = pikepdf.Name.Image, 60_000, 60_000
    pdf.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=pdf.make_indirect(stream)))


def deep(pdf: pikepdf.Pdf) -> None:
    inner: Any = pikepdf.Array([])
    for _ in range(80):
        inner = pikepdf.Array([inner])
    pdf.pages[0].Deep = inner


async def test_a_paper_is_kept_with_its_pages_and_without_its_author(world: Any) -> None:
    view = await world.applications.uploads.save(world.citizen, "material", paper(3))
    file = await world.applications.uploads.own_file(world.citizen, uuid.UUID(view.upload_id))
    assert (view.content_type, view.pages) == ("application/pdf", 3)
    assert view.sha256 == hashlib.sha256(file.content).hexdigest()
    assert b"SecretAuthor" not in file.content
    with pikepdf.open(io.BytesIO(file.content)) as kept:
        assert len(kept.pages) == 3
    row = await db.fetch_row("SELECT pages, scanned_at FROM upload")
    assert row is not None
    assert (row["pages"], row["scanned_at"]) == (3, None)


async def test_the_same_paper_gives_the_same_bytes() -> None:
    assert await papers.written_anew(paper()) == await papers.written_anew(paper())


@pytest.mark.parametrize(
    ("spoiled", "sentence"),
    [
        (changed(script), "脚本"),
        (changed(launch), "脚本"),
        (changed(attachment), "附件"),
        (changed(lambda _: None, encryption=pikepdf.Encryption(owner="o", user="u")), "未加密"),
        (changed(lambda _: None, encryption=pikepdf.Encryption(owner="o", user="")), "未加密"),
        (changed(unpacks_to_a_gibibyte), "过于复杂"),
        (changed(unpacks_behind_text, **AS_IT_IS), "过于复杂"),
        (changed(unpacks_under_a_short_name, **AS_IT_IS), "过于复杂"),
        (packed_twice, "过于复杂"),
        (changed(vast_picture), "过于复杂"),
        (changed(deep), "过于复杂"),
        (lambda: paper(201), "过于复杂"),
        (lambda: paper()[:200], "损坏"),
        (lambda: b"%PDF-1.7\n" + bytes(range(256)) * 40, "损坏"),
    ],
    ids=(
        "script launch attachment password owner-password bomb bomb-in-text bomb-short twice vast deep pages cut noise"
    ).split(),
)
async def test_what_is_refused_is_said_and_nothing_is_kept(
    world: Any, spoiled: Callable[[], bytes], sentence: str
) -> None:
    content = spoiled()
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.uploads.save(world.citizen, "material", content)
    assert refused.value.stable_code == "upload_damaged"
    assert sentence in refused.value.detail
    row = await db.fetch_row("SELECT count(*) AS uploads FROM upload")
    assert row is not None
    assert row["uploads"] == 0


async def test_whoever_opens_the_paper_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[dict[str, Any]] = []
    start = asyncio.create_subprocess_exec

    async def noted(*command: Any, **options: Any) -> Any:
        begun.append(options)
        return await start(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    assert (await papers.written_anew(paper()))[0] == 2
    assert [options.get("env") for options in begun] == [{}]
