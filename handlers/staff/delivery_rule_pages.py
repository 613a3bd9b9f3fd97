"""Pages of the rules of delivery: which courier carries, who pays the postage; an administrator changes a line.

The same use cases as the JSON doors in handlers/staff/delivery_orders.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from app.errors import InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.parsing import field_fault
from services.delivery.rules.types import CourierLine, LegText, LevelText, PostageLine
from services.staff.types import Role

_LIST = "/staff/delivery-rules"
_COURIERS, _POSTAGE = f"{_LIST}/couriers", f"{_LIST}/postage"
_NEW = "new"
_PAYERS = {
    "FREE": "免费邮寄",
    "ON_DELIVERY": "邮费到付",
    "ONLINE": "在线支付",
    "ON_DELIVERY ONLINE": "到付为主，可在线支付",
    "ONLINE ON_DELIVERY": "在线支付为主，可到付",
    "FREE ONLINE": "免费为主，可在线支付",
}
_WORDS: dict[str, Any] = {
    "legs": {"": "不限", "OUTBOUND": "寄给申请人", "INBOUND": "寄到窗口"},
    "levels": {"": "不限", "STANDARD": "标准", "EXPRESS": "特快"},
    "payer_texts": _PAYERS,
}
Small = Annotated[str, msgspec.Meta(max_length=64)]
Number = Annotated[str, msgspec.Meta(max_length=6, pattern=r"^[0-9]{0,6}\Z")]
Payers = Literal["FREE", "ON_DELIVERY", "ONLINE", "ON_DELIVERY ONLINE", "ONLINE ON_DELIVERY", "FREE ONLINE"]


class CourierForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A line of the choice of courier as it is filled in."""

    rule_code: Small = ""
    position: Number = ""
    division_code: Small = ""
    to_division_code: Small = ""
    leg: LegText = ""
    level: LevelText = ""
    courier: Small = ""
    carrier: Small = ""
    product: Small = ""
    cost_fen: Number = ""
    days: Number = ""
    enabled: Literal["", "on"] = ""


class PostageForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A line of who pays as it is filled in."""

    rule_code: Small = ""
    position: Number = ""
    division_code: Small = ""
    item_code: Small = ""
    leg: LegText = ""
    level: LevelText = ""
    payers: Payers = "FREE"
    postage_fen: Number = ""
    enabled: Literal["", "on"] = ""


async def rules(call: Call[None]) -> Reply:
    """Show all lines."""
    found = await call.house.delivery.rules.listed(call.staff)
    may_change = call.staff.may(Role.ADMINISTRATOR)
    done = call.query.done != ""
    return page(
        call,
        "staff/delivery_rules.html",
        here="delivery_rules",
        rules=found,
        may_change=may_change,
        done=done,
        **_WORDS,
    )


async def courier_rule(call: Call[None]) -> Reply:
    """Show the form of one line of the choice of courier, or an empty one."""
    found = await call.house.delivery.rules.listed(call.staff)
    return _form(call, "courier", _chosen(call, [each.rule for each in found.couriers]))


async def postage_rule(call: Call[None]) -> Reply:
    """Show the form of one line of who pays, or an empty one."""
    found = await call.house.delivery.rules.listed(call.staff)
    rule = _chosen(call, [each.rule for each in found.postage])
    return _form(call, "postage", rule and {**rule, "payers": " ".join(rule["payers"])})


async def save_courier_rule(call: Call[CourierForm]) -> Reply:
    """Save a line; what is wrong with it shows in the form."""
    values = _values(call.body)
    try:
        line = _line(values, CourierLine)
        await call.house.delivery.rules.save_courier_rule(call.staff, line, call.address)
    except InvalidRequest as refusal:
        return _form(call, "courier", values, refusal)
    return see_other(f"{_LIST}?done=1")


async def save_postage_rule(call: Call[PostageForm]) -> Reply:
    """Save a line; what is wrong with it shows in the form."""
    values = _values(call.body)
    try:
        line = _line({**values, "payers": call.body.payers.split()}, PostageLine)
        await call.house.delivery.rules.save_postage_rule(call.staff, line, call.address)
    except InvalidRequest as refusal:
        return _form(call, "postage", values, refusal)
    return see_other(f"{_LIST}?done=1")


def _chosen(call: Call[None], lines: list[Any]) -> dict[str, Any] | None:
    code = call.path["rule_code"]
    if code == _NEW:
        return None
    found = next((line for line in lines if line.rule_code == code), None)
    if found is None:
        raise NotFound("没有这条规则")
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _values(form: CourierForm | PostageForm) -> dict[str, Any]:
    kept = {name: getattr(form, name) for name in form.__struct_fields__ if name != "csrf_token"}
    numbers: dict[str, Any] = {
        name: int(kept[name] or 0) for name in ("position", "cost_fen", "days", "postage_fen") if name in kept
    }
    return {
        **{name: value.strip() for name, value in kept.items() if isinstance(value, str)},
        **numbers,
        "enabled": kept["enabled"] == "on",
    }


def _line(values: dict[str, Any], kind: type[Any]) -> Any:
    """Check a line as the JSON doors do. Raises: InvalidRequest."""
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as fault:
        raise InvalidRequest(faults=(field_fault(str(fault)),)) from fault


def _form(call: Call[Any], kind: str, rule: dict[str, Any] | None, problem: SanjinError | None = None) -> Reply:
    call.staff.require_role(Role.ADMINISTRATOR)
    couriers = call.house.delivery.rules.couriers
    return page(
        call,
        f"staff/{kind}_rule.html",
        status=problem.status if problem else 200,
        here="delivery_rules",
        rule=rule or {"position": 100, "enabled": True},
        is_new=rule is None,
        problem=problem,
        couriers={courier.code: courier.name for courier in couriers},
        **_WORDS,
    )


ROUTES = (
    page_route(_LIST, rules, "寄送规则", DoneQuery),
    page_route(f"{_COURIERS}/<rule_code:str>", courier_rule, "选择快递公司的规则"),
    page_route(f"{_POSTAGE}/<rule_code:str>", postage_rule, "邮费规则"),
    form_route(_COURIERS, save_courier_rule, "保存选择快递公司的规则", CourierForm),
    form_route(_POSTAGE, save_postage_rule, "保存邮费规则", PostageForm),
)
