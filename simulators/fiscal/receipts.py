"""Receipts (财政电子票据), red letters (红冲) and the document behind their link.

Source: docs/providers/fiscal.md, receipt/* (profile).
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulators.core import World
from simulators.fiscal.fields import Refusal, need_fen, need_text, time_text, yuan
from simulators.fiscal.notices import Notice, find
from simulators.fiscal.payments import is_confirmed
from simulators.fiscal.pdf import document
from simulators.fiscal.platform import SECTION, notices, reversals, switch_seconds
from simulators.fiscal.wire import Call

_CHECK_SIGNS = "0123456789abcdef"


def query(call: Call) -> dict[str, Any]:
    """Answer the receipt of a notice, or that it is not issued yet. Raises: Refusal NT1001."""
    row = find(call)
    receipt = _blue(call.world, row)
    issued = {"State": "ISSUED", "Receipt": _shown(call.world, receipt)} if receipt else {"State": "PROCESSING"}
    return {"PayCode": row["pay_code"], **issued}


def reverse(call: Call) -> dict[str, Any]:
    """Reverse all or a part of a confirmed payment. Raises: Refusal NT1001, NT1002, NT1007, NT1008, NT1009."""
    row, amount_fen = find(call), need_fen(call.content, "Amt")
    out_refund_no = need_text(call.content, "OutRefundNo", 64)
    need_text(call.content, "Reason", 200, 0)
    call.exchange.note(out_refund_no=out_refund_no)
    reversal = reversals(call.world).get(f"{call.app_id}:{out_refund_no}")
    if reversal is None:
        _check_reversible(call.world, row, amount_fen)
        reversal = _take(call, row, out_refund_no, amount_fen)
    elif (reversal["pay_code"], reversal["amount_fen"]) != (row["pay_code"], amount_fen):
        raise Refusal("NT1002")
    named = {"PayCode": row["pay_code"], "OutRefundNo": out_refund_no, "Amt": call.content["Amt"]}
    receipt = _red(call.world, row, reversal)
    if receipt is None:
        return named | {"State": "PROCESSING"}
    return named | {"State": "REVERSED", "Receipt": _shown(call.world, receipt)}


def page(world: World) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of a receipt's link: a PDF of one page."""

    async def handle(request: web.Request) -> web.Response:
        found = world.state.table(SECTION, "receipts").get(request.match_info["token"])
        if found is None:
            raise web.HTTPNotFound
        content = notices(world)[found["pay_code"]]["content"]
        lines = (
            "财政电子票据（模拟）" + ("　红字" if found["kind"] == "RED" else ""),
            f"票据代码：{found['code']}　　票据号码：{found['number']}",
            f"校验码：{found['check_code']}　　开票时间：{time_text(found['issued_at'])}",
            f"收款单位：{content['AgenName']}",
            f"缴款码：{found['pay_code']}",
            f"项目：{content['Title']}",
            f"金额：{'-' if found['kind'] == 'RED' else ''}{yuan(found['amount_fen'])} 元",
        )
        return web.Response(body=document(lines), content_type="application/pdf")

    return handle


def _check_reversible(world: World, row: Notice, amount_fen: int) -> None:
    if row["payment"] is None:
        raise Refusal("NT1007")
    if not is_confirmed(world, row):
        raise Refusal("NT1008")
    done_fen = sum(one["amount_fen"] for one in reversals(world).values() if one["pay_code"] == row["pay_code"])
    if done_fen + amount_fen > row["payment"]["amount_fen"]:
        raise Refusal("NT1009")


def _take(call: Call, row: Notice, out_refund_no: str, amount_fen: int) -> dict[str, Any]:
    reversal = {
        "app_id": call.app_id,
        "pay_code": row["pay_code"],
        "out_refund_no": out_refund_no,
        "amount_fen": amount_fen,
        "done_at": call.world.clock.timestamp() + switch_seconds(call.world, "reverse_seconds"),
        "receipt": None,
    }
    reversals(call.world)[f"{call.app_id}:{out_refund_no}"] = reversal
    call.world.state.touch()
    return reversal


def _blue(world: World, row: Notice) -> dict[str, Any] | None:
    payment = row["payment"]
    if payment is None:
        return None
    issued_at = payment["confirm_at"] + switch_seconds(world, "receipt_seconds")
    if payment["receipt"] is None and issued_at <= world.clock.timestamp():
        payment["receipt"] = _issue(world, row, "BLUE", payment["amount_fen"], issued_at)
    return _of_token(world, payment["receipt"])


def _red(world: World, row: Notice, reversal: dict[str, Any]) -> dict[str, Any] | None:
    if reversal["receipt"] is None and reversal["done_at"] <= world.clock.timestamp():
        reversal["receipt"] = _issue(world, row, "RED", reversal["amount_fen"], reversal["done_at"])
    return _of_token(world, reversal["receipt"])


def _of_token(world: World, token: str | None) -> dict[str, Any] | None:
    return None if token is None else world.state.table(SECTION, "receipts")[token]


def _issue(world: World, row: Notice, kind: str, amount_fen: int, issued_at: float) -> str:
    """Number a receipt: 监管机构 division, class 01, kind 01, year; then a running number. Return its link's token."""
    receipts = world.state.table(SECTION, "receipts")
    token = secrets.token_hex(16)
    receipts[token] = {
        "pay_code": row["pay_code"],
        "kind": kind,
        "code": f"{row['region'][:2]}0101{time_text(issued_at)[2:4]}",
        "number": f"{len(receipts) + 1:010d}",
        "check_code": "".join(secrets.choice(_CHECK_SIGNS) for _ in range(6)),
        "amount_fen": amount_fen,
        "issued_at": issued_at,
        "token": token,
    }
    world.state.touch()
    return token


def _shown(world: World, receipt: dict[str, Any]) -> dict[str, str]:
    return {
        "Kind": receipt["kind"],
        "EInvoiceCode": receipt["code"],
        "EInvoiceNumber": receipt["number"],
        "CheckCode": receipt["check_code"],
        "Amt": yuan(receipt["amount_fen"]),
        "IssueTime": time_text(receipt["issued_at"]),
        "Url": f"{world.addresses[SECTION]}/receipts/{receipt['token']}.pdf",
    }
