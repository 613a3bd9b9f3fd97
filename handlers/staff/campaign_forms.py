"""The form of a campaign as a browser sends it, and back: fields of text to a draft, a campaign to fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from app import clock
from app.errors import FieldFault, InvalidRequest
from app.identifiers import division_prefix
from handlers.parsing import field_fault
from notify.campaigns.types import Audience, CampaignDraft, CampaignView

VARIABLE, STATE = "variables.", "state."
_SEPARATORS = re.compile(r"[\s,，、;；]+")
_DIVISION = re.compile(r"[0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12}")
CASE_STATES = {
    "SUBMITTED": "已提交",
    "RECEIVED": "已收件",
    "CORRECTION": "待补正",
    "ACCEPTED": "已受理",
    "SUSPENDED": "已中止计时",
    "APPROVED": "已准予",
    "DENIED": "不予办理",
    "CERTIFYING": "制证中",
    "DELIVERING": "送达中",
    "CLOSED": "已办结",
}
LEVELS = {"": "不限", "L1": "已绑定手机（L1）及以上", "L2": "已实名（L2）及以上", "L3": "高级实名（L3）"}


def audience_of(form: Mapping[str, str]) -> Audience:
    """Read who is meant. Raises: InvalidRequest naming the fields."""
    codes = [code for code in _SEPARATORS.split(form.get("divisions", "")) if code]
    faults = []
    if any(not _DIVISION.fullmatch(code) for code in codes):
        faults.append(FieldFault("divisions", "区划代码应为6位数字，多个以空格分开"))
    ages: dict[str, int | None] = {}
    for name in ("age_from", "age_to"):
        text = form.get(name, "").strip()
        if text and not (text.isascii() and text.isdigit() and int(text) <= 150):
            faults.append(FieldFault(name, "年龄应为0至150的整数"))
        ages[name] = int(text) if text and not faults else None
    if faults:
        raise InvalidRequest("受众条件有误", faults=tuple(faults))
    plain = {
        "divisions": [division_prefix(code) for code in codes],
        "item_code": form.get("item_code", "").strip(),
        "case_states": [name for name in CASE_STATES if form.get(f"{STATE}{name}")],
        "level": form.get("level", ""),
        "tag": form.get("tag", "").strip(),
        "list_id": form.get("list_id", "").strip(),
        **ages,
    }
    try:
        return msgspec.convert(plain, Audience)
    except msgspec.ValidationError as error:
        raise InvalidRequest("受众条件有误", faults=(field_fault(str(error)),)) from error


def draft_of(form: Mapping[str, str]) -> CampaignDraft:
    """Read a draft. Raises: InvalidRequest naming the fields."""
    rate = form.get("rate_per_second", "100").strip() or "100"
    plain = {
        "title": form.get("title", "").strip(),
        "template_code": form.get("template_code", ""),
        "variables": variables_of(form),
        "audience": msgspec.to_builtins(audience_of(form)),
        "scheduled_at": _moment(form.get("scheduled_at", "").strip()),
        "rate_per_second": int(rate) if rate.isascii() and rate.isdigit() and len(rate) < 6 else 0,
    }
    if not plain["title"]:
        raise InvalidRequest("请补全内容", faults=(FieldFault("title", "请填写任务名称"),))
    try:
        return msgspec.convert(plain, CampaignDraft)
    except msgspec.ValidationError as error:
        raise InvalidRequest(faults=(field_fault(str(error)),)) from error


def variables_of(form: Mapping[str, str]) -> dict[str, str]:
    """Read what was filled into the template."""
    return {
        name.removeprefix(VARIABLE): value.strip()
        for name, value in form.items()
        if name.startswith(VARIABLE) and value.strip()
    }


def form_of(campaign: CampaignView) -> dict[str, str]:
    """Return the fields that would make this campaign."""
    audience = campaign.audience
    scheduled_at = campaign.scheduled_at
    return {
        "title": campaign.title,
        "template_code": campaign.template_code,
        "rate_per_second": str(campaign.rate_per_second),
        "scheduled_at": scheduled_at[:16] if scheduled_at else "",
        "divisions": " ".join(code.ljust(6, "0") for code in audience.divisions),
        "item_code": audience.item_code,
        "age_from": "" if audience.age_from is None else str(audience.age_from),
        "age_to": "" if audience.age_to is None else str(audience.age_to),
        "level": audience.level,
        "tag": audience.tag,
        "list_id": audience.list_id,
        **{f"{STATE}{name}": "1" for name in audience.case_states},
        **{f"{VARIABLE}{name}": value for name, value in campaign.variables.items()},
    }


def described(audience: Audience, lists: Mapping[str, str]) -> list[str]:
    """Say who is meant, in lines for people."""
    said = []
    if audience.divisions:
        said.append("区划：" + "、".join(code.ljust(6, "0") for code in audience.divisions))
    if audience.item_code:
        said.append(f"办过事项：{audience.item_code}")
    if audience.case_states:
        said.append("办件状态：" + "、".join(CASE_STATES[name] for name in audience.case_states))
    if audience.age_from is not None or audience.age_to is not None:
        low = "不限" if audience.age_from is None else f"{audience.age_from}岁"
        high = "不限" if audience.age_to is None else f"{audience.age_to}岁"
        said.append(f"年龄：{low} 至 {high}")
    if audience.level:
        said.append(f"实名等级：{LEVELS[audience.level]}")
    if audience.tag:
        said.append(f"标签：{audience.tag}")
    if audience.list_id:
        said.append(f"名单：{lists.get(audience.list_id, '已上传的名单')}")
    return said or ["辖区内全部用户"]


def _moment(text: str) -> str:
    """Turn a browser's local moment, which is Beijing time here, into RFC 3339."""
    if not text:
        return ""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(faults=(FieldFault("scheduled_at", "发送时间格式不正确"),)) from None
    return clock.rfc3339(local.replace(tzinfo=clock.BEIJING) if local.tzinfo is None else local)
