"""Reads a pasted line (name, phone and address in one, in any order) into the fields of the address book. Pure.

The door of addresses/parse calls it through the book. It keeps nothing: the text is somebody's personal data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.divisions import Country, Named, country
from app.identifiers import normalise_phone
from services.accounts.addresses.pasted_words import is_name, is_probable_name, name_at_end

LONGEST_STREET = 100
_MOBILE = re.compile(
    r"(?<![0-9])(?:(?:\+|00)?86[\s-]*)?(1[3-9](?:[\s-]?[0-9]){9})(?![0-9])(?:(?:转|-)([0-9]{3,4})(?![0-9号栋楼室单]))?"
)
_LANDLINE = re.compile(r"(?<![0-9])\(?0[0-9]{2,3}\)?[\s-]?[0-9]{7,8}(?:(?:转|-)[0-9]{1,6})?(?![0-9])")
_POSTCODE = re.compile(r"(?:邮政编码|邮编)\s*[:=]?\s*[0-9]{6}|(?<![0-9A-Za-z])[0-9]{6}(?![0-9A-Za-z号栋楼室单])")
_LABEL = re.compile(
    r"(?P<name>(?:收件人|收货人|联系人)(?:姓名)?|(?:真实)?姓名|名字|收件(?=\s*:))"
    r"|(?P<phone>(?:收件人|收货人|联系)?(?:手机号码?|手机|电话号码|电话)|联系方式)"
    r"|(?P<address>(?:收件人|收货人|收件|收货|联系|详细|家庭|居住)?地址|(?:所在地区|所在区域|省市区|地区|街道|区域)(?=\s*:))"
)
_BREAK = re.compile(r"[\s,;|/。、\"'“”]+")
_TRIM = " \t\n,;:.|/。、-_=()[]【】<>《》"
_BOX = re.compile(r"信箱|P\.?\s?O\.?\s?BOX", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pasted:
    """What was read; `doubts` are (field, Chinese sentence) where a person must look. Never printed."""

    recipient: str = field(repr=False)
    phone: str = field(repr=False)
    division_code: str
    street: str = field(repr=False)
    doubts: tuple[tuple[str, str], ...]


def read_pasted(text: str) -> Pasted:
    """Read a pasted text. What cannot be read is empty and named in `doubts`."""
    doubts: list[tuple[str, str]] = []
    cleaned = _cleaned(text)
    phone, cleaned = _take_phone(cleaned, doubts)
    name, pieces = _sorted_out(_POSTCODE.sub("\n", cleaned))
    name, pieces = (name, pieces) if name else _found_name(pieces, doubts)
    line = _joined(pieces)
    name, named, line_before = _located(name, line, doubts)
    name, rest = _name_behind(name, named.rest, doubts)
    if not name:
        doubts.append(("recipient", "未识别到收件人姓名"))
    _doubt_division(named, country(), doubts)
    street = _street(line_before, rest, doubts)
    return Pasted(name, phone, named.code, street, tuple(doubts))


def _cleaned(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text)
    kept = (each if unicodedata.category(each)[0] != "C" else "\n" if each in "\n\r\t" else "" for each in normal)
    return "".join(kept)


def _take_phone(text: str, doubts: list[tuple[str, str]]) -> tuple[str, str]:
    """Take the phones out of a text; the first mobile number is the phone."""
    found = list(_MOBILE.finditer(text))
    numbers = list(dict.fromkeys(normalise_phone(each[1]) for each in found))
    rest = _MOBILE.sub("\n", text)
    lines = _LANDLINE.findall(rest)
    rest = _LANDLINE.sub("\n", rest)
    if not numbers:
        doubts.append(("phone", "只有固定电话，请填写手机号" if lines else "未识别到手机号"))
        return "", rest
    if len(numbers) > 1:
        doubts.append(("phone", "有多个手机号，已取第一个"))
    elif any(each[2] for each in found):
        doubts.append(("phone", "手机号带有分机号，快递员无法拨打分机"))
    return numbers[0], rest


def _sorted_out(text: str) -> tuple[str, list[str]]:
    """Go through a text by its labels; return the labelled name and everything else in its order."""
    name, pieces = "", []
    for label, value in _labelled(text):
        parts = [part for part in (each.strip(_TRIM) for each in _BREAK.split(value)) if part]
        if label == "name" and not name and parts and is_name(_without_title(parts[0])):
            name = _without_title(parts.pop(0))
        pieces += parts
    return name, pieces


def _labelled(text: str) -> Iterator[tuple[str, str]]:
    label, at = "", 0
    for found in _LABEL.finditer(text):
        yield label, text[at : found.start()]
        label, at = found.lastgroup or "", found.end()
    yield label, text[at:].lstrip(" :=")


def _without_title(piece: str) -> str:
    return piece.removesuffix("收").removesuffix("(收)").strip(_TRIM)


def _found_name(pieces: list[str], doubts: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """Find the piece that is a name by its look; a surname decides between several."""
    land = country()
    looks = [at for at, piece in enumerate(pieces) if is_name(_without_title(piece)) and not land.read(piece).code]
    probable = [at for at in looks if is_probable_name(_without_title(pieces[at]))]
    chosen = probable or looks
    if not chosen:
        return "", pieces
    if len(chosen) > 1 or not probable:
        doubts.append(("recipient", "请核对收件人姓名"))
    at = chosen[0]
    return _without_title(pieces[at]), pieces[:at] + pieces[at + 1 :]


def _joined(pieces: list[str]) -> str:
    """Write the pieces behind one another; only between Latin words does a blank stay."""
    line = ""
    for piece in pieces:
        between = " " if line[-1:].isascii() and line[-1:].isalnum() and piece[:1].isascii() else ""
        line += between + piece
    return line


def _located(name: str, line: str, doubts: list[tuple[str, str]]) -> tuple[str, Named, str]:
    """Find where the divisions begin: at the front, behind a name that was written without a break, or behind a street.

    Returns the name, what was read, and the part of the street that stood before it.
    """
    land = country()
    named = land.read(line)
    if named.code:
        return name, named, ""
    for at in range(1, min(len(line), 200)):
        behind = land.read(line[at:])
        if behind.is_sure and len(land.path(behind.code)) > 1:
            before = line[:at].strip(_TRIM)
            if not name and is_name(_without_title(before)):
                doubts.append(("recipient", "请核对收件人姓名"))
                return _without_title(before), behind, ""
            return name, behind, before
    return name, named, ""


def _name_behind(name: str, rest: str, doubts: list[tuple[str, str]]) -> tuple[str, str]:
    """Take a name off the end of a street, where nobody else is named (…2号楼301张伟)."""
    found = "" if name else name_at_end(rest)
    if not found:
        return name, rest
    doubts.append(("recipient", "请核对收件人姓名"))
    return found, rest.removesuffix(found)


def _doubt_division(named: Named, land: Country, doubts: list[tuple[str, str]]) -> None:
    if not named.code:
        doubts.append(("division_code", "未识别到省市区，请选择"))
    elif land.children(named.code):
        doubts.append(("division_code", "未识别到区县，请选择"))
    elif not named.is_sure:
        doubts.append(("division_code", "请核对省市区"))


def _street(before: str, rest: str, doubts: list[tuple[str, str]]) -> str:
    street = (before + rest).strip(_TRIM)
    if before:
        doubts.append(("street", "请核对详细地址"))
    if not street:
        doubts.append(("street", "未识别到街道和门牌"))
    elif len(street) > LONGEST_STREET:
        doubts.append(("street", f"详细地址超过{LONGEST_STREET}个字，已截短"))
    elif _BOX.search(street):
        doubts.append(("street", "信箱只有邮政能投递，请填写门牌地址"))
    return street[:LONGEST_STREET].strip()
