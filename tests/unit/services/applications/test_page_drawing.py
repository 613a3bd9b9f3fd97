"""Pages of PDFs are drawn by a process apart: as wide as they can be read, and nothing else than a picture."""

from __future__ import annotations

import io

import pikepdf
import pytest
from PIL import Image

from app.errors import NotFound, ServiceUnavailable
from services.applications.files.page_drawing import page_as_png

pytestmark = pytest.mark.anyio


def pdf(pages: int, size: tuple[int, int] = (595, 842)) -> bytes:
    """A PDF of empty pages."""
    buffer = io.BytesIO()
    with pikepdf.new() as made:
        for _ in range(pages):
            made.add_blank_page(page_size=size)
        made.save(buffer)
    return buffer.getvalue()


async def test_page_is_drawn_wide_enough_to_be_read() -> None:
    with Image.open(io.BytesIO(await page_as_png(pdf(2), 2))) as picture:
        assert (picture.format, picture.width) == ("PNG", 1400)


async def test_huge_page_stays_within_bounds() -> None:
    with Image.open(io.BytesIO(await page_as_png(pdf(1, (100, 14_000)), 1))) as picture:
        assert picture.width * picture.height <= 6_100_000


@pytest.mark.parametrize("number", [0, 3, 999])
async def test_page_that_is_not_there_is_not_found(number: int) -> None:
    with pytest.raises(NotFound):
        await page_as_png(pdf(2), number)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 nothing", b"\x00" * 1000])
async def test_what_is_no_pdf_is_refused_without_harm(content: bytes) -> None:
    with pytest.raises(ServiceUnavailable):
        await page_as_png(content, 1)
