"""A courier's label that comes as an image is put on a page; nothing else passes for a label."""

import io

import pytest
from PIL import Image

from services.delivery.couriers.label_image import as_pdf


def image(mode: str, kind: str) -> bytes:
    target = io.BytesIO()
    Image.new(mode, (400, 600), 1).save(target, kind)
    return target.getvalue()


@pytest.mark.parametrize(("mode", "kind"), [("L", "PNG"), ("RGB", "JPEG"), ("1", "BMP"), ("P", "GIF")])
def test_image_becomes_a_page_of_its_size(mode: str, kind: str) -> None:
    page = as_pdf(image(mode, kind))
    assert page.startswith(b"%PDF-")
    assert b"/MediaBox [ 0 0 141.8" in page


def test_pdf_stays_as_it_is() -> None:
    assert as_pdf(b"%PDF-1.4\n") == b"%PDF-1.4\n"


@pytest.mark.parametrize("label", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", image("L", "PNG")[:80]])
def test_anything_else_is_no_label(label: bytes) -> None:
    with pytest.raises(ValueError, match="image"):
        as_pdf(label)
