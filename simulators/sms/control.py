"""Receipts on demand: the control API of the SMS simulator, mounted under /control/sms/."""

from aiohttp import web

from simulators.control import ControlError, answer, read_json
from simulators.core import World
from simulators.sms import receipts
from simulators.sms.texts import texts


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/sms."""

    async def list_texts(_: web.Request) -> web.Response:
        return answer([{"biz_id": biz_id, **text} for biz_id, text in texts(world).items()])

    async def receipt(request: web.Request) -> web.Response:
        """Push the receipt of one accepted text to the account's receipt_url."""
        biz_id, body = request.match_info["biz_id"], await read_json(request)
        if biz_id not in texts(world):
            raise ControlError("no such message", 404)
        success = body.get("success", True) is True
        err_code = str(body.get("err_code") or ("DELIVERED" if success else "UNDELIV"))
        delivery = receipts.push(world, biz_id, success, err_code)
        attempt = await delivery.first() if delivery else None
        return answer({"callback": attempt.as_json() if attempt else None})

    return [web.get("/messages", list_texts), web.post("/messages/{biz_id}/receipt", receipt)]
