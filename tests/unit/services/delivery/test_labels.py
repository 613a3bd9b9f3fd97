"""Labels and lists on paper: machines read their codes, texts stay on the page, and nothing else is on them."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from reportlab.lib.units import mm

from services.delivery.dispatching import label_drawing, lettering, manifest_drawing
from services.delivery.dispatching.labelling import bound
from services.delivery.dispatching.printed import Label, Manifest, ManifestLine, Party

_DOTS = 203 / 72
"""A label printer's 203 dots an inch."""
_MARGIN = 3 * mm
SHORT = Party("李娜", "13800000001", "山西省太原市小店区平阳路88号")
LONG = Party(
    "阿卜杜热合曼·吐尔逊江·买买提明" * 4, "0351-7190110转12345678901234", "山西省太原市小店区平阳路八十八号" * 25
)
LABEL = Label(
    shipment_no="SJ20261122K7QF75CX9VTJ", waybill_no="SF1234567890123", courier_name="顺丰速运", service="标快 寄付",
    route_code="351W-AB-012", sender=SHORT, receiver=SHORT, cargo="文件", remark="须本人签收",
)  # fmt: skip


def _codes(content: bytes, page: int = 0) -> set[tuple[str, str]]:
    picture = pypdfium2.PdfDocument(content)[page].render(scale=_DOTS).to_pil()
    return {(found.format.name, found.text) for found in zxingcpp.read_barcodes(picture)}


def _outside(content: bytes, page: int = 0) -> list[str]:
    """Return the texts that stand outside the page's margin, by the boxes of their letters."""
    sheet = pypdfium2.PdfDocument(content)[page]
    wide, high = sheet.get_size()
    text = sheet.get_textpage()
    out = []
    for place in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(place)
        inside = left >= _MARGIN and bottom >= _MARGIN and right <= wide - _MARGIN and top <= high - _MARGIN
        if right > left and not inside:
            out.append(text.get_text_range(place, 1))
    return out


def _text(content: bytes, page: int = 0) -> str:
    return re.sub(r"\s", "", pypdfium2.PdfDocument(content)[page].get_textpage().get_text_range())


@pytest.mark.parametrize("waybill_no", ["SF1234567890123", "1234567890123", "YT8881234567890", "A" * 24, "9" * 40])
def test_codes_are_read_as_they_were_written(waybill_no: str) -> None:
    drawn = label_drawing.draw(replace(LABEL, waybill_no=waybill_no))
    assert _codes(drawn) == {("Code128", waybill_no), ("QRCode", LABEL.shipment_no)}


def test_the_longest_names_and_addresses_stay_on_the_label() -> None:
    drawn = label_drawing.draw(
        replace(LABEL, sender=LONG, receiver=LONG, route_code="351W-AB-012-" * 8, courier_name="快递" * 30)
    )
    assert _outside(drawn) == []
    assert len(pypdfium2.PdfDocument(drawn)) == 1
    assert _codes(drawn) == {("Code128", LABEL.waybill_no), ("QRCode", LABEL.shipment_no)}


def test_an_address_of_two_hundred_letters_is_printed_whole() -> None:
    address = "".join(chr(0x4E00 + place) for place in range(200))
    text = _text(label_drawing.draw(replace(LABEL, receiver=replace(SHORT, address=address))))
    assert address in text


def test_a_label_says_who_and_where_and_nothing_else() -> None:
    text = _text(label_drawing.draw(LABEL))
    for party in (LABEL.sender, LABEL.receiver):
        text = text.replace(party.name, "").replace(party.phone, "").replace(party.address, "")
    for known in (LABEL.waybill_no, LABEL.shipment_no, "351W-AB-012", "顺丰速运", "标快寄付", "须本人签收"):
        text = text.replace(known, "")
    assert sorted(text) == sorted("收寄单号托寄物文件")


def test_the_same_label_is_the_same_file() -> None:
    assert label_drawing.draw(LABEL) == label_drawing.draw(LABEL)


@pytest.mark.parametrize("waybill_no", ["", "顺丰1", "A" * 60, "SF\n1"])
def test_a_number_that_is_no_barcode_is_refused(waybill_no: str) -> None:
    with pytest.raises(ValueError, match=r"Code128|too long"):
        label_drawing.draw(replace(LABEL, waybill_no=waybill_no))


def test_a_list_counts_its_parcels_and_numbers_its_pages() -> None:
    lines = [ManifestLine(f"SF{1000000000000 + n}", f"SJ20261122{n:012d}", "*伟 138****0001 " * 6) for n in range(40)]
    manifest = Manifest(
        dispatch_no="JJ20261122K7QF75CX", body_name="太原市小店区行政审批服务管理局政务服务大厅" * 4,
        courier_name="顺丰速运", day="2026-11-22", lines=[*lines, ManifestLine("A" * 40, "SJ1", "")],
    )  # fmt: skip
    drawn = manifest_drawing.draw(manifest)
    texts = [_text(drawn, page) for page in range(len(pypdfium2.PdfDocument(drawn)))]
    assert ["第1页，共3页" in texts[0], "第3页，共3页" in texts[2]] == [True, True]
    assert [("揽收员（签字）" in text, "共41件" in text) for text in texts] == [
        (False, True),
        (False, True),
        (True, True),
    ]
    assert [_outside(drawn, page) for page in range(3)] == [[], [], []]
    assert ("Code128", lines[39].waybill_no) in _codes(drawn, 2)


def test_an_empty_list_is_one_page() -> None:
    empty = Manifest(dispatch_no="JJ1", body_name="", courier_name="", day="", lines=[])
    assert len(pypdfium2.PdfDocument(manifest_drawing.draw(empty))) == 1


def test_labels_are_bound_in_their_order_and_a_broken_one_is_left_out() -> None:
    single = [label_drawing.draw(replace(LABEL, waybill_no=f"SF{n}")) for n in range(3)]
    whole = bound([single[0], b"%PDF-nonsense", *single[1:]])
    with pikepdf.open(io.BytesIO(whole)) as opened:
        assert len(opened.pages) == 3
    assert [("Code128", f"SF{n}") in _codes(whole, n) for n in range(3)] == [True] * 3


def test_letters_that_no_printer_knows_are_left_out() -> None:
    assert lettering.clean(" 张\u200b伟\x00\n小\u202e店 ") == "张伟 小店"
