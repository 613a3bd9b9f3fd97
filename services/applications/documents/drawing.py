"""Draws a written document (文书) as PDF. Pure and slow: the service calls it in a thread.

The Chinese font is one that every PDF reader brings along (STSong-Light), so no font file is shipped.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

_FONT = "STSong-Light"
_WIDTH, _HEIGHT = A4
_MARGIN, _LINE, _SIZE = 72, 24, 12
_CLOSERS = "，。；：！？、）》”〕"


@dataclass(frozen=True, slots=True)
class Letter:
    """What is printed; texts ready for people."""

    title: str
    document_no: str
    issuer_name: str
    issued_on: str
    applicant_name: str = field(repr=False)
    item_name: str
    application_no: str
    paragraphs: tuple[str, ...]


def draw(letter: Letter) -> bytes:
    """Return the PDF; the same letter gives the same bytes, so that a repeat stores the same file."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setTitle(f"{letter.title} {letter.document_no}")
    canvas.setAuthor(letter.issuer_name)
    top = _head(canvas, letter)
    for line in _lines(letter):
        if top < _MARGIN + 150:
            canvas.showPage()
            top = _HEIGHT - _MARGIN
        canvas.setFont(_FONT, _SIZE)
        canvas.drawString(_MARGIN, top, line)
        top -= _LINE
    _seal_place(canvas, letter, top - 30)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _head(canvas: Canvas, letter: Letter) -> float:
    canvas.setFont(_FONT, 16)
    canvas.drawCentredString(_WIDTH / 2, _HEIGHT - 80, letter.issuer_name)
    canvas.setFont(_FONT, 22)
    canvas.drawCentredString(_WIDTH / 2, _HEIGHT - 116, letter.title)
    canvas.setFont(_FONT, 11)
    canvas.drawRightString(_WIDTH - _MARGIN, _HEIGHT - 146, letter.document_no)
    return float(_HEIGHT - 186)


def _lines(letter: Letter) -> Iterator[str]:
    yield from _wrapped(f"申请人：{letter.applicant_name}")
    yield from _wrapped(f"事项名称：{letter.item_name}")
    yield from _wrapped(f"办件编号：{letter.application_no}")
    yield ""
    for paragraph in letter.paragraphs:
        yield from _wrapped("　　" + paragraph)


def _wrapped(text: str) -> Iterator[str]:
    line = ""
    for letter in text.replace("\r", ""):
        is_full = pdfmetrics.stringWidth(line + letter, _FONT, _SIZE) > _WIDTH - 2 * _MARGIN
        if letter == "\n" or (is_full and letter not in _CLOSERS):
            yield line
            line = ""
        line += letter if letter != "\n" else ""
    yield line


def _seal_place(canvas: Canvas, letter: Letter, top: float) -> None:
    """Mark where the seal belongs, so that nobody takes an unsealed file for a sealed one."""
    canvas.setFont(_FONT, _SIZE)
    canvas.drawRightString(_WIDTH - _MARGIN, top, letter.issuer_name)
    canvas.drawRightString(_WIDTH - _MARGIN, top - _LINE, letter.issued_on)
    canvas.saveState()
    canvas.setDash(4, 3)
    canvas.setStrokeGray(0.5)
    canvas.setFillGray(0.5)
    canvas.circle(_WIDTH - _MARGIN - 60, top - 10, 46)
    canvas.setFont(_FONT, 9)
    canvas.drawCentredString(_WIDTH - _MARGIN - 60, top - 48, "电子印章位置")
    canvas.restoreState()
