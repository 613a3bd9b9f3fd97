"""The item record (实施清单) with every element a citizen needs, and its neighbours; frozen, read from JSON.

Made by the loader and the service, read by every other room; a record never changes, a new version does.
Money is fen, element names are English, the words inside are what the citizen reads.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec import Struct

from services.catalogue.codes import (
    Audience,
    BodyNature,
    DeliveryMethod,
    HandlingForm,
    HandlingKind,
    ItemStatus,
    ItemType,
    LegDirection,
    Level,
    MaterialForm,
    MaterialKind,
    MaterialSource,
    Necessity,
    OnlineDepth,
    Payer,
    Reach,
    RealNameLevel,
    SpecialProcedureKind,
    Substitute,
    TimeUnit,
)

FormValue = str | int | float | bool


class Element(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of all parts: immutable, and a misspelt name in a data file is a fault, not a silent default."""


class Condition(Element, frozen=True, kw_only=True):
    """True when the form's top-level answer `field` is one of `values`; decides on fees, materials, package parts."""

    field: str
    values: tuple[FormValue, ...]


class LegalBasis(Element, frozen=True, kw_only=True):
    """设定依据: one law with its article and the text relied on."""

    document: str
    article: str
    text: str = ""


class ImplementingBody(Element, frozen=True, kw_only=True):
    """实施主体: who decides, with its credit code as in the item code."""

    name: str
    uscc: str
    nature: BodyNature
    entrusted_department: str = ""


class TimeLimit(Element, frozen=True, kw_only=True):
    """A legal (法定) or promised (承诺) time: its length in its unit, 0 = at once, and what it means."""

    length: int
    unit: TimeUnit
    note: str = ""


class SpecialProcedure(Element, frozen=True, kw_only=True):
    """特别程序 whose days are not counted: hearing, inspection, public notice, extension."""

    name: str
    kind: SpecialProcedureKind
    basis: str
    days: int
    unit: TimeUnit = TimeUnit.WORKING_DAYS


class IntermediaryService(Element, frozen=True, kw_only=True):
    """中介服务 that the applicant must get from a third party first."""

    name: str
    provider: str
    note: str = ""


class Step(Element, frozen=True, kw_only=True):
    """办理流程: one step with who acts, within which time and what comes out."""

    name: str
    actor: str
    content: str
    time: str
    result: str


class Template(Element, frozen=True, kw_only=True):
    """A blank (空表) or sample (样表): drawn from the item's own form, or from fixed lines of text."""

    from_form: bool = False
    text: str = ""


class Material(Element, frozen=True, kw_only=True):
    """申请材料: what is handed in, in which form, from where, and what may stand in for it."""

    code: str
    name: str
    kind: MaterialKind
    forms: tuple[MaterialForm, ...]
    original_count: int = 0
    copy_count: int = 0
    source: MaterialSource
    issuer: str = ""
    necessity: Necessity
    condition: Condition | None = None
    condition_note: str = ""
    blank: Template | None = None
    sample: Template | None = None
    instructions: str
    standard: str
    substitutes: tuple[Substitute, ...] = ()
    licence_type: str = ""
    accepts: tuple[str, ...] = ("image/jpeg", "image/png", "application/pdf")
    max_files: int = 1


class FeeItem(Element, frozen=True, kw_only=True):
    """收费项目: basis, standard in words, the fen of one case; `condition` limits it to some answers."""

    code: str
    name: str
    basis: str
    standard: str
    amount_fen: int
    condition: Condition | None = None
    reduction: str = ""


class Fees(Element, frozen=True, kw_only=True):
    """Whether the item costs anything, and whether it can be paid online (必须说明)."""

    charged: bool
    items: tuple[FeeItem, ...] = ()
    online_payment: bool | None = None
    note: str = ""


class ResultDocument(Element, frozen=True, kw_only=True):
    """办理结果: name, kind, type (21 characters) of the electronic licence if one is issued, validity, delivery."""

    code: str
    name: str
    kind: str
    licence_type: str = ""
    validity: str
    validity_months: int | None = None
    electronic: bool
    sample: str = ""
    delivery: tuple[DeliveryMethod, ...]


class DeliveryLeg(Element, frozen=True, kw_only=True):
    """One leg of 双向快递: contents, the service centre's address it goes to or comes from, and who pays."""

    direction: LegDirection
    contents: str
    address: str
    contact: str
    phone: str
    payer: Payer


class Delivery(Element, frozen=True, kw_only=True):
    """物流快递: whether couriers are used, and each leg."""

    courier: bool
    legs: tuple[DeliveryLeg, ...] = ()


class Channel(Element, frozen=True, kw_only=True):
    """A way to ask, to complain or to appeal: name, phone, address."""

    name: str
    phone: str = ""
    address: str = ""
    note: str = ""


class Question(Element, frozen=True, kw_only=True):
    """常见问题."""

    question: str
    answer: str


class ItemRecord(Element, frozen=True, kw_only=True):
    """One version of a service item (事项) with all elements of the implementation list (实施清单).

    `former_until`: last day on which drafts of former versions may still be handed in; None while they are kept.

    Source: GB/T 39554.2 elements, GB/T 39046-2020 code tables.
    """

    item_code: str
    business_code: str
    basic_code: str
    version: int
    status: ItemStatus = ItemStatus.OPEN
    status_note: str = ""
    effective_on: date
    former_until: date | None = None
    name: str
    plain_name: str
    item_type: ItemType
    topics: tuple[str, ...]
    keywords: tuple[str, ...]
    audiences: tuple[Audience, ...]
    summary: str
    legal_bases: tuple[LegalBasis, ...]
    level: Level
    power_division: str
    division_code: str
    department_code: str
    body: ImplementingBody
    handling_kind: HandlingKind
    handling_forms: tuple[HandlingForm, ...]
    legal_time: TimeLimit
    promised_time: TimeLimit
    conditions: tuple[str, ...]
    quantity_limit: str = "无数量限制"
    steps: tuple[Step, ...]
    special_procedures: tuple[SpecialProcedure, ...] = ()
    intermediary_services: tuple[IntermediaryService, ...] = ()
    materials: tuple[Material, ...]
    fees: Fees
    results: tuple[ResultDocument, ...]
    visits: int
    visit_reason: str = ""
    online_depth: OnlineDepth
    reach: Reach
    reach_note: str = ""
    booking: bool
    self_service: bool
    in_hall: bool
    automatic: bool = False
    commitment: str = ""
    real_name_level: RealNameLevel = RealNameLevel.L2
    delivery: Delivery
    service_points: tuple[str, ...]
    hours: str
    phone: str
    complaints: tuple[Channel, ...]
    remedies: tuple[Channel, ...]
    mobile_path: str
    questions: tuple[Question, ...]
    form: dict[str, Any]


class PackageItem(Element, frozen=True, kw_only=True):
    """One item of a package: its place, when it applies, what must be finished first, where its answers come from.

    `field_map` maps a field of the item's form to a field of the merged form.
    """

    item_code: str
    order: int
    required: bool
    condition: Condition | None = None
    depends_on: tuple[str, ...] = ()
    field_map: dict[str, str]


class PackageRecord(Element, frozen=True, kw_only=True):
    """A package (一件事): one scene of life, one merged form, several items; times and materials follow from these."""

    package_code: str
    version: int
    status: ItemStatus = ItemStatus.OPEN
    name: str
    scene: str
    topics: tuple[str, ...]
    keywords: tuple[str, ...]
    audiences: tuple[Audience, ...]
    summary: str
    division_code: str
    department_code: str
    basis: str
    promised_time: TimeLimit
    items: tuple[PackageItem, ...]
    steps: tuple[Step, ...]
    visits: int
    phone: str
    questions: tuple[Question, ...]
    form: dict[str, Any]
