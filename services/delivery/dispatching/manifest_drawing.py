"""Draws the list that a batch is handed over with (交寄清单), A4, with barcodes and signature lines. Pure and slow."""

from __future__ import annotations

import io
from contextlib import suppress

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from services.delivery.dispatching import lettering
from services.delivery.dispatching.lettering import FONT
from services.delivery.dispatching.printed import Manifest, ManifestLine

_WIDTH, _HEIGHT = A4
_MARGIN = 14 * mm
_ROW = 13 * mm
_TOP = _HEIGHT - 46 * mm
_ROWS_A_PAGE = 17
_COLUMNS = (12 * mm, 76 * mm, 52 * mm, 42 * mm)
_TITLES = ("序号", "运单号", "收件人", "快递单号")


def draw(manifest: Manifest) -> bytes:
    """Return the PDF; the same batch gives the same bytes."""
    lettering.prepare()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=1)
    canvas.setTitle(f"交寄清单 {manifest.dispatch_no}")
    pages = max(1, -(-len(manifest.lines) // _ROWS_A_PAGE))
    for page in range(pages):
        _head(canvas, manifest, page + 1, pages)
        first = page * _ROWS_A_PAGE
        for place, line in enumerate(manifest.lines[first : first + _ROWS_A_PAGE]):
            _row(canvas, first + place + 1, line, _TOP - (place + 1) * _ROW)
        if page + 1 == pages:
            _signatures(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _head(canvas: Canvas, manifest: Manifest, page: int, pages: int) -> None:
    canvas.setFont(FONT, 20)
    canvas.drawString(_MARGIN, _HEIGHT - 20 * mm, "交寄清单")
    lettering.barcode(canvas, manifest.dispatch_no, _WIDTH - _MARGIN - 76 * mm, _HEIGHT - 24 * mm, 76 * mm, 10 * mm)
    _text(canvas, manifest.dispatch_no, _WIDTH - _MARGIN - 76 * mm, _HEIGHT - 28 * mm, 76 * mm, 9)
    facts = f"{manifest.courier_name}　{manifest.day}　共 {len(manifest.lines)} 件"
    _text(canvas, manifest.body_name, _MARGIN, _HEIGHT - 28 * mm, 100 * mm, 12)
    _text(canvas, facts, _MARGIN, _HEIGHT - 35 * mm, 120 * mm, 12)
    canvas.setFont(FONT, 9)
    canvas.drawRightString(_WIDTH - _MARGIN, _HEIGHT - 35 * mm, f"第 {page} 页，共 {pages} 页")
    left = _MARGIN
    for title, room in zip(_TITLES, _COLUMNS, strict=True):
        _text(canvas, title, left, _TOP + 1.5 * mm, room, 10)
        left += room
    canvas.line(_MARGIN, _TOP, _WIDTH - _MARGIN, _TOP)


def _row(canvas: Canvas, number: int, line: ManifestLine, bottom: float) -> None:
    left = _MARGIN
    _text(canvas, str(number), left, bottom + 5 * mm, _COLUMNS[0], 10)
    left += _COLUMNS[0]
    with suppress(ValueError):  # a number too long for a barcode is read by people
        lettering.barcode(canvas, line.waybill_no, left, bottom + 4.2 * mm, _COLUMNS[1] - 2 * mm, 7.6 * mm)
    _text(canvas, line.waybill_no, left + 6 * mm, bottom + 1.2 * mm, _COLUMNS[1] - 8 * mm, 8)
    left += _COLUMNS[1]
    lines, size = lettering.block(line.receiver_shown, _COLUMNS[2] - 2 * mm, _ROW - 2 * mm, 9, 6)
    canvas.setFont(FONT, size)
    for place, each in enumerate(lines):
        canvas.drawString(left, bottom + _ROW - 4 * mm - place * size * 1.3, each)
    left += _COLUMNS[2]
    _text(canvas, line.shipment_no, left, bottom + 5 * mm, _COLUMNS[3], 9)
    canvas.setLineWidth(0.3)
    canvas.line(_MARGIN, bottom, _WIDTH - _MARGIN, bottom)


def _signatures(canvas: Canvas) -> None:
    for place, title in enumerate(("交寄人（签字）", "揽收员（签字）", "交接时间")):
        left = _MARGIN + place * 62 * mm
        _text(canvas, title, left, 18 * mm, 28 * mm, 10)
        canvas.line(left + 27 * mm, 17 * mm, left + 57 * mm, 17 * mm)


def _text(canvas: Canvas, text: str, left: float, bottom: float, most: float, size: float) -> None:
    line, fits = lettering.fitted(text, most, size, 6)
    canvas.setFont(FONT, fits)
    canvas.drawString(left, bottom, line)
