"""Template messages (模板消息、订阅消息) and the permissions they use up. Called by the gateway and the control API."""

import re
from typing import Any

from simulators.alipay.call import Call
from simulators.alipay.errors import AlipayError, business_failure
from simulators.alipay.platform import Platform
from simulators.config import Person
from simulators.json_input import parse_object

_KEYWORD = re.compile(r"keyword\d{1,2}")
_MARK = re.compile(r"\{\{(\w+)\.DATA\}\}")
RESULTS = ("accept", "reject")


def _permission(platform: Platform, app_id: str, person_key: str, template_id: str) -> dict[str, Any]:
    permissions = platform.table("subscriptions")
    row: dict[str, Any] = permissions.setdefault(
        f"{app_id} {person_key} {template_id}", {"stock": 0, "long_term": False, "state": "UNSUBSCRIBE"}
    )
    return row


def answer_panel(
    platform: Platform, app_id: str, person_key: str, template_id: str, result: str, long_term: bool
) -> dict[str, Any]:
    """Note the user's answer to my.requestSubscribeMessage; each one-time acceptance allows one message."""
    row = _permission(platform, app_id, person_key, template_id)
    if result == "accept":
        row.update(state="SUBSCRIBE", long_term=long_term, stock=row["stock"] + (0 if long_term else 1))
    else:
        row.update(state="UNSUBSCRIBE", long_term=False, stock=0)
    platform.touch()
    return dict(row)


def _content(call: Call) -> dict[str, str]:
    """Read the JSON text `data`. Raises: AlipayError."""
    raw = call.biz.get("data")
    if not raw:
        raise business_failure("DATA_IS_EMPTY", "模板内容为空")
    if not isinstance(raw, str) or len(raw) > 2048:
        raise business_failure("DATA_CONTENT_FORMAT_ERROR", "data 应为 JSON 文本，且不超过 2048 个字符")
    data = parse_object(raw)
    if data is None or not all(isinstance(item, dict) and "value" in item for item in data.values()):
        raise business_failure("DATA_CONTENT_FORMAT_ERROR", "data 格式不正确")
    values = {name: item["value"] for name, item in data.items()}
    for name, value in values.items():
        if not _KEYWORD.fullmatch(name) or not isinstance(value, str):
            raise business_failure("MESSAGE_TEMPLATE_KEYWORD_ILLEGAL", f"关键词不合法：{name}")
        if len(value) > 50:
            raise business_failure("USER_KEYWORD_LENGTH_ERROR", f"关键词超过 50 个字：{name}")
    return values


def _screen_text(call: Call, template_id: str, values: dict[str, str]) -> str:
    """Render what the phone shows; checks the template when the config names any. Raises: AlipayError."""
    known = call.app.config.templates
    if not known:
        return "；".join(values.values())
    if template_id not in known:
        raise business_failure("USER_TEMPLATE_ILLEGAL", "模板不存在")
    if lacking := set(_MARK.findall(known[template_id])) - values.keys():
        raise business_failure("USER_TEMPLATE_LACK_KEYWORD", f"缺少关键词：{'、'.join(sorted(lacking))}")
    return _MARK.sub(lambda mark: values[mark[1]], known[template_id])


def _receiver(call: Call, *fields: str, missing: AlipayError) -> Person:
    person = next((found for field in fields if (found := call.holder_of(call.biz.get(field)))), None)
    if person is None:
        raise missing
    return person


def _spend_permission(call: Call, person: Person, template_id: str) -> None:
    """Use up a permission, or the trade_no of a payment made in the last 7 days. Raises: AlipayError."""
    form_id = call.biz.get("form_id")
    if form_id:
        trade = call.platform.trade_numbered(str(form_id))
        if not trade or not trade["gmt_payment"]:
            raise business_failure("FORM_ID_INVALID", "form_id 无效")
        if trade["person"] != person.key:
            raise business_failure("TRADE_NO_NOT_MATCH_USERID", "交易号与用户不匹配")
        return
    row = _permission(call.platform, call.app.app_id, person.key, template_id)
    if row["long_term"]:
        return
    if row["stock"] < 1:
        raise business_failure("MSG_UNSUBSCRIBED", "用户未订阅该消息")
    row["stock"] -= 1
    if not row["stock"]:
        row["state"] = "UNSUBSCRIBE"


def send_template_message(call: Call) -> dict[str, Any]:
    """Check a message, use up one permission and put it on the phone.

    Source: 支付宝开放平台 alipay.open.app.mini.templatemessage.send 小程序发送模板消息. Raises: AlipayError.
    """
    template_id = call.text("user_template_id", business_failure("TEMPLATE_ILLEGAL", "模板不合法"))
    page = call.biz.get("page")
    if not isinstance(page, str) or not 0 < len(page) <= 128:
        raise business_failure("PAGE_OVER_LIMIT", "page 不能为空，且不超过 128 个字符")
    values = _content(call)
    text = _screen_text(call, template_id, values)
    person = _receiver(call, "to_open_id", "to_user_id", missing=business_failure("USER_ID_INVALID", "用户 ID 不合法"))
    _spend_permission(call, person, template_id)
    call.platform.world.inbox.deliver(
        "alipay", person.key, template_id=template_id, data=dict(values), text=text, page=page
    )
    return {}


def query_subscriptions(call: Call) -> dict[str, Any]:
    """Report the permissions for up to three templates.

    Source: 支付宝开放平台 alipay.open.app.messagetemplate.subscribe.query 订阅状态查询. Raises: AlipayError.
    """
    person = _receiver(call, "open_id", "user_id", missing=business_failure("OPENID_INVALID", "openid 无效"))
    ids = call.biz.get("template_id_list")
    if not isinstance(ids, list) or not ids:
        raise business_failure("ILLEGAL_ARGUMENT_PARAMS", "template_id_list 不能为空")
    if len(ids) > 3:
        raise business_failure("SUBSCRIBE_TEMPLATE_OVER_LIMIT", "一次最多查询 3 个模板")
    relations = []
    for template_id in ids:
        row = _permission(call.platform, call.app.app_id, person.key, str(template_id))
        kind = "LONG_TERM" if row["long_term"] else "ONE_TIME"
        relations.append(
            {
                "template_id": str(template_id),
                "subscribe_state": row["state"],
                "subscribe_type": kind,
                "keep_state": False,
                "show": True,
            }
        )
    return {"show_component": True, "subscribe_relations": relations}
