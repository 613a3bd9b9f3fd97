"""Blanks (空表) and samples (样表) of materials as PDF, drawn from the same record as the online form.

Called by the service in a thread; must not know who asks. Text is set in the viewer's own Song face.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from services.catalogue.forms import in_order
from services.catalogue.records import ItemRecord, Material, Template

_FONT = "STSong-Light"
_TITLE = ParagraphStyle("title", fontName=_FONT, fontSize=18, leading=26, alignment=1, wordWrap="CJK")
_TEXT = ParagraphStyle("text", fontName=_FONT, fontSize=10.5, leading=17, wordWrap="CJK")
_GRID = [("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
_COLUMNS = (52 * mm, 118 * mm)


def draw(record: ItemRecord, material: Material, template: Template, *, filled: bool) -> bytes:
    """Return the PDF of a blank, or of the filled sample with the form's own made-up example."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    output = io.BytesIO()
    heading = f"{material.name}（{'样表' if filled else '空表'}）"
    document = SimpleDocTemplate(output, pagesize=A4, title=heading, author=record.body.name, invariant=True)
    document.build([Paragraph(escape(heading), _TITLE), Spacer(1, 8 * mm), *_content(record, template, filled)])
    return output.getvalue()


def _content(record: ItemRecord, template: Template, filled: bool) -> Iterator[Flowable]:
    yield Paragraph(escape(f"事项：{record.name}　　实施主体：{record.body.name}"), _TEXT)
    yield Spacer(1, 4 * mm)
    if not template.from_form:
        for line in template.text.split("\n"):
            yield Paragraph(escape(line), _TEXT)
        return
    answers = record.form["examples"][0] if filled else {}
    rows = [[Paragraph(escape(text), _TEXT) for text in pair] for pair in _rows(in_order(record.form), answers)]
    yield Table(rows, colWidths=_COLUMNS, style=_GRID, rowHeights=None)
    yield Spacer(1, 8 * mm)
    yield Paragraph("申请人（签名）：　　　　　　　　　日期：　　　　年　　月　　日", _TEXT)


def _rows(form: Mapping[str, Any], answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    required = set(form.get("required", ()))
    for name, part in form["properties"].items():
        mark = "* " if name in required else ""
        yield f"{mark}{part['title']}", _answer(part, answers.get(name)) if answers else _choices(part)


def _choices(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return "　".join(f"□{choice}" for choice in part["enum"])
    return "□是　□否" if part.get("type") == "boolean" else "　"


def _answer(part: Mapping[str, Any], value: Any) -> str:
    if value is None:
        return "　"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "；".join(_answer(part.get("items", {}), element) for element in value)
    if isinstance(value, dict):
        titles = part.get("properties", {})
        return "，".join(f"{titles[name]['title']}：{_answer(titles[name], inner)}" for name, inner in value.items())
    return str(value)
