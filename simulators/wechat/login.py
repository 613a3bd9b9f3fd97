"""Who the user is: login codes, session keys, phone numbers and the real-name check of one mini-program.

Codes are one-time for five minutes; `demo-<person>` and `demo-phone-<person>` are documented reusable ones.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any

from simulators.config import Person
from simulators.core import World
from simulators.exchange import Exchange
from simulators.people import openid_of, unionid_of
from simulators.wechat.tokens import app_of_token
from simulators.wechat.wire import PROVIDER, WeChatError, check_app, read_body, text_of

CODE_SECONDS = 300


def make_code(world: World, kind: str, person_key: str, app_id: str) -> str:
    """Return a new one-time code of kind `login` or `phone` (wx.login, getPhoneNumber) for this person."""
    now = world.clock.timestamp()
    codes = world.state.table(PROVIDER, "codes")
    for old in [code for code, row in codes.items() if row["expires_at"] < now - CODE_SECONDS]:
        del codes[old]
    code = secrets.token_urlsafe(24) if kind == "login" else secrets.token_hex(32)
    codes[code] = {
        "kind": kind,
        "person": person_key,
        "app_id": app_id,
        "expires_at": now + CODE_SECONDS,
        "used": False,
    }
    world.state.touch()
    return code


def jscode2session(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer GET /sns/jscode2session with openid and a new session_key.

    Source: 小程序登录 code2Session, 2026-07.
    """
    query = exchange.request.query
    app_id = query.get("appid", "")
    exchange.note(app_id=app_id)
    app = check_app(world, app_id, query.get("secret", ""))
    if query.get("grant_type") != "authorization_code":
        raise WeChatError(40002, "invalid grant_type")
    person = _redeem(world, "login", query.get("js_code", ""), app_id)
    openid = openid_of(app_id, person.key)
    session_key = base64.b64encode(secrets.token_bytes(16)).decode()
    world.state.table(PROVIDER, "session_keys")[f"{app_id}:{openid}"] = session_key
    world.state.touch()
    exchange.note(openid=openid, person=person.key)
    answer = {"session_key": session_key, "openid": openid}
    return answer | {"unionid": unionid_of(person.key)} if app.open_platform else answer


def check_session(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer GET /wxa/checksession: does the signature come from the current session_key?

    Source: 检验登录态 checkSessionKey, 2026-07 (empty message, key = session_key text).
    """
    app_id = app_of_token(world, exchange)
    query = exchange.request.query
    if query.get("sig_method") != "hmac_sha256":
        raise WeChatError(87008, "invalid sig_method")
    session_key = world.state.table(PROVIDER, "session_keys").get(f"{app_id}:{query.get('openid', '')}")
    if session_key is None:
        raise WeChatError(87007, "session_key is not existed or expired")
    expected = hmac.new(session_key.encode(), b"", hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
        raise WeChatError(87009, "invalid signature")
    return {"errcode": 0, "errmsg": "ok"}


def get_user_phone_number(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer POST /wxa/business/getuserphonenumber.

    Source: 手机号快速验证 getPhoneNumber, 2026-07.
    """
    app_id = app_of_token(world, exchange)
    body = read_body(exchange)
    person = _redeem(world, "phone", text_of(body, "code"), app_id)
    openid = text_of(body, "openid")
    if openid and openid != openid_of(app_id, person.key):
        raise WeChatError(40003, "invalid openid")
    exchange.note(person=person.key)
    watermark_app = "wx" + "0" * 16 if exchange.struck("wrong_app") else app_id
    return {
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": person.phone,
            "purePhoneNumber": person.phone,
            "countryCode": "86",
            "watermark": {"timestamp": world.clock.wire_timestamp(), "appid": watermark_app},
        },
    }


def check_real_name_info(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer POST /intp/realname/checkrealnameinfo: is this name and ID number a pair, and this openid's own?

    Source: 城市服务 实名信息校验, 2026-07.
    """
    app_id = app_of_token(world, exchange)
    body = read_body(exchange)
    openid, name, number = (text_of(body, field) for field in ("openid", "real_name", "cred_id"))
    if text_of(body, "cred_type") != "1" or not name or not number:
        raise WeChatError(40097, "invalid args")
    owner = world.people.find_by_openid(app_id, openid)
    if owner is None:
        raise WeChatError(40003, "invalid openid")
    matches = any((person.name, person.id_number) == (name, number) for person in world.people.all())
    own = (owner.name, owner.id_number) == (name, number)
    exchange.note(openid=openid)
    return {
        "errcode": 0,
        "errmsg": "ok",
        "verify_openid": "V_OP_NM_MA" if own else "V_OP_NM_UM",
        "verify_real_name": "V_NM_ID_MA" if matches else "V_NM_ID_UM",
    }


def _redeem(world: World, kind: str, code: str, app_id: str) -> Person:
    """Use a code up and return its person.

    Raises: WeChatError 41008 missing, 40163 used, 40029 unknown or expired, 40013 made for another app.
    """
    if not code:
        raise WeChatError(41008, "missing code")
    prefix = "demo-" if kind == "login" else "demo-phone-"
    person = world.people.find(code.removeprefix(prefix)) if code.startswith(prefix) else None
    if person is not None:
        return person
    row = world.state.table(PROVIDER, "codes").get(code)
    if row is None or row["kind"] != kind or row["expires_at"] <= world.clock.timestamp():
        raise WeChatError(40029, "invalid code")
    if row["app_id"] != app_id:
        raise WeChatError(40013 if kind == "phone" else 40029, "invalid appid")
    if row["used"]:
        raise WeChatError(40163 if kind == "login" else 40029, "code been used")
    owner = world.people.find(row["person"])
    if owner is None:
        raise WeChatError(40029, "invalid code")
    row["used"] = True
    world.state.touch()
    return owner
