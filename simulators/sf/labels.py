"""Labels: the cloud printing service, and the download that wants its token. Mounted on the SF port."""

import hmac
import secrets
from typing import Any

from aiohttp import web

from simulators.core import World
from simulators.exchange import Exchange, serve
from simulators.fiscal.pdf import document
from simulators.sf.envelope import ServiceRefusal
from simulators.sf.orders import Call

_MOST = 20


def print_waybills(call: Call) -> dict[str, Any]:
    """Draw labels and say where each can be fetched, with which token.

    Source: 丰桥 云打印面单 2.0 接口 COM_RECE_CLOUD_PRINT_WAYBILLS. Raises: ServiceRefusal.
    """
    documents = call.data.get("documents")
    if not isinstance(documents, list) or not 0 < len(documents) <= _MOST:
        raise ServiceRefusal("S0007", "documents 不正确")
    if call.data.get("templateCode") != f"fm_76130_standard_{call.partner.partner_id}":
        raise ServiceRefusal("10005", "模板编码不存在")
    return {"obj": {"fileType": "pdf", "files": [_file(call, str(row["masterWaybillNo"])) for row in documents]}}


def _file(call: Call, number: str) -> dict[str, Any]:
    if number not in call.world.state.table("sf", "waybills"):
        raise ServiceRefusal("8024", "未查到该运单")
    token = secrets.token_hex(16)
    call.world.state.table("sf", "labels")[number] = token
    return {"waybillNo": number, "url": f"{call.world.addresses['sf']}/labels/{number}.pdf", "token": f"AUTH_{token}"}


async def download(world: World, request: web.Request) -> web.Response:
    """Give a label to whoever shows its token. Source: 丰桥 云打印面单 2.0 接口, 文件下载 (X-Auth-token)."""

    async def run(_: Exchange) -> web.Response:
        number = request.match_info["number"]
        token = world.state.table("sf", "labels").get(number, "")
        shown = request.headers.get("X-Auth-token", "")
        if not token or not hmac.compare_digest(shown.encode(), f"AUTH_{token}".encode()):
            return web.Response(status=401)
        return web.Response(body=document(["顺丰速运", f"运单号 {number}"]), content_type="application/pdf")

    return await serve(world, "sf", "label_download", request, run)
