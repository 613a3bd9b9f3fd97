"""Subscription (订阅消息) and customer-service messages (客服消息): checks, permission stock, delivery to phones.

Source: 发送订阅消息, 获取个人模板列表, 发送客服消息, WeChat mini-program server API, 2026-07.
"""

import re
import secrets
from typing import Any

from simulators.config import WeChatApp, WeChatTemplate
from simulators.core import World
from simulators.exchange import Exchange
from simulators.wechat.tokens import app_of_token
from simulators.wechat.values import fault_of_value
from simulators.wechat.wire import PROVIDER, WeChatError, find_app, read_body, text_of

_TEMPLATE_ID = re.compile(r"(?!INVALID)[A-Za-z0-9_-]{20,64}")
_MARK = re.compile(r"\{\{(\w+)\.DATA\}\}")
CONVERSATION_SECONDS = 48 * 3600
REPLIES_PER_MESSAGE = 5


def send_subscription(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer POST /cgi-bin/message/subscribe/send: check, take one permission from stock, put it on the phone."""
    app_id = app_of_token(world, exchange)
    body = read_body(exchange)
    openid, template_id, page = (text_of(body, field) for field in ("touser", "template_id", "page"))
    exchange.note(openid=openid, template_id=template_id)
    person = world.people.find_by_openid(app_id, openid)
    if person is None:
        raise WeChatError(40003, "invalid openid")
    if not _TEMPLATE_ID.fullmatch(template_id):
        raise WeChatError(40037, "invalid template_id")
    _check_options(body)
    template = _find_template(world, app_id, template_id)
    values = _check_data(body.get("data"), template)
    _take_permission(world, app_id, openid, template_id)
    text = _render(template, values)
    world.inbox.deliver("wechat", person.key, template_id=template_id, data=values, text=text, page=page)
    return {"errcode": 0, "errmsg": "ok", "msgid": secrets.randbelow(10**18) + 10**18}


def get_templates(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer GET /wxaapi/newtmpl/gettemplate with the app's configured private templates."""
    rows = [
        {
            "priTmplId": template.id,
            "title": template.title,
            "content": template.content,
            "example": template.example,
            "type": template.type,
        }
        for template in _app(world, app_of_token(world, exchange)).templates
    ]
    return {"errcode": 0, "errmsg": "ok", "data": rows}


def send_customer_message(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer POST /cgi-bin/message/custom/send: five answers within 48 h of the citizen's last message."""
    app_id = app_of_token(world, exchange)
    body = read_body(exchange)
    openid, kind = text_of(body, "touser"), text_of(body, "msgtype")
    exchange.note(openid=openid, msgtype=kind)
    person = world.people.find_by_openid(app_id, openid)
    if person is None:
        raise WeChatError(40003, "invalid openid")
    content = body.get(kind)
    if kind not in ("text", "image", "link", "miniprogrampage") or not isinstance(content, dict):
        raise WeChatError(40008, "invalid message type")
    if kind == "text" and not text_of(content, "content"):
        raise WeChatError(44004, "empty content")
    _take_reply(world, app_id, openid)
    shown = text_of(content, "content") or text_of(content, "title")
    world.inbox.deliver("wechat", person.key, data={"msgtype": kind, **content}, text=shown)
    return {"errcode": 0, "errmsg": "ok"}


def grant_permission(
    world: World, app_id: str, openid: str, template_id: str, result: str, *, long_term: bool, count: int = 1
) -> dict[str, Any]:
    """Book the user's answer (accept, reject, ban) to the permission panel; return the stock row."""
    stock = world.state.table(PROVIDER, "stock")
    row: dict[str, Any] = stock.setdefault(f"{app_id}:{openid}:{template_id}", {"count": 0, "long_term": False})
    if result == "ban":
        row.update(count=0, long_term=False)
    elif long_term:
        row["long_term"] = result == "accept"
    elif result == "accept":
        row["count"] += count
    world.state.touch()
    return row


def open_conversation(world: World, app_id: str, openid: str) -> None:
    """Note that the citizen wrote to customer service: five answers are allowed from now."""
    row = {"at": world.clock.timestamp(), "replies": 0}
    world.state.table(PROVIDER, "conversations")[f"{app_id}:{openid}"] = row
    world.state.touch()


def _app(world: World, app_id: str) -> WeChatApp:
    app = find_app(world, app_id)
    if app is None:
        raise WeChatError(40013, "invalid appid")
    return app


def _find_template(world: World, app_id: str, template_id: str) -> WeChatTemplate | None:
    return next((template for template in _app(world, app_id).templates if template.id == template_id), None)


def _check_options(body: dict[str, Any]) -> None:
    if body.get("miniprogram_state", "formal") not in ("developer", "trial", "formal"):
        raise WeChatError(47003, "argument invalid! miniprogram_state invalid")
    if body.get("lang", "zh_CN") not in ("zh_CN", "en_US", "zh_HK", "zh_TW"):
        raise WeChatError(47003, "argument invalid! lang invalid")


def _check_data(data: object, template: WeChatTemplate | None) -> dict[str, str]:
    """Return keyword key -> value; names only the first faulty field, as WeChat does.

    Raises: WeChatError 47003.
    """
    if not isinstance(data, dict) or not data:
        raise WeChatError(47003, "argument invalid! data is empty")
    wanted = _MARK.findall(template.content) if template else list(data)
    values: dict[str, str] = {}
    for key in [*wanted, *(key for key in data if key not in wanted)]:
        entry = data.get(key)
        if not isinstance(entry, dict) or "value" not in entry:
            raise WeChatError(47003, f"argument invalid! data.{key}.value is empty")
        fault = fault_of_value(key, entry["value"]) if key in wanted else f"data.{key} is not in the template"
        if fault:
            raise WeChatError(47003, f"argument invalid! {fault}")
        values[key] = entry["value"]
    return values


def _take_permission(world: World, app_id: str, openid: str, template_id: str) -> None:
    row = world.state.table(PROVIDER, "stock").get(f"{app_id}:{openid}:{template_id}")
    if row is None or not (row["long_term"] or row["count"] > 0):
        raise WeChatError(43101, "user refuse to accept the msg")
    if not row["long_term"]:
        row["count"] -= 1
        world.state.touch()


def _take_reply(world: World, app_id: str, openid: str) -> None:
    row = world.state.table(PROVIDER, "conversations").get(f"{app_id}:{openid}")
    if row is None or row["at"] < world.clock.timestamp() - CONVERSATION_SECONDS:
        raise WeChatError(45015, "response out of time limit or subscription is canceled")
    if row["replies"] >= REPLIES_PER_MESSAGE:
        raise WeChatError(45047, "out of response count limit")
    row["replies"] += 1
    world.state.touch()


def _render(template: WeChatTemplate | None, values: dict[str, str]) -> str:
    if template is None:
        return "\n".join(values.values())
    return _MARK.sub(lambda mark: values.get(mark.group(1), ""), template.content)
