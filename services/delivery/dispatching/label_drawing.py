"""Draws our own label of a parcel (面单), 100 × 150 mm, where the courier gives data only. Pure and slow: in a thread.

It shows sender and receiver by name, address and phone, and nothing of the case.
Source: 快递暂行条例 第二十二条 (what a waybill may show); GB/T 41833 快递电子运单 (size and parts).
"""

from __future__ import annotations

import io

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from services.delivery.dispatching import lettering
from services.delivery.dispatching.lettering import FONT
from services.delivery.dispatching.printed import Label, Party

WIDTH, HEIGHT = 100 * mm, 150 * mm
_MARGIN = 4 * mm
_INNER = WIDTH - 2 * _MARGIN
_MARK = 11 * mm


def draw(label: Label) -> bytes:
    """Return the PDF; the same label gives the same bytes.

    Raises: ValueError where the waybill number cannot be a barcode.
    """
    lettering.prepare()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1)
    canvas.setTitle(f"面单 {label.shipment_no}")
    _head(canvas, label, HEIGHT - _MARGIN)
    _waybill(canvas, label, HEIGHT - 16 * mm)
    _route(canvas, label, HEIGHT - 40 * mm)
    _party(canvas, "收", label.receiver, HEIGHT - 58 * mm, 36 * mm, (15, 13))
    _party(canvas, "寄", label.sender, HEIGHT - 95 * mm, 23 * mm, (11, 9))
    _foot(canvas, label, HEIGHT - 119 * mm)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _head(canvas: Canvas, label: Label, top: float) -> None:
    _line(canvas, label.courier_name, _MARGIN, top - 8 * mm, _INNER * 0.62, 20)
    text, size = lettering.fitted(label.service, _INNER * 0.36, 16, 8)
    canvas.setFont(FONT, size)
    canvas.drawRightString(WIDTH - _MARGIN, top - 8 * mm, text)
    _rule(canvas, top - 11 * mm)


def _waybill(canvas: Canvas, label: Label, top: float) -> None:
    lettering.barcode(canvas, label.waybill_no, _MARGIN, top - 15 * mm, _INNER, 14 * mm)
    text, size = lettering.fitted(label.waybill_no, _INNER, 13, 8)
    canvas.setFont(FONT, size)
    canvas.drawCentredString(WIDTH / 2, top - 20.5 * mm, text)
    _rule(canvas, top - 23 * mm)


def _route(canvas: Canvas, label: Label, top: float) -> None:
    text, size = lettering.fitted(label.route_code, _INNER, 40, 12)
    canvas.setFont(FONT, size)
    canvas.drawCentredString(WIDTH / 2, top - 8 * mm - size * 0.35, text)
    _rule(canvas, top - 17 * mm)


def _party(canvas: Canvas, mark: str, party: Party, top: float, height: float, sizes: tuple[int, int]) -> None:
    large, small = sizes
    canvas.setFont(FONT, 22)
    canvas.drawCentredString(_MARGIN + _MARK / 2, top - height / 2 - 8, mark)
    left, room = _MARGIN + _MARK, _INNER - _MARK
    phone, phone_size = lettering.fitted(party.phone, room * 0.5, large, 7)
    name_room = room - lettering.width(phone, phone_size) - 3 * mm
    base = top - large * 1.2
    _line(canvas, party.name, left, base, name_room, large)
    canvas.setFont(FONT, phone_size)
    canvas.drawRightString(WIDTH - _MARGIN, base, phone)
    free = height - large * 1.2 - 4 * mm
    lines, size = lettering.block(party.address, room, free, small, 6)
    canvas.setFont(FONT, size)
    for place, line in enumerate(lines):
        canvas.drawString(left, base - 2 * mm - size - place * size * 1.3, line)
    _rule(canvas, top - height)


def _foot(canvas: Canvas, label: Label, top: float) -> None:
    edge = 26 * mm
    lettering.qr(canvas, label.shipment_no, WIDTH - _MARGIN - edge, top - edge, edge)
    room = _INNER - edge - 2 * mm
    _line(canvas, f"单号 {label.shipment_no}", _MARGIN, top - 7 * mm, room, 11)
    _line(canvas, f"托寄物 {label.cargo}", _MARGIN, top - 14 * mm, room, 11)
    _line(canvas, label.remark, _MARGIN, top - 22 * mm, room, 16)


def _line(canvas: Canvas, text: str, left: float, bottom: float, most: float, size: float) -> None:
    line, fits = lettering.fitted(text, most, size, 6)
    canvas.setFont(FONT, fits)
    canvas.drawString(left, bottom, line)


def _rule(canvas: Canvas, height: float) -> None:
    canvas.setLineWidth(0.8)
    canvas.line(_MARGIN, height, WIDTH - _MARGIN, height)
