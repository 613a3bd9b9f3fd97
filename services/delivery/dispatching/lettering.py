"""Text and codes on paper: lines that fit where they stand, barcodes and QR codes. Pure; the drawings use it.

The Chinese font is one that every PDF reader brings along (STSong-Light), so no font file is shipped.
"""

from __future__ import annotations

import unicodedata

import segno
from reportlab.graphics.barcode.code128 import Code128
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FONT = "STSong-Light"
_THINNEST, _BROADEST = 0.5, 1.42
"""Module widths in points: what a hand scanner still reads (0.18 mm), and half a millimetre."""
_QUIET_MODULES = 10
"""A scanner wants so much white on either side. Source: ISO/IEC 15417, 4.4."""


def prepare() -> None:
    """Make the font known to the process. Idempotent."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))


def clean(text: str) -> str:
    """Return a text on one line, without signs that no printer knows."""
    return "".join(" " if letter.isspace() else letter for letter in text if not _is_hidden(letter)).strip()


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") and not letter.isspace()


def width(text: str, size: float) -> float:
    """Return how long a text is, in points."""
    return float(pdfmetrics.stringWidth(text, FONT, size))


def fitted(text: str, most: float, size: float, smallest: float) -> tuple[str, float]:
    """Return one line and the size at which it fits: smaller first, cut with … where that is not enough."""
    line = clean(text)
    while size > smallest and width(line, size) > most:
        size -= 0.5
    if width(line, size) > most:
        while line and width(line + "…", size) > most:
            line = line[:-1]
        line += "…"
    return line, size


def wrapped(text: str, most: float, size: float) -> list[str]:
    """Break a text into lines of at most so many points."""
    lines, line = [], ""
    for letter in clean(text):
        if line and width(line + letter, size) > most:
            lines.append(line)
            line = ""
        line += letter
    return [*lines, line] if line else lines


def block(text: str, most: float, height: float, size: float, smallest: float) -> tuple[list[str], float]:
    """Return the lines of a text and the size at which they fill a box without leaving it; all of it is kept.

    Only what does not fit at the smallest size is cut, which the last line tells with ….
    """
    while True:
        lines = wrapped(text, most, size)
        room = max(1, int(height // (size * 1.3)))
        if len(lines) <= room or size <= smallest:
            break
        size -= 0.5
    if len(lines) > room:
        kept = lines[:room]
        while kept[-1] and width(kept[-1] + "…", size) > most:
            kept[-1] = kept[-1][:-1]
        kept[-1] += "…"
        lines = kept
    return lines, size


def barcode(canvas: Canvas, value: str, left: float, bottom: float, most: float, height: float) -> None:
    """Draw a Code128 in the middle of a strip, with its quiet zones inside. Raises ValueError where it cannot be."""
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError("not a text for Code128")
    modules = float(Code128(value, barWidth=1, quiet=0).width)
    module = min(most / (modules + 2 * _QUIET_MODULES), _BROADEST)
    if module < _THINNEST:
        raise ValueError("too long for its strip")
    drawn = Code128(value, barWidth=module, barHeight=height, quiet=0)
    drawn.drawOn(canvas, left + (most - modules * module) / 2, bottom)


def qr(canvas: Canvas, value: str, left: float, bottom: float, edge: float) -> None:
    """Draw a QR code with its quiet zone inside a square."""
    matrix = segno.make(value, error="m", micro=False).matrix
    module = edge / (len(matrix) + 8)
    path = canvas.beginPath()
    for place, row in enumerate(matrix):
        for column, is_dark in enumerate(row):
            if is_dark:
                path.rect(left + (column + 4) * module, bottom + edge - (place + 5) * module, module, module)
    canvas.drawPath(path, stroke=0, fill=1)
