"""Parcels as 快递100 sees them: ordered through it, or a carrier's own; their events and tracks.

Keeps no names or addresses, only the tails of phone numbers. Call `world.state.touch` after a change.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from simulators.clock import BEIJING
from simulators.core import World
from simulators.kuaidi100 import nodes
from simulators.kuaidi100.nodes import Node

Parcel = dict[str, Any]
CARRIERS = {
    "ems": "11",
    "youzhengguonei": "99",
    "youzhengbk": "98",
    "shunfeng": "SF",
    "jd": "JD",
    "yuantong": "YT",
    "zhongtong": "76",
    "shentong": "77",
    "yunda": "46",
    "jtexpress": "JT",
    "debangkuaidi": "DPK",
}
"""Company code → how its numbers begin."""
NEED_PHONE = ("shunfeng", "zhongtong")
_TIME = "%Y-%m-%d %H:%M:%S"


def parcels(world: World) -> dict[str, Parcel]:
    """Return all parcels by order_id (thirdOrderId of an order)."""
    return cast(dict[str, Parcel], world.state.table("kuaidi100", "parcels"))


def of_number(world: World, waybill_no: str, carrier: str = "") -> Parcel | None:
    """Return the parcel of a waybill number; with `carrier` only if that carries it."""
    order_id = world.state.table("kuaidi100", "waybills").get(waybill_no, "")
    parcel = parcels(world).get(order_id)
    return parcel if parcel and carrier in ("", parcel["carrier"]) else None


def new_waybill_no(carrier: str) -> str:
    """Make a number as this carrier prints it."""
    return f"{CARRIERS.get(carrier, '')}{secrets.randbelow(10**13):013d}"


def add(world: World, order_id: str, carrier: str, phone_tails: list[str], waybill_no: str, **more: Any) -> Parcel:
    """Keep a new parcel."""
    parcel: Parcel = {
        "order_id": order_id,
        "carrier": carrier,
        "waybill_no": "",
        "phone_tails": phone_tails,
        "events": [],
        "created_at": world.clock.timestamp(),
        **more,
    }
    parcels(world)[order_id] = parcel
    if waybill_no:
        give_number(world, parcel, waybill_no)
    world.state.touch()
    return parcel


def give_number(world: World, parcel: Parcel, waybill_no: str) -> None:
    """Give a parcel its waybill number."""
    parcel["waybill_no"] = waybill_no
    world.state.table("kuaidi100", "waybills")[waybill_no] = parcel["order_id"]
    world.state.touch()


def add_event(world: World, parcel: Parcel, node: Node) -> dict[str, Any]:
    """Append an event, at least a second after the one before, and return it as it is shown."""
    moment = world.clock.beijing().replace(microsecond=0)
    if parcel["events"]:
        last = datetime.strptime(parcel["events"][-1]["ftime"], _TIME).replace(tzinfo=BEIJING)
        moment = max(moment, last + timedelta(seconds=1))
    place = "山西,太原市" if len(parcel["events"]) < 3 else "山西,大同市"
    event = {
        "context": node.context,
        "time": moment.strftime(_TIME),
        "ftime": moment.strftime(_TIME),
        "status": nodes.state_name(node.code),
        "statusCode": node.code,
        "areaCode": "CN140100000000" if place.endswith("太原市") else "CN140200000000",
        "areaName": place,
        "areaCenter": "112.549248,37.857014",
        "location": "",
    }
    parcel["events"].append(event)
    world.state.touch()
    return event


def track(parcel: Parcel, *, oldest_first: bool = False) -> dict[str, Any]:
    """Return the whole track, newest first unless told otherwise.

    Source: 快递100 推送接口, lastResult; 实时查询, 返回结果 (resultv2=8: routeInfo and arrivalTime, names unconfirmed).
    """
    events = parcel["events"] if oldest_first else parcel["events"][::-1]
    code = parcel["events"][-1]["statusCode"] if parcel["events"] else "0"
    shown = {
        "message": "ok",
        "state": nodes.state_of(code),
        "status": "200",
        "condition": "F00" if code in nodes.ENDS else "00",
        "ischeck": "1" if nodes.state_of(code) == "3" else "0",
        "com": parcel["carrier"],
        "nu": parcel["waybill_no"],
        "data": events,
    }
    if parcel["events"]:
        first = datetime.strptime(parcel["events"][0]["ftime"], _TIME).replace(tzinfo=BEIJING)
        ahead = first + timedelta(days=2)
        shown["arrivalTime"] = ahead.strftime("%Y-%m-%d %H")
        shown["routeInfo"] = {
            "from": {"number": "CN140100000000", "name": "山西,太原市"},
            "cur": {"number": parcel["events"][-1]["areaCode"], "name": parcel["events"][-1]["areaName"]},
            "to": {"number": "CN140200000000", "name": "山西,大同市"},
        }
    return shown
