"""QR codes of presentation codes and of printed licences. Pure; the service and the drawing of documents call it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import segno


def qr_svg(text: str) -> str:
    """Return a QR picture of a code as SVG."""
    buffer = io.BytesIO()
    segno.make(text, error="m", micro=False).save(buffer, kind="svg", scale=6, border=3, xmldecl=False)
    return buffer.getvalue().decode()


def qr_matrix(text: str) -> Sequence[Sequence[int]]:
    """Return the rows of a QR picture; 1 is dark."""
    return segno.make(text, error="m", micro=False).matrix
