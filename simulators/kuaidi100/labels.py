"""Labels as images, and the address where they are fetched. Used by the 快递100 simulator only."""

import io
import math
from typing import Any

from aiohttp import web
from PIL import Image, ImageDraw

from simulators.core import World
from simulators.kuaidi100 import orders
from simulators.kuaidi100.answers import Refusal

PATH = "/label/getImage"
_SIZE = (800, 1200)


def reprint(world: World, data: dict[str, Any]) -> dict[str, Any]:
    """Name the address of a label once more. Source: 快递100 电子面单 V2, 复打 printOld. Raises: Refusal."""
    parcel = orders.find(world, data)
    if not parcel["has_label"] or not parcel["waybill_no"]:
        raise Refusal("400", "该任务没有面单")
    address = f"{world.addresses['kuaidi100']}{PATH}/{parcel['task_id']}"
    return {"taskId": parcel["task_id"], "kuaidinum": parcel["waybill_no"], "label": address}


async def show(world: World, request: web.Request) -> web.Response:
    """Serve the image of a label; nobody's name is on it, as with needDesensitization."""
    try:
        parcel = orders.find(world, {"taskId": request.match_info["task_id"]})
    except Refusal:
        raise web.HTTPNotFound from None
    return web.Response(body=_image(parcel["carrier"], parcel["waybill_no"]), content_type="image/png")


def _image(carrier: str, waybill_no: str) -> bytes:
    page = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(page)
    pen.rectangle((10, 10, _SIZE[0] - 10, _SIZE[1] - 10), outline=0, width=4)
    for place, character in enumerate(waybill_no):
        left = 60 + place * math.floor(680 / max(1, len(waybill_no)))
        pen.rectangle((left, 80, left + 4 + ord(character) % 16, 260), fill=0)
    pen.text((60, 280), f"{carrier}  {waybill_no}", fill=0)
    target = io.BytesIO()
    page.save(target, "PNG")
    return target.getvalue()
