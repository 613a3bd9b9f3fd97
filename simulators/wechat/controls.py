"""The user's side of WeChat for tests and demonstrations: codes, permission panel, customer messages, push check."""

from typing import Any

from aiohttp import web

from simulators.config import WeChatApp
from simulators.control import ControlError, answer, need_person, need_text, read_json
from simulators.core import World
from simulators.people import openid_of
from simulators.wechat.login import make_code
from simulators.wechat.messages import grant_permission, open_conversation
from simulators.wechat.push import push, verify_url
from simulators.wechat.tokens import revoke_tokens
from simulators.wechat.wire import find_app

FIRST_ANSWER_SECONDS = 2.0


def control_routes(world: World) -> list[web.RouteDef]:
    """Return the routes under /control/wechat."""

    async def login_codes(request: web.Request) -> web.Response:
        return answer({"code": _new_code(world, "login", await read_json(request))})

    async def phone_codes(request: web.Request) -> web.Response:
        return answer({"code": _new_code(world, "phone", await read_json(request))})

    async def subscriptions(request: web.Request) -> web.Response:
        return answer(await _answer_panel(world, await read_json(request)))

    async def messages(request: web.Request) -> web.Response:
        return answer(await _write_to_service(world, await read_json(request)))

    async def push_check(request: web.Request) -> web.Response:
        return answer(await _check_push(world, await read_json(request)))

    async def revoke(request: web.Request) -> web.Response:
        return answer({"revoked": revoke_tokens(world, _need_app(world, await read_json(request)).app_id)})

    return [
        web.post("/login-codes", login_codes),
        web.post("/phone-codes", phone_codes),
        web.post("/subscriptions", subscriptions),
        web.post("/messages", messages),
        web.post("/push-check", push_check),
        web.post("/tokens/revoke", revoke),
    ]


def _need_app(world: World, body: dict[str, Any]) -> WeChatApp:
    """Return the app named by `app_id`, or the first one when the field is absent.

    Raises: ControlError (404).
    """
    apps = world.config.wechat.apps
    app = find_app(world, need_text(body, "app_id")) if "app_id" in body else next(iter(apps), None)
    if app is None:
        raise ControlError("no such WeChat app", 404)
    return app


def _need_push(app: WeChatApp) -> None:
    if not app.push_token or len(app.push_aes_key) != 43:
        raise ControlError(f"app {app.app_id} has no push_token and 43-character push_aes_key")


def _new_code(world: World, kind: str, body: dict[str, Any]) -> str:
    return make_code(world, kind, need_person(world, body).key, _need_app(world, body).app_id)


async def _answer_panel(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Book the answer and push it: the panel's event, or with `"via": "settings"` the change event (reject only)."""
    person, app = need_person(world, body), _need_app(world, body)
    result, long_term, count = body.get("result", "accept"), body.get("long_term", False), body.get("count", 1)
    if result not in ("accept", "reject", "ban"):
        raise ControlError("result: accept, reject or ban")
    if not isinstance(long_term, bool) or not isinstance(count, int) or not 1 <= count <= 1_000_000:
        raise ControlError("long_term: true or false; count: 1 or more")
    _need_push(app)
    openid = openid_of(app.app_id, person.key)
    ids = body.get("template_ids") or [need_text(body, "template_id")]
    if not isinstance(ids, list) or not all(isinstance(template_id, str) for template_id in ids):
        raise ControlError("template_ids: a list of texts")
    stock = {
        template_id: grant_permission(world, app.app_id, openid, template_id, result, long_term=long_term, count=count)
        for template_id in ids
    }
    if body.get("push", True) is False:
        return {"openid": openid, "stock": stock, "callback": None}
    rows = [{"TemplateId": template_id, "SubscribeStatusString": result} for template_id in ids]
    settings = body.get("via") == "settings"
    if not settings:
        rows = [row | {"PopupScene": "0"} for row in rows]
    event = "subscribe_msg_change_event" if settings else "subscribe_msg_popup_event"
    fields = {"MsgType": "event", "Event": event, "List": rows[0] if len(rows) == 1 else rows}
    attempt = await push(world, app, openid, event, fields).first(FIRST_ANSWER_SECONDS)
    return {"openid": openid, "stock": stock, "callback": attempt.as_json() if attempt else None}


async def _write_to_service(world: World, body: dict[str, Any]) -> dict[str, Any]:
    person, app, text = need_person(world, body), _need_app(world, body), need_text(body, "text")
    _need_push(app)
    openid = openid_of(app.app_id, person.key)
    open_conversation(world, app.app_id, openid)
    message_id = int(world.clock.timestamp() * 1_000_000)
    fields = {"MsgType": "text", "Content": text, "MsgId": message_id}
    attempt = await push(world, app, openid, "customer_message", fields).first(FIRST_ANSWER_SECONDS)
    return {"openid": openid, "MsgId": message_id, "callback": attempt.as_json() if attempt else None}


async def _check_push(world: World, body: dict[str, Any]) -> dict[str, Any]:
    app = _need_app(world, body)
    _need_push(app)
    delivery, echo = verify_url(world, app)
    attempt = await delivery.first(5.0)
    if attempt is None:
        raise ControlError("the backend did not answer")
    return {"ok": attempt.accepted, "echostr": echo, "status": attempt.status, "answer": attempt.answer}
