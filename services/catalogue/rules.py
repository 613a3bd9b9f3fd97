"""Consistency rules of item data (政务服务事项要素规则): pure functions, record in, findings out.

Called by the loader, the importer and publishing by staff; a record with findings must not be published.
Source: GB/T 39554, GB/T 39046-2020, 国办 rules on visits, depth and times as written down in docs/catalogue.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from app import identifiers
from app.errors import FieldFault
from services.catalogue import forms
from services.catalogue.codes import (
    DeliveryMethod,
    HandlingForm,
    HandlingKind,
    LegDirection,
    MaterialKind,
    Necessity,
    OnlineDepth,
    Substitute,
)
from services.catalogue.records import Condition, ItemRecord, Material, PackageRecord

Finding = FieldFault

_ONLINE = frozenset({HandlingForm.COMPUTER, HandlingForm.MOBILE, HandlingForm.MAIL})
_SENSITIVE_NAMES = ("id_number", "phone", "address", "bank_account", "medical")


def check_item(record: ItemRecord) -> tuple[Finding, ...]:
    """Return every breach of the rules in one item record, with path and Chinese message; empty when sound."""
    return tuple(
        finding
        for rule in (_codes, _visits, _times, _materials, _fees, _results, _delivery, _words, _form)
        for finding in rule(record)
    )


def check_package(package: PackageRecord, items: dict[str, ItemRecord]) -> tuple[Finding, ...]:
    """Return every breach in a package against the items it names, keyed by item code."""
    return (*_package_items(package, items), *_package_form(package, items))


def check_unique(records: Iterable[ItemRecord]) -> tuple[Finding, ...]:
    """Return the item codes that stand twice with the same version."""
    seen = Counter((record.item_code, record.version) for record in records)
    return tuple(
        Finding(code, f"事项编码重复（版本{version}）") for (code, version), count in seen.items() if count > 1
    )


def _codes(record: ItemRecord) -> Iterator[Finding]:
    try:
        parts = identifiers.parse_item_code(record.item_code)
    except ValueError as fault:
        yield Finding("item_code", str(fault))
        return
    if len(record.item_code) != 31:
        yield Finding("item_code", "实施编码应为31位")
    if not parts.body_uscc == record.body.uscc == record.department_code:
        yield Finding("body.uscc", "实施主体的统一社会信用代码与事项编码前18位不一致")
    if parts.level != record.level:
        yield Finding("level", "行使层级与事项编码第19位不一致")
    if parts.basic_code != record.basic_code:
        yield Finding("basic_code", "基本编码与事项编码末12位不一致")
    if parts.item_type != record.item_type:
        yield Finding("item_type", "事项类型与基本编码不一致")
    if not (identifiers.is_item_code(record.business_code) and record.business_code[:31] == record.item_code):
        yield Finding("business_code", "业务办理项编码应为实施编码加两位数字")
    if record.version < 1:
        yield Finding("version", "版本号应从1开始")


def _visits(record: ItemRecord) -> Iterator[Finding]:
    if record.visits < 0:
        yield Finding("visits", "到办事现场次数不能为负数")
    if record.online_depth is OnlineDepth.WHOLLY_ONLINE and record.visits != 0:
        yield Finding("visits", "四级网办深度的事项到办事现场次数应为0")
    if record.visits == 0 and not _ONLINE & set(record.handling_forms):
        yield Finding("handling_forms", "到办事现场次数为0时应可网上或快递申请")
    if record.visits > 0 and not record.visit_reason:
        yield Finding("visit_reason", "到办事现场次数大于0时应说明原因")
    if record.online_depth >= OnlineDepth.ONE_VISIT and not _ONLINE & set(record.handling_forms):
        yield Finding("handling_forms", "三级、四级网办深度的事项应可网上申请")


def _times(record: ItemRecord) -> Iterator[Finding]:
    legal, promised = record.legal_time, record.promised_time
    if legal.unit is not promised.unit:
        yield Finding("promised_time.unit", "承诺办结时限与法定办结时限的单位应一致")
    elif promised.length > legal.length:
        yield Finding("promised_time.length", "承诺办结时限不能长于法定办结时限")
    if legal.length < 0 or promised.length < 0:
        yield Finding("legal_time.length", "办结时限不能为负数")
    if record.handling_kind is HandlingKind.AT_ONCE and promised.length > 1:
        yield Finding("promised_time.length", "即办件的承诺办结时限应为0或1")


def _materials(record: ItemRecord) -> Iterator[Finding]:
    yield from _repeated("materials", (material.code for material in record.materials))
    for index, material in enumerate(record.materials):
        yield from _material(f"materials[{index}]", material)
        yield from _condition(f"materials[{index}].condition", material.condition, record)


def _material(path: str, material: Material) -> Iterator[Finding]:
    if material.kind is MaterialKind.FORM and material.necessity is Necessity.REQUIRED and material.blank is None:
        yield Finding(f"{path}.blank", f"《{material.name}》应提供空表")
    if material.kind is not MaterialKind.CERTIFICATE and material.sample is None:
        yield Finding(f"{path}.sample", f"《{material.name}》应提供样表或示例")
    if material.necessity is Necessity.CONDITIONAL and not (material.condition or material.condition_note):
        yield Finding(f"{path}.condition", f"《{material.name}》应说明在什么情形下提供")
    if Substitute.LICENCE in material.substitutes and not material.licence_type:
        yield Finding(f"{path}.licence_type", f"《{material.name}》可用电子证照时应给出证照类型")
    if material.licence_type and not _is_licence_type(material.licence_type):
        yield Finding(f"{path}.licence_type", "电子证照类型代码应为18位信用代码加3位数字")
    if not material.forms or material.max_files < 1:
        yield Finding(f"{path}.forms", f"《{material.name}》应说明材料形式和份数")


def _fees(record: ItemRecord) -> Iterator[Finding]:
    fees = record.fees
    if not fees.charged:
        if fees.items:
            yield Finding("fees.items", "不收费的事项不能列收费项目")
        return
    if not fees.items:
        yield Finding("fees.items", "收费的事项应列出收费项目")
    if fees.online_payment is None:
        yield Finding("fees.online_payment", "收费的事项应说明是否支持网上支付")
    yield from _repeated("fees.items", (fee.code for fee in fees.items))
    for index, fee in enumerate(fees.items):
        if not (fee.basis and fee.standard):
            yield Finding(f"fees.items[{index}].basis", f"“{fee.name}”应有收费依据和收费标准")
        if fee.amount_fen <= 0:
            yield Finding(f"fees.items[{index}].amount_fen", f"“{fee.name}”金额应大于0")
        yield from _condition(f"fees.items[{index}].condition", fee.condition, record)


def _results(record: ItemRecord) -> Iterator[Finding]:
    if not record.results:
        yield Finding("results", "应列出办理结果")
    for index, result in enumerate(record.results):
        if not result.delivery:
            yield Finding(f"results[{index}].delivery", f"“{result.name}”应说明送达方式")
        if result.licence_type and not _is_licence_type(result.licence_type):
            yield Finding(f"results[{index}].licence_type", "电子证照类型代码应为18位信用代码加3位数字")
        if DeliveryMethod.ELECTRONIC in result.delivery and not result.electronic:
            yield Finding(f"results[{index}].electronic", f"“{result.name}”电子送达时应为电子结果")


def _delivery(record: ItemRecord) -> Iterator[Finding]:
    legs = record.delivery.legs
    couriered = any(DeliveryMethod.COURIER in result.delivery for result in record.results)
    if not record.delivery.courier:
        if legs or couriered:
            yield Finding("delivery.courier", "列有快递送达时应支持物流快递")
        return
    if not legs:
        yield Finding("delivery.legs", "支持物流快递时应列出寄递环节")
    if couriered and not any(leg.direction is LegDirection.TO_CITIZEN for leg in legs):
        yield Finding("delivery.legs", "结果可快递送达时应列出寄给申请人的环节")
    for index, leg in enumerate(legs):
        if not (leg.address and leg.phone):
            yield Finding(f"delivery.legs[{index}].address", "每个寄递环节应有地址和电话")


def _words(record: ItemRecord) -> Iterator[Finding]:
    elements = {
        "topics": record.topics,
        "audiences": record.audiences,
        "legal_bases": record.legal_bases,
        "conditions": record.conditions,
        "steps": record.steps,
        "service_points": record.service_points,
        "phone": record.phone,
        "hours": record.hours,
        "complaints": record.complaints,
        "remedies": record.remedies,
        "questions": record.questions,
        "handling_forms": record.handling_forms,
    }
    for path, value in elements.items():
        if not value:
            yield Finding(path, "该要素不能为空")


def _form(record: ItemRecord) -> Iterator[Finding]:
    yield from check_form(record.form)


def check_form(schema: forms.Schema) -> Iterator[Finding]:
    """Yield the breaches of one form: valid draft, closed, titled, sensitive fields marked, own example accepted."""
    if schema.get("$schema") != forms.DRAFT or schema.get("type") != "object":
        yield Finding("form.$schema", "表单应为JSON Schema 2020-12的对象")
    if "additionalProperties" not in schema and "unevaluatedProperties" not in schema:
        yield Finding("form", "表单应声明不接受未列出的字段")
    for path, part in forms.walk(schema):
        if "type" in part and path[-1] != "*" and "title" not in part:
            yield Finding(f"form.{'.'.join(path)}", "表单字段应有中文标题")
        if path[-1].endswith(_SENSITIVE_NAMES) and "type" in part and part.get(forms.SENSITIVE) is not True:
            yield Finding(f"form.{'.'.join(path)}", "个人敏感信息字段应标记x-sensitive")
    try:
        checker = forms.FormChecker(schema)
    except ValueError:
        yield Finding("form", "表单不是有效的JSON Schema")
        return
    if not schema.get("examples"):
        yield Finding("form.examples", "表单应附填写示例")
    for example in schema.get("examples", ()):
        yield from checker.faults(example)


def _condition(path: str, condition: Condition | None, record: ItemRecord) -> Iterator[Finding]:
    if condition is not None:
        yield from _answerable(path, condition, record.form)


def _answerable(path: str, condition: Condition, schema: forms.Schema) -> Iterator[Finding]:
    part = schema.get("properties", {}).get(condition.field)
    if part is None:
        yield Finding(path, f"条件引用的表单字段{condition.field}不存在")
    elif "enum" in part and not set(condition.values) <= set(part["enum"]):
        yield Finding(path, f"条件的取值不在表单字段{condition.field}的可选范围内")


def _repeated(path: str, codes: Iterable[str]) -> Iterator[Finding]:
    for code, count in Counter(codes).items():
        if count > 1:
            yield Finding(path, f"编号{code}重复")


def _is_licence_type(code: str) -> bool:
    return len(code) == 21 and identifiers.is_uscc(code[:18]) and code[18:].isdigit()


def _package_items(package: PackageRecord, items: dict[str, ItemRecord]) -> Iterator[Finding]:
    named = [part.item_code for part in package.items]
    yield from _repeated("items", named)
    if len(named) < 2:
        yield Finding("items", "一件事应包含两个以上事项")
    for index, part in enumerate(package.items):
        if part.item_code not in items:
            yield Finding(f"items[{index}].item_code", "一件事引用的事项不存在")
        earlier = {other.item_code for other in package.items if other.order < part.order}
        if not set(part.depends_on) <= earlier:
            yield Finding(f"items[{index}].depends_on", "前置事项应在本事项之前办理")
        if part.condition is not None:
            yield from _answerable(f"items[{index}].condition", part.condition, package.form)


def _package_form(package: PackageRecord, items: dict[str, ItemRecord]) -> Iterator[Finding]:
    yield from check_form(package.form)
    merged = package.form.get("properties", {})
    for index, part in enumerate(package.items):
        own = items[part.item_code].form if part.item_code in items else {}
        for target, source in part.field_map.items():
            if target not in own.get("properties", {}) or source not in merged:
                yield Finding(f"items[{index}].field_map.{target}", "字段对应关系中的字段不存在")
        unfilled = set(own.get("required", ())) - set(part.field_map)
        if unfilled:
            yield Finding(f"items[{index}].field_map", f"合并表单缺少必填字段：{'、'.join(sorted(unfilled))}")
