"""Kinds of licences (证照类型) as configuration: fields, validity, verifiers' minimum, reminders; and their file.

The service asks for the kind of a licence; app/loading.py checks and imports the file; reading decides nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from app.identifiers import is_uscc, mask_address, mask_id_number, mask_name, mask_phone

_CODE = re.compile(r"[0-9A-Z]{18}[0-9]{3}")


class Mask(StrEnum):
    """How a value is hidden where it is shown masked."""

    NONE = ""
    NAME = "name"
    ID_NUMBER = "id_number"
    PHONE = "phone"
    ADDRESS = "address"


_MASKS = {Mask.NAME: mask_name, Mask.ID_NUMBER: mask_id_number, Mask.PHONE: mask_phone, Mask.ADDRESS: mask_address}


class KindField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is printed on a licence.

    Attributes:
        source: `person` = what is known of the holder (`name`, `id_number`, `sex`, `born_on`), `form` = an answer.
        paths: names of the answers that hold it, the first that was given counts; the key itself where none is named.
        verifier: what a verifier may learn of it after consent: nothing, the masked value, the whole value.
    """

    key: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    name: Annotated[str, Meta(min_length=1, max_length=40)]
    source: Literal["person", "form"] = "form"
    paths: tuple[str, ...] = ()
    sensitive: bool = False
    mask: Mask = Mask.NONE
    verifier: Literal["no", "masked", "plain"] = "no"

    def hidden(self, value: str) -> str:
        """Return the value as it is shown to others than its holder's own document."""
        mask = _MASKS.get(self.mask)
        return mask(value) if mask else value


class Kind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A type of licence.

    Attributes:
        code: 21 characters: credit code of the body that defines it, and three digits.
        holder: whom it is issued to.
        one_per_holder: a new one is the next version of the holder's earlier one; else only of the one it names.
        validity_months: used where the item says nothing else; None = without end.
        reminder_days: how many days before the end the holder is reminded, once each.
        show_level: real-name level needed to show it, where more than SJT_LICENCE_SHOW_LEVEL.
    """

    code: Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}[0-9]{3}$")]
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    holder: Literal["person", "enterprise"] = "person"
    one_per_holder: bool = False
    validity_months: Annotated[int, Meta(ge=1, le=1200)] | None = None
    reminder_days: tuple[Annotated[int, Meta(ge=1, le=400)], ...] = ()
    show_level: Literal["", "L2", "L3"] = ""
    fields: tuple[KindField, ...] = ()

    def content(self, person: Mapping[str, str], answers: Mapping[str, Any]) -> dict[str, str]:
        """Pick what is printed on the licence out of what is known; what nobody gave is left out."""
        sources: Mapping[str, Mapping[str, Any]] = {"person": person, "form": answers}
        found = {}
        for field in self.fields:
            given = (sources[field.source].get(path) for path in field.paths or (field.key,))
            value = next((one for one in given if isinstance(one, str | int) and one != ""), None)
            if value is not None:
                found[field.key] = str(value)
        return found

    def verifiable(self) -> tuple[KindField, ...]:
        """Return the fields that a verifier may ask for."""
        return tuple(field for field in self.fields if field.verifier != "no")


def plain_kind(code: str, name: str) -> Kind:
    """Return the kind of a licence that nobody configured: its least fields only."""
    return Kind(code=code, name=name)


def read_kinds(file: Path) -> tuple[Kind, ...]:
    """Read the file of kinds. Raises ValueError (msgspec.DecodeError), OSError."""
    return msgspec.json.decode(file.read_bytes(), type=tuple[Kind, ...])


def faults_of(kinds: Iterable[Kind], used: Iterable[tuple[str, str]]) -> list[str]:
    """List what is wrong with the kinds, and which of the used types (file, path, code) no kind describes."""
    listed = list(kinds)
    codes = [kind.code for kind in listed]
    faults = [f"{kind.code}: {fault}" for kind in listed for fault in _faults(kind)]
    faults += [f"{code}: 证照类型重复" for code in sorted({code for code in codes if codes.count(code) > 1})]
    return faults + [f"{place}: 证照类型 {code} 未配置" for place, code in used if code and code not in codes]


def _faults(kind: Kind) -> list[str]:
    faults = (
        [] if _CODE.fullmatch(kind.code) and is_uscc(kind.code[:18]) else ["证照类型代码前18位应为统一社会信用代码"]
    )
    keys = [field.key for field in kind.fields]
    if len(keys) != len(set(keys)):
        faults.append("字段重复")
    faults += [
        f"{field.key}: 敏感字段须有掩码方式" for field in kind.fields if field.sensitive and field.mask is Mask.NONE
    ]
    faults += [
        f"{field.key}: 掩码方式缺失" for field in kind.fields if field.verifier == "masked" and field.mask is Mask.NONE
    ]
    return faults


def content_hash(kind: Kind) -> str:
    """Return the SHA-256 of a kind, so that an unchanged one is not written again."""
    return hashlib.sha256(msgspec.json.encode(kind, order="sorted")).hexdigest()
