"""Made-up people, staff accounts and the demonstration case of data/; frozen, read from JSON.

Called by `items check` and the tests of data/; what it reads never serves in production.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import clock, identifiers
from services.catalogue.forms import FormChecker
from services.catalogue.intake.loader import CatalogueFiles, FaultyFiles, FileReader
from services.catalogue.records import Element


class Person(Element, frozen=True, kw_only=True):
    """A made-up citizen whose numbers pass every check."""

    key: str
    name: str
    id_number: str
    phone: str
    address: str
    division: str


class StaffAccount(Element, frozen=True, kw_only=True):
    """A staff account to be seeded; passwords are made at seeding time and never stand in files."""

    username: str
    display_name: str
    roles: tuple[str, ...]
    divisions: tuple[str, ...]
    departments: tuple[str, ...]


class DemoMaterial(Element, frozen=True, kw_only=True):
    """One material that the demonstration uploads."""

    material_code: str
    purpose: str
    file_name: str


class DemoCase(Element, frozen=True, kw_only=True):
    """The demonstration's item, a valid answer of its form and the materials to upload."""

    item_code: str
    wechat_person: str
    alipay_person: str
    form: dict[str, Any]
    materials: tuple[DemoMaterial, ...]
    fee_fen: int


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Everything the demonstration needs besides the catalogue."""

    people: tuple[Person, ...]
    staff: tuple[StaffAccount, ...]
    case: DemoCase


def load_demonstration(folder: Path, catalogue: CatalogueFiles) -> Demonstration:
    """Read people.json, staff.json and demo.json and check them against the catalogue. Raises FaultyFiles."""
    reader = FileReader(folder)
    people = reader.read("people.json", tuple[Person, ...]) or ()
    staff = reader.read("staff.json", tuple[StaffAccount, ...]) or ()
    case = reader.read("demo.json", DemoCase)
    codes = frozenset(division.code for division in catalogue.divisions)
    for person in people:
        fault = identifiers.id_number_fault(person.id_number, codes, clock.beijing_date())
        if fault or not identifiers.is_mobile_phone(person.phone) or person.division not in codes:
            reader.report("people.json", person.key, fault or "手机号或区划不正确")
    departments = {department.code for department in catalogue.departments}
    for account in staff:
        if not (set(account.divisions) <= codes and set(account.departments) <= departments):
            reader.report("staff.json", account.username, "账号的区划或部门不存在")
    if case is not None:
        _check_case(reader, case, catalogue, {person.key for person in people})
    if case is None or reader.faults:
        raise FaultyFiles(tuple(reader.faults))
    return Demonstration(people, staff, case)


def _check_case(reader: FileReader, case: DemoCase, catalogue: CatalogueFiles, people: set[str]) -> None:
    record = next((item for item in catalogue.items if item.item_code == case.item_code), None)
    if record is None:
        reader.report("demo.json", "item_code", "演示事项不存在")
        return
    for fault in FormChecker(record.form).faults(case.form):
        reader.report("demo.json", fault.path, fault.message)
    if not {material.material_code for material in case.materials} <= {part.code for part in record.materials}:
        reader.report("demo.json", "materials", "演示材料不在事项材料中")
    if not {case.wechat_person, case.alipay_person} <= people:
        reader.report("demo.json", "wechat_person", "演示人员不存在")
