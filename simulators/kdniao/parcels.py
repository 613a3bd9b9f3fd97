"""Parcels as 快递鸟 keeps them: ordered there or followed only, with their road. Called by gateway and control.

Keeps no names or addresses, only the tails of phone numbers.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from simulators.clock import BEIJING
from simulators.core import World
from simulators.kdniao.roads import Step, base_state

Parcel = dict[str, Any]
TIME = "%Y-%m-%d %H:%M:%S"
CARRIERS = ("SF", "EMS", "YZPY", "JD", "YTO", "ZTO", "STO", "YD", "JTSD", "DBL")
_PHONE_OF_COURIER = "13900000009"


def parcels(world: World) -> dict[str, Parcel]:
    """Return all parcels by order number; call `world.state.touch` after a change."""
    return cast(dict[str, Parcel], world.state.table("kdniao", "parcels"))


def of_number(world: World, waybill_no: str) -> Parcel | None:
    """Return the parcel of a waybill."""
    return parcels(world).get(world.state.table("kdniao", "waybills").get(waybill_no, ""))


def add(world: World, order_code: str, carrier: str, phone_tails: list[str], business_id: str) -> Parcel:
    """Note a parcel with a new waybill; `business_id` is "" where nobody ordered it here."""
    parcel: Parcel = {
        "order_id": order_code,
        "business_id": business_id,
        "carrier": carrier,
        "waybill_no": f"KN{secrets.randbelow(10**12):012d}",
        "kdn_order_code": f"KDN{secrets.randbelow(10**14):014d}",
        "phone_tails": phone_tails,
        "status": "CREATED",
        "followers": {},
        "traces": [],
    }
    parcels(world)[order_code] = parcel
    world.state.table("kdniao", "waybills")[parcel["waybill_no"]] = order_code
    world.state.touch()
    return parcel


def add_step(world: World, parcel: Parcel, step: Step) -> dict[str, Any]:
    """Append one event to the road: now, but at least a second after the one before."""
    moment = world.clock.beijing().replace(microsecond=0)
    if parcel["traces"]:
        last = datetime.strptime(parcel["traces"][-1]["AcceptTime"], TIME).replace(tzinfo=BEIJING)
        moment = max(moment, last + timedelta(seconds=1))
    trace = {
        "AcceptTime": moment.strftime(TIME),
        "AcceptStation": step.station,
        "Location": "太原市" if len(parcel["traces"]) < 2 else "大同市",
        "Action": step.action,
        "Remark": "",
    }
    parcel["traces"].append(trace)
    world.state.touch()
    return trace


def is_collected(parcel: Parcel) -> bool:
    """Tell whether the carrier has it."""
    return any(trace["Action"] not in ("0", "10") for trace in parcel["traces"])


def road(parcel: Parcel, callback: str = "") -> dict[str, Any]:
    """Return the whole road as answers and pushes show it.

    Source: 快递鸟 即时查询 (增值版) 8001, 轨迹推送 (增值版) 102.
    """
    last = parcel["traces"][-1]["Action"] if parcel["traces"] else "0"
    shown = {
        "OrderCode": parcel["order_id"] if parcel["business_id"] else "",
        "ShipperCode": parcel["carrier"],
        "LogisticCode": parcel["waybill_no"],
        "Success": True,
        "Reason": "" if parcel["traces"] else "暂无轨迹信息",
        "State": base_state(last),
        "StateEx": last,
        "Location": parcel["traces"][-1]["Location"] if parcel["traces"] else "",
        "Callback": callback,
        "Traces": parcel["traces"],
    }
    if any(trace["Action"] == "202" for trace in parcel["traces"]):
        shown |= {"DeliveryMan": "派件员", "DeliveryManTel": _PHONE_OF_COURIER}
    return shown
