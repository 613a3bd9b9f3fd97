"""Draws the document of a licence as PDF. Pure and slow: the service calls it in a thread.

The Chinese font is one that every PDF reader brings along (STSong-Light), so no font file is shipped.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5, landscape
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from services.licences.qr import qr_matrix

_FONT = "STSong-Light"
_WIDTH, _HEIGHT = landscape(A5)
_MARGIN = 42
_QR_SIZE = 96
_TEXT_WIDTH = _WIDTH - 2 * _MARGIN - _QR_SIZE - 16
_TOP, _BOTTOM = _HEIGHT - 108, 62
_RED = HexColor(0xC02020)


@dataclass(frozen=True, slots=True)
class Document:
    """What is printed; texts ready for people.

    Attributes:
        lines: the fields of its type.
        is_sealed: whether an authority seals it; else the place of the seal stays empty.
        watermark: what a copy was made for, and when; "" on the document itself.
    """

    title: str
    licence_no: str
    identifier: str
    holder_name: str = field(repr=False)
    holder_id_shown: str
    issuer_name: str
    issued_on: str
    expires_on: str
    lines: tuple[str, ...] = field(default=(), repr=False)
    is_sealed: bool = False
    watermark: str = ""


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
    _lines(canvas, _all_lines(document))
    _qr(canvas, document.identifier, _WIDTH - _MARGIN - _QR_SIZE, _HEIGHT - 84 - _QR_SIZE, _QR_SIZE)
    _seal(canvas, document)
    canvas.setFont(_FONT, 8)
    canvas.drawString(_MARGIN, 36, f"电子证照标识 {document.identifier}")
    if document.watermark:
        _stamp(canvas, document.watermark)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _all_lines(document: Document) -> list[str]:
    texts = (
        f"持证人：{document.holder_name}",
        f"证件号码：{document.holder_id_shown}",
        *document.lines,
        f"证照编号：{document.licence_no}",
        f"颁发机构：{document.issuer_name}",
        f"颁发日期：{document.issued_on}",
        f"有效期至：{document.expires_on}",
    )
    return [line for text in texts for line in simpleSplit(text, _FONT, 12, _TEXT_WIDTH)]


def _lines(canvas: Canvas, lines: list[str]) -> None:
    step = min(26.0, (_TOP - _BOTTOM) / max(1, len(lines) - 1))
    canvas.setFont(_FONT, min(12.0, step))
    for place, line in enumerate(lines):
        canvas.drawString(_MARGIN, _TOP - place * step, line)


def _seal(canvas: Canvas, document: Document) -> None:
    """Draw the visible place of the seal (印章占位); the seal itself is the authority's signed word on these bytes."""
    left, middle, radius = _WIDTH - _MARGIN - _QR_SIZE / 2, 122.0, 48.0
    canvas.saveState()
    canvas.setStrokeColor(_RED)
    canvas.setFillColor(_RED)
    canvas.setLineWidth(2)
    if not document.is_sealed:
        canvas.setDash(4, 3)
    canvas.circle(left, middle, radius)
    canvas.setFont(_FONT, 8)
    for place, line in enumerate(simpleSplit(document.issuer_name, _FONT, 8, 2 * radius - 16)[:3]):
        canvas.drawCentredString(left, middle + 16 - place * 11, line)
    canvas.setFont(_FONT, 9)
    canvas.drawCentredString(left, middle - 26, "电子印章" if document.is_sealed else "（印章位置）")
    canvas.restoreState()


def _stamp(canvas: Canvas, text: str) -> None:
    """Write what a copy is for across the whole page, over everything, so that it cannot serve anything else."""
    canvas.saveState()
    canvas.setFont(_FONT, 14)
    canvas.setFillColor(_RED, alpha=0.35)
    canvas.translate(_WIDTH / 2, _HEIGHT / 2)
    canvas.rotate(28)
    for row in range(-3, 4):
        canvas.drawCentredString(0, row * 72, text)
    canvas.restoreState()


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
