"""What a template must be before it is saved: variables known, fields able to hold the longest value. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from app.errors import FieldFault
from notify.neutral import UnfitValue
from notify.render import filled, filled_all
from notify.templates import Binding, Template
from notify.templating.rendering import OF_EVERY_NOTICE, Fit, longest, samples

_NAMED = re.compile(r"\{(\w+)\}")
_PLACE = re.compile(r"\$\{(\w+)\}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
_KEYS = {
    "WECHAT": (re.compile(r"[a-z]+(_[a-z]+)?[0-9]{1,3}"), "应为微信模板的字段键，如 thing1"),
    "ALIPAY": (re.compile(r"keyword[1-9][0-9]?"), "应为支付宝模板的关键词，如 keyword1"),
    "SMS": (re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}"), "应为短信模板的变量名"),
}
_LIMITS = {
    "thing": "不超过20个字",
    "phrase": "最多5个汉字，不能有其他字符",
    "character_string": "32位以内的数字、字母或符号，不能有汉字",
    "time": "应为时间，如 2026-12-01 09:30",
    "date": "应为日期，如 2026-12-01",
    "amount": "应为金额，如 20.00元",
    "number": "应为32位以内的数字",
    "letter": "应为32位以内的字母",
    "symbol": "应为5位以内的符号",
    "phone_number": "应为17位以内的电话号码",
    "car_number": "应为车牌号码",
    "name": "应为10个以内的汉字或20个以内的字母",
}
_UNCUT = ("phrase", "character_string")
"""Cut values of these say something else, so they must fit as they are."""
_PAGE_LENGTH = 128
_VARIABLES = 30


def faults(template: Template, fits: Mapping[str, Fit], was_statutory: bool) -> list[FieldFault]:
    """List what is wrong with a template, each with the path of its field. Empty: it may be saved.

    Args:
        fits: channel → its way to fit values.
        was_statutory: whether a version of this code has been statutory.
    """
    found = [*_words(template), *_variables(template), *_statutory(template, was_statutory), *_channels(template)]
    if not found:
        for name in template.channels:
            binding = template.bindings[name]
            found += _fields(f"bindings.{name}", name, binding, template, fits.get(name, dict))
    return found


def _words(template: Template) -> Iterator[FieldFault]:
    known = {each.name for each in (*OF_EVERY_NOTICE, *template.variables)}
    texts = {"title": template.title, "inbox_text": template.inbox_text}
    for name, binding in template.bindings.items():
        texts[f"bindings.{name}.page"] = binding.page
        texts |= {f"bindings.{name}.fields.{key}": text for key, text in binding.fields.items()}
    for path, text in texts.items():
        if _CONTROL.search(text):
            yield FieldFault(path, "不能含有控制字符")
        elif unknown := [named for named in _NAMED.findall(text) if named not in known]:
            yield FieldFault(path, f"没有这个变量：{'、'.join(dict.fromkeys(unknown))}")
        elif set(_NAMED.sub("", text)) & set("{}"):
            yield FieldFault(path, "花括号只能用于变量，如 {item_name}")
        elif not text.strip() and not path.endswith(".page"):
            yield FieldFault(path, "不能为空")


def _variables(template: Template) -> Iterator[FieldFault]:
    seen = {each.name for each in OF_EVERY_NOTICE}
    for at, variable in enumerate(template.variables):
        if variable.name in seen:
            yield FieldFault(f"variables[{at}].name", "变量名重复，或为系统变量")
        seen.add(variable.name)
        if any(_CONTROL.search(text) for text in (variable.title, variable.sample, variable.longest)):
            yield FieldFault(f"variables[{at}].sample", "不能含有控制字符")
        elif variable.longest and len(variable.longest) < len(variable.sample):
            yield FieldFault(f"variables[{at}].longest", "最长示例不能比示例短")


def _statutory(template: Template, was_statutory: bool) -> Iterator[FieldFault]:
    if was_statutory and not template.statutory:
        yield FieldFault("statutory", "法定告知不能改为可关闭的消息")
    elif template.statutory and template.used_for != "EVENT":
        yield FieldFault("statutory", "只有办件事件的通知可以是法定告知")


def _channels(template: Template) -> Iterator[FieldFault]:
    if len(set(template.channels)) != len(template.channels):
        yield FieldFault("channels", "渠道重复")
    for name in template.channels:
        if name not in template.bindings:
            yield FieldFault(f"bindings.{name}", "该渠道缺少绑定")
    for name, binding in template.bindings.items():
        path = f"bindings.{name}"
        if name not in template.channels:
            yield FieldFault(path, "该渠道未列入发送顺序")
        if not re.fullmatch(r"[!-~]{1,64}", binding.template_id):
            yield FieldFault(f"{path}.template_id", "应为平台的模板编号")
        if not binding.fields or len(binding.fields) > _VARIABLES:
            yield FieldFault(f"{path}.fields", "请填写模板的字段")
        pattern, meaning = _KEYS[name]
        for key in binding.fields:
            if not pattern.fullmatch(key):
                yield FieldFault(f"{path}.fields", meaning)
        yield from _alipay(path, binding) if name == "ALIPAY" else _sms(path, binding) if name == "SMS" else ()


def _alipay(path: str, binding: Binding) -> Iterator[FieldFault]:
    wanted = [f"keyword{at}" for at in range(1, len(binding.fields) + 1)]
    if sorted(binding.fields) != sorted(wanted):
        yield FieldFault(f"{path}.fields", "支付宝要求关键词齐全：从 keyword1 起连续编号")


def _sms(path: str, binding: Binding) -> Iterator[FieldFault]:
    if _CONTROL.search(binding.text) or _CONTROL.search(binding.sign):
        yield FieldFault(f"{path}.text", "不能含有控制字符")
    elif not binding.text.strip():
        yield FieldFault(f"{path}.text", "请填写短信平台审核通过的内容")
    elif list(dict.fromkeys(_PLACE.findall(binding.text))) != list(binding.fields):
        yield FieldFault(f"{path}.text", "内容中的变量 ${…} 应与字段一致，且顺序相同")


def _fields(path: str, name: str, binding: Binding, template: Template, fit: Fit) -> Iterator[FieldFault]:
    most = longest(template)
    if binding.page and len(filled(binding.page, most)) > _PAGE_LENGTH:
        yield FieldFault(f"{path}.page", f"页面地址最长{_PAGE_LENGTH}个字符")
    unfit = {key for variables in (most, samples(template)) for key in _unfit(binding, variables, fit)}
    for key in sorted(unfit):
        yield FieldFault(f"{path}.fields.{key}", f"内容放不进该字段：{limit_of(name, key)}")


def _unfit(binding: Binding, variables: Mapping[str, str], fit: Fit) -> Collection[str]:
    values = filled_all(binding.fields, variables)
    found = set()
    for key, text in values.items():
        try:
            fitted = fit({key: text})[key]
        except UnfitValue:
            found.add(key)
            continue
        if not fitted or (key.startswith(_UNCUT) and fitted != " ".join(text.split())):
            found.add(key)
    if not found:
        try:
            fit(values)
        except UnfitValue as unfit:
            found.add(unfit.key)
    return found


def limit_of(channel: str, key: str) -> str:
    """Say what a field of a channel takes."""
    if channel == "WECHAT":
        return _LIMITS.get(key.rstrip("0123456789"), "不符合微信对该类型的要求")
    return "最多50个字，合计不超过2048字节" if channel == "ALIPAY" else "最多35个字"


def value_faults(template: Template, variables: Mapping[str, str], fits: Mapping[str, Fit]) -> list[FieldFault]:
    """List the given values that a channel of the template cannot hold, by `variables.<name>`."""
    found: dict[str, str] = {}
    for name in template.channels:
        binding = template.binding(name)
        if binding is None:
            continue
        for key in _unfit(binding, variables, fits.get(name, dict)):
            named = _NAMED.findall(binding.fields[key])
            found |= {variable: limit_of(name, key) for variable in named if variable not in found}
    return [FieldFault(f"variables.{name}", f"内容放不进消息字段：{limit}") for name, limit in found.items()]
