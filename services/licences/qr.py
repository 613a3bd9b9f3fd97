"""QR codes of presentation codes and of printed licences. Pure; the service and the drawing of documents call it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any


def qr_svg(text: str) -> str:
    """Return a QR picture of a code as SVG."""
    buffer = io.BytesIO()
    _drawn(text).save(buffer, kind="svg", scale=6, border=3, xmldecl=False)
    return buffer.getvalue().decode()


def qr_matrix(text: str) -> Sequence[Sequence[int]]:
    """Return the rows of a QR picture; 1 is dark."""
    matrix: Sequence[Sequence[int]] = _drawn(text).matrix
    return matrix


def _drawn(text: str) -> Any:
    import segno  # a process that draws none does not load it

    return segno.make(text, error="m", micro=False)
