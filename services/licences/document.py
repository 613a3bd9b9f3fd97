"""Draws the document of a licence as PDF. Pure and slow: the service calls it in a thread.

The Chinese font is one that every PDF reader brings along (STSong-Light), so no font file is shipped.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from reportlab.lib.pagesizes import A5, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from services.licences.qr import qr_matrix

_FONT = "STSong-Light"
_WIDTH, _HEIGHT = landscape(A5)
_MARGIN = 42


@dataclass(frozen=True, slots=True)
class Document:
    """What is printed; texts ready for people."""

    title: str
    licence_no: str
    identifier: str
    holder_name: str = field(repr=False)
    holder_id_shown: str
    issuer_name: str
    issued_on: str
    expires_on: str


def draw(document: Document) -> bytes:
    """Return the PDF; the same document gives the same bytes, so that a repeat overwrites itself."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(_WIDTH, _HEIGHT), invariant=1)
    canvas.setTitle(document.title)
    canvas.setAuthor(document.issuer_name)
    _watermark(canvas)
    canvas.rect(20, 20, _WIDTH - 40, _HEIGHT - 40)
    canvas.setFont(_FONT, 22)
    canvas.drawCentredString(_WIDTH / 2, _HEIGHT - 70, document.title)
    canvas.setFont(_FONT, 12)
    lines = (
        f"持证人：{document.holder_name}",
        f"身份证号：{document.holder_id_shown}",
        f"证照编号：{document.licence_no}",
        f"颁发机构：{document.issuer_name}",
        f"颁发日期：{document.issued_on}",
        f"有效期至：{document.expires_on}",
    )
    for place, line in enumerate(lines):
        canvas.drawString(_MARGIN, _HEIGHT - 120 - place * 28, line)
    _qr(canvas, document.identifier, _WIDTH - _MARGIN - 110, _HEIGHT - 250, 110)
    canvas.setFont(_FONT, 8)
    canvas.drawString(_MARGIN, 36, f"电子证照标识 {document.identifier}")
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _qr(canvas: Canvas, text: str, left: float, bottom: float, size: float) -> None:
    matrix = qr_matrix(text)
    cell = size / len(matrix)
    for row, line in enumerate(matrix):
        for column, is_dark in enumerate(line):
            if is_dark:
                top = bottom + size - (row + 1) * cell
                canvas.rect(left + column * cell, top, cell, cell, stroke=0, fill=1)


def _watermark(canvas: Canvas) -> None:
    canvas.saveState()
    canvas.setFont(_FONT, 30)
    canvas.setFillGray(0.92)
    canvas.translate(_WIDTH / 2, _HEIGHT / 2)
    canvas.rotate(28)
    canvas.drawCentredString(0, 0, "三晋通 电子证照")
    canvas.restoreState()
