"""Pure checks and masks of Chinese identifiers: ID number, USCC, item code, licence number, phone.

Called by request parsing, the catalogue, accounts and licences; must not do I/O, so the table of
divisions comes in as an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

DivisionTable = frozenset[str] | Callable[[str], bool]

_ID_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_MAX_AGE_YEARS = 150
# 81–83 are the codes on residence permits of people from 港澳台.
_PROVINCE_SHAPE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_USCC_SHAPE = re.compile(rf"[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}")

_ITEM_TYPE_SHAPE = re.compile(r"0[1-9]|10|20")
_BASIC_SHAPE = re.compile(r"[0-9]{12}")

_LICENCE_ROOT = "1.2.156.3005.2"
_LICENCE_SHAPE = re.compile(
    r"1\.2\.156\.3005\.2\.([0-9A-Z]{18}[0-9]{3})\.([0-9A-Z]{18})\.([0-9A-Z]{1,32})\.([0-9]{3})\.([0-9A-Z])"
)
_MOD_37_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_PHONE_SHAPE = re.compile(r"1[3-9][0-9]{9}")


def normalise_id_number(text: str) -> str:
    """Remove blanks and upper-case the X: the form in which ID numbers are compared and stored."""
    return "".join(text.split()).upper()


def id_check_character(first_seventeen: str) -> str:
    """Return the check character of 17 digits. Source: GB 11643-1999, ISO 7064 MOD 11-2."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, first_seventeen, strict=True))
    return _ID_CHECKS[total % 11]


def id_number_fault(number: str, divisions: DivisionTable, today: date) -> str | None:
    """Return the Chinese reason why a normalised ID number (居民身份证号) is refused, or None when it passes.

    A table of codes is trusted only for the provinces it has rows of; numbers of other provinces pass on
    their province code, because people from all of China live here. Retired divisions belong into the table:
    a number outlives its county, and a county newer than its holder is legal too. Source: GB 11643-1999.
    """
    if not _ID_SHAPE.fullmatch(number):
        return "身份证号应为18位，前17位为数字，末位为数字或X"
    born_on = _birth_date(number)
    if born_on is None or born_on > today or today.year - born_on.year > _MAX_AGE_YEARS:
        return "身份证号中的出生日期不正确"
    if not _division_known(number[:6], divisions):
        return "身份证号中的行政区划代码不存在"
    if id_check_character(number[:17]) != number[17]:
        return "身份证号校验码不正确，请核对"
    return None


def is_id_number(number: str, divisions: DivisionTable, today: date) -> bool:
    """Tell whether a normalised ID number passes every check of `id_number_fault`."""
    return id_number_fault(number, divisions, today) is None


def id_birth_date(number: str) -> date:
    """Return the birth date inside an 18-character ID number. Raises ValueError."""
    born_on = _birth_date(number)
    if born_on is None:
        raise ValueError("no birth date in the ID number")
    return born_on


def id_sex(number: str) -> str:
    """Return "男" or "女" from the 17th digit (odd is male)."""
    return "男" if int(number[16]) % 2 else "女"


def _birth_date(number: str) -> date | None:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def _division_known(code: str, divisions: DivisionTable) -> bool:
    if not _PROVINCE_SHAPE.fullmatch(code[:2]):
        return False
    if callable(divisions):
        return divisions(code)
    if code in divisions:
        return True
    return not any(known.startswith(code[:2]) for known in divisions)


def division_prefix(code: str) -> str:
    """Shorten a division code to what it covers: 140000 → 14, 140100 → 1401, 140105 stays."""
    return code[:2] if code.endswith("0000") else code[:4] if code.endswith("00") else code


def uscc_check_character(first_seventeen: str) -> str:
    """Return the check character of a USCC's first 17. Source: GB 32100-2015. Raises ValueError."""
    values = (_USCC_ALPHABET.index(character) for character in first_seventeen)
    total = sum(weight * value for weight, value in zip(_USCC_WEIGHTS, values, strict=True))
    return _USCC_ALPHABET[-total % 31]


def is_uscc(code: str) -> bool:
    """Tell whether a unified social credit code (统一社会信用代码) has shape and check character right.

    The organisation code inside is not checked again: the standard's own check covers it, and the register
    of farmers' co-operatives uses a letter in the first place. Source: GB 32100-2015.
    """
    return bool(_USCC_SHAPE.fullmatch(code)) and uscc_check_character(code[:17]) == code[17]


@dataclass(frozen=True, slots=True)
class ItemCode:
    """The parts of an item code: a basic code has no body and level, only the longest has a tail."""

    body_uscc: str
    level: str
    basic_code: str
    tail: str

    @property
    def item_type(self) -> str:
        """Two digits of the kind of matter: 01 permit … 20 public service."""
        return self.basic_code[2:4]


def parse_item_code(code: str) -> ItemCode:
    """Split a basic (12), implementation (31) or business item code (33) and check its parts.

    Source: GB/T 39554.1-2020; the 33-character tail is local practice. Raises ValueError, in Chinese.
    """
    if len(code) not in (12, 31, 33):
        raise ValueError("事项编码长度应为12、31或33位")
    prefix, basic, tail = ("", code, "") if len(code) == 12 else (code[:19], code[19:31], code[31:])
    if not _BASIC_SHAPE.fullmatch(basic) or not (basic[:2] == "00" or _PROVINCE_SHAPE.fullmatch(basic[:2])):
        raise ValueError("事项基本编码应为12位数字，前两位为省级代码或00")
    if not _ITEM_TYPE_SHAPE.fullmatch(basic[2:4]):
        raise ValueError("事项基本编码中的事项类型不存在")
    if prefix and not is_uscc(prefix[:18]):
        raise ValueError("事项编码前18位不是有效的统一社会信用代码")
    if prefix and prefix[18] not in "1234567":
        raise ValueError("事项编码第19位不是有效的行使层级")
    if tail and not (tail.isascii() and tail.isdigit()):
        raise ValueError("业务办理项编码末两位应为数字")
    return ItemCode(prefix[:18], prefix[18:], basic, tail)


def is_item_code(code: str) -> bool:
    """Tell whether a 12-, 31- or 33-character item code is well made."""
    try:
        parse_item_code(code)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class LicenceNumber:
    """The parts of an electronic licence identifier (电子证照标识)."""

    type_code: str
    issuer_uscc: str
    serial: str
    version: int


def make_licence_number(type_code: str, issuer_uscc: str, serial: str, version: int = 1) -> str:
    """Build the identifier of one version of a licence. Source: GB/T 36903-2018. Raises ValueError."""
    body = f"{_LICENCE_ROOT}.{type_code}.{issuer_uscc}.{serial}.{version:03d}"
    number = f"{body}.{_mod_37_36(f'{type_code}{issuer_uscc}{serial}{version:03d}')}"
    if not _LICENCE_SHAPE.fullmatch(number):
        raise ValueError("licence number parts out of shape")
    return number


def parse_licence_number(number: str) -> LicenceNumber:
    """Split and check a licence identifier; the check runs over the parts without dots and without the root.

    Source: GB/T 36903-2018, ISO 7064 MOD 37,36. Raises ValueError.
    """
    match = _LICENCE_SHAPE.fullmatch(number)
    if match is None:
        raise ValueError("not a licence number")
    type_code, issuer, serial, version, check = match.groups()
    if _mod_37_36(f"{type_code}{issuer}{serial}{version}") != check:
        raise ValueError("wrong check character in licence number")
    return LicenceNumber(type_code, issuer, serial, int(version))


def _mod_37_36(text: str) -> str:
    product = 36
    for character in text:
        product = (product + _MOD_37_36.index(character)) % 36 or 36
        product = product * 2 % 37
    return _MOD_37_36[(37 - product) % 36]


def normalise_phone(text: str) -> str:
    """Remove blanks, hyphens and a leading +86/86 of a mainland mobile number."""
    digits = re.sub(r"[\s-]", "", text)
    return re.sub(r"^(\+86|0086|86(?=1[0-9]{10}$))", "", digits)


def is_mobile_phone(phone: str) -> bool:
    """Tell whether a text is a normalised mainland mobile number."""
    return bool(_PHONE_SHAPE.fullmatch(phone))


def mask_id_number(number: str) -> str:
    """Show division and last four characters only: 140105********0012; anything shorter is hidden wholly."""
    if len(number) < 15:
        return "*" * len(number)
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


def mask_phone(phone: str) -> str:
    """Show the first three and last four digits: 138****0001; anything shorter than 11 is hidden wholly."""
    if len(phone) < 11:
        return "*" * len(phone)
    return f"{phone[:3]}{'*' * (len(phone) - 7)}{phone[-4:]}"


def mask_name(name: str) -> str:
    """Show the last character of a short name (*伟), first and last of a longer one (欧**娜)."""
    if len(name) <= 1:
        return "*" * len(name)
    if len(name) <= 3:
        return "*" * (len(name) - 1) + name[-1]
    return name[0] + "*" * (len(name) - 2) + name[-1]


def shorten(text: str, most: int) -> str:
    """Cut a shown name to so many characters, the last of which then tells that it was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def mask_address(address: str) -> str:
    """Show the first six characters of an address; the house and door stay hidden."""
    return address[:6] + "*" * min(len(address) - 6, 8) if len(address) > 6 else "*" * len(address)
