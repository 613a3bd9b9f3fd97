"""Track pushes: the whole road of a parcel to everybody who follows it, signed, repeated until it is taken."""

import json
from urllib.parse import urlencode

from simulators.callbacks import Delivery, Message
from simulators.config import KdniaoAccount
from simulators.core import World
from simulators.kdniao import parcels, signing
from simulators.kdniao.parcels import Parcel

SCHEDULE = (60, 300, 1800, 3600)
"""Seconds between tries; the vendor publishes none."""


def push(world: World, parcel: Parcel, *, newest_first: bool = False) -> list[Delivery]:
    """Send the road once to each follower. Source: 快递鸟 轨迹推送 (增值版) 102."""
    accounts = {account.business_id: account for account in world.config.kdniao.accounts if account.push_url}
    return [
        _send(world, accounts[business_id], parcel, callback, newest_first)
        for business_id, callback in parcel["followers"].items()
        if business_id in accounts
    ]


def _send(world: World, account: KdniaoAccount, parcel: Parcel, callback: str, newest_first: bool) -> Delivery:
    shown = parcels.road(parcel, callback)
    if newest_first:
        shown |= {"Traces": shown["Traces"][::-1]}
    told = {
        "EBusinessID": account.business_id,
        "PushTime": world.clock.beijing().strftime(parcels.TIME),
        "Count": "1",
        "Data": [shown],
    }
    data = json.dumps(told, ensure_ascii=False)
    form = {
        "RequestData": data,
        "EBusinessID": account.business_id,
        "RequestType": "102",
        "DataSign": signing.digest(data, account.app_key),
        "DataType": "2",
    }
    message = Message(
        account.push_url,
        urlencode(form).encode(),
        {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
    )
    return world.callbacks.send("kdniao", "102", lambda: message, accepted=_accepted, schedule=SCHEDULE)


def _accepted(status: int, text: str) -> bool:
    try:
        return status == 200 and json.loads(text).get("Success") is True
    except (ValueError, AttributeError):
        return False
