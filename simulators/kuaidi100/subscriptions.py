"""Subscriptions and the pushes that follow: the complete history each time, signed with the subscriber's salt.

Called by the gateway, by orders and by the control API.
"""

import json
from typing import Any, cast
from urllib.parse import urlencode

from simulators.callbacks import Delivery, Message
from simulators.core import World
from simulators.kuaidi100 import nodes, parcels, signing
from simulators.kuaidi100.answers import Refusal, dumps, text
from simulators.kuaidi100.parcels import Parcel

Subscription = dict[str, Any]
SCHEDULE = (1_900, 1_900, 1_900)
"""Three repeats, 30 to 35 minutes apart."""
_FIRST_PUSH_SECONDS = 900
_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}


def subscriptions(world: World) -> dict[str, Subscription]:
    """Return all subscriptions by waybill number."""
    return cast(dict[str, Subscription], world.state.table("kuaidi100", "subscriptions"))


def subscribe(world: World, data: dict[str, Any]) -> None:
    """Take a subscription. Raises: Refusal, also with 501 for one that is followed already.

    Source: 快递100 快递信息推送服务, 订阅接口 and its 信息代码.
    """
    number, company = text(data, "number"), text(data, "company")
    parameters = data.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if any("火星" in text(data, name) for name in ("from", "to")):
        raise Refusal("400")
    if not 6 <= len(number) <= 32 or not text(parameters, "callbackurl").startswith("http"):
        raise Refusal("700")
    if not company:
        if text(parameters, "autoCom") != "1":
            raise Refusal("700")
        company = next(iter(guess(world, number)), "")
        if not company:
            raise Refusal("702")
    if company not in parcels.CARRIERS:
        raise Refusal("700")
    if company in parcels.NEED_PHONE and not text(parameters, "phone"):
        raise Refusal("700", "该快递公司须提供收、寄件人手机号")
    known = subscriptions(world).get(number)
    if known and known["status"] == "polling":
        raise Refusal("501")
    follow(world, number, company, parameters)


def follow(world: World, number: str, company: str, parameters: dict[str, Any]) -> None:
    """Keep a subscription; what is known already is pushed a quarter of an hour later."""
    subscriptions(world)[number] = {
        "number": number,
        "company": company,
        "callback_url": text(parameters, "callbackurl"),
        "salt": parameters["salt"] if isinstance(parameters.get("salt"), str) else None,
        "status": "polling",
    }
    world.state.touch()
    parcel = parcels.of_number(world, number, company)
    if parcel and parcel["events"]:
        delay = _FIRST_PUSH_SECONDS * world.config.retry_scale
        push(world, parcel, delay_seconds=delay)


def guess(world: World, number: str) -> list[str]:
    """Name the companies that a number may belong to, likeliest first. Source: 快递100 智能单号识别."""
    known = parcels.of_number(world, number)
    by_prefix = [code for code, prefix in parcels.CARRIERS.items() if number.upper().startswith(prefix)]
    return list(dict.fromkeys(([known["carrier"]] if known else []) + by_prefix))


def push(
    world: World,
    parcel: Parcel,
    *,
    oldest_first: bool = False,
    status: str = "",
    message: str = "",
    corrected: tuple[str, str] | None = None,
    delay_seconds: float = 0,
) -> list[Delivery]:
    """Push a parcel's history to who follows it; nothing where nobody does.

    Source: 快递100 推送接口 (status, comOld, comNew, lastResult).
    """
    wanted = subscriptions(world).get(parcel["waybill_no"])
    if wanted is None or wanted["status"] == "abort":
        return []
    track = parcels.track(parcel, oldest_first=oldest_first)
    ended = bool(parcel["events"]) and parcel["events"][-1]["statusCode"] in nodes.ENDS
    was_over, wanted["status"] = wanted["status"] == "shutdown", "shutdown" if ended else "polling"
    if status:
        wanted["status"] = status
    former, new = corrected or ("", "")
    content = {
        "status": status or ("updateall" if was_over and not ended else wanted["status"]),
        "billstatus": "check" if ended else "got",
        "message": message,
        "autoCheck": "1" if corrected else "0",
        "comOld": former,
        "comNew": new,
        "lastResult": track,
    }
    world.state.touch()
    return [send(world, "push", wanted["callback_url"], dumps(content), wanted["salt"], {}, delay_seconds)]


def send(
    world: World, kind: str, url: str, param: str, salt: str | None, more: dict[str, str], delay_seconds: float = 0
) -> Delivery:
    """Send a signed form, repeated until the other side answers result true and returnCode 200.

    An armed fault `wrong_signature` or `unsigned` of the call `push` or `callback` spoils it.
    """
    fault = world.faults.take("kuaidi100", kind)
    form = {"param": param, **more}
    if salt is not None and not (fault and fault.kind == "unsigned"):
        form["sign"] = signing.sign(param, salt, "x" if fault and fault.kind == "wrong_signature" else "")
    message = Message(url, urlencode(form).encode(), _FORM)
    return world.callbacks.send(
        "kuaidi100", kind, lambda: message, accepted=_accepted, schedule=SCHEDULE, delay_seconds=delay_seconds
    )


def _accepted(status: int, body: str) -> bool:
    try:
        answer = json.loads(body)
        return status == 200 and answer.get("result") is True and str(answer.get("returnCode")) == "200"
    except (ValueError, AttributeError):
        return False
