"""Puts a courier's label, where it comes as an image, on a page of its size. Pure; adapters call it."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

_DOTS_PER_INCH = 203.0
_MOST_PIXELS = 40_000_000


def as_pdf(label: bytes) -> bytes:
    """Return a label as PDF; one that is a PDF already stays as it is. Raises ValueError for anything else."""
    if label.startswith(b"%PDF-"):
        return label
    try:
        with Image.open(io.BytesIO(label)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError("label too large")
            page = io.BytesIO()
            image.convert("L").save(page, "PDF", resolution=_DOTS_PER_INCH)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ValueError("not an image") from error
    return page.getvalue()
