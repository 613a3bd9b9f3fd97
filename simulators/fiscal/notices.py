"""Payment notices (缴款通知): issue, query, void, and what is due on a day (滞纳金).

Source: docs/providers/fiscal.md, notice/* (profile).
"""

import secrets
from datetime import date
from typing import Any

from simulators.core import World
from simulators.fiscal.fields import Refusal, day_of, need_date, need_fen, need_text, yuan
from simulators.fiscal.platform import SECTION, notices
from simulators.fiscal.wire import Call

UNPAID, PAID, VOID = "0", "1", "2"
_TEXTS = {"AgenCode": 32, "AgenName": 100, "Title": 100}
_MOST_ITEMS = 50

Notice = dict[str, Any]


def issue(call: Call) -> dict[str, Any]:
    """Issue a notice; the same number with equal content gives the same 缴款码. Raises: Refusal."""
    content = _content(call)
    biz_no = content["BizNo"]
    numbers = call.world.state.table(SECTION, "biz_nos")
    known = numbers.get(f"{call.app_id}:{biz_no}")
    if known is not None:
        row: Notice = notices(call.world)[known]
        if row["content"] != content:
            raise Refusal("NT1002")
        call.exchange.note(pay_code=known, biz_no=biz_no)
        return shown(call.world, row)
    pay_code = _new_code(call)
    row = {
        "app_id": call.app_id,
        "region": call.app.config.region,
        "pay_code": pay_code,
        "crc_code": f"{secrets.randbelow(10_000):04d}",
        "content": content,
        "original_fen": int(content["OriAmt"].replace(".", "")),
        "voided": False,
        "late_fee": None,
        "payment": None,
    }
    numbers[f"{call.app_id}:{biz_no}"] = pay_code
    notices(call.world)[pay_code] = row
    call.world.state.touch()
    call.exchange.note(pay_code=pay_code, biz_no=biz_no)
    return shown(call.world, row)


def query(call: Call) -> dict[str, Any]:
    """Answer what is due now and how the notice stands. Raises: Refusal NT1001."""
    return shown(call.world, find(call))


def void(call: Call) -> dict[str, Any]:
    """Withdraw an unpaid notice; twice is once. Raises: Refusal NT1001, NT1006."""
    row = find(call)
    if row["payment"] is not None:
        raise Refusal("NT1006")
    row["voided"] = True
    call.world.state.touch()
    return {"PayCode": row["pay_code"], "Status": VOID}


def find(call: Call) -> Notice:
    """Return the notice that a call names; somebody else's is unknown. Raises: Refusal NT1001."""
    pay_code = need_text(call.content, "PayCode", 20)
    call.exchange.note(pay_code=pay_code)
    row: Notice | None = notices(call.world).get(pay_code)
    if row is None or row["app_id"] != call.app_id:
        raise Refusal("NT1001")
    return row


def due_fen(world: World, row: Notice, at: float) -> int:
    """Return what is due at a moment: the original sum and the late fee of that day, never above the sum itself."""
    changed = row["late_fee"]
    if changed is not None and at >= changed["since"]:
        return int(row["original_fen"] + changed["fen"])
    due_on = row["content"]["DueDate"]
    days = max(0, (day_of(at) - date.fromisoformat(due_on)).days) if due_on else 0
    parts = row["original_fen"] * days * world.config.fiscal.late_fee_basis_points
    return int(row["original_fen"] + min(row["original_fen"], -(-parts // 10_000)))


def shown(world: World, row: Notice) -> dict[str, Any]:
    """Return a notice as a query answers it."""
    payment, content = row["payment"], row["content"]
    amount_fen = payment["amount_fen"] if payment else due_fen(world, row, world.clock.timestamp())
    return {
        "PayCode": row["pay_code"],
        **content,
        "OriAmt": yuan(row["original_fen"]),
        "DelayAmt": yuan(amount_fen - row["original_fen"]),
        "Amt": yuan(amount_fen),
        "Status": PAID if payment else VOID if row["voided"] else UNPAID,
        "OutTradeNo": payment["out_trade_no"] if payment else "",
        "CrcCode": row["crc_code"],
    }


def _content(call: Call) -> dict[str, Any]:
    """Return the notice's content in full, so that a repeat can be compared. Raises: Refusal NT0001."""
    given = call.content
    need_fen(given, "OriAmt")
    content = {
        "BizNo": need_text(given, "BizNo", 32),
        "BillDate": need_date(given, "BillDate"),
        "DueDate": need_date(given, "DueDate", optional=True),
        **{name: need_text(given, name, most) for name, most in _TEXTS.items()},
        "AgenDivCode": need_text(given, "AgenDivCode", 12, 0),
        "PayerName": need_text(given, "PayerName", 100, 0),
        "OriAmt": given["OriAmt"],
        "Items": _items(given.get("Items", [])),
    }
    listed_fen = sum(need_fen(item, "Amt") for item in content["Items"])
    if content["Items"] and listed_fen != need_fen(given, "OriAmt"):
        raise Refusal("NT0001", "收费项目合计与应缴金额不一致")
    return content


def _items(listed: Any) -> list[dict[str, str]]:
    if not isinstance(listed, list) or len(listed) > _MOST_ITEMS or not all(isinstance(row, dict) for row in listed):
        raise Refusal("NT0001", "参数 Items 有误")
    items = []
    for row in listed:
        need_fen(row, "Amt")
        texts = {name: need_text(row, name, 200, least) for name, least in _ITEM_TEXTS.items()}
        items.append(texts | {"Amt": row["Amt"]})
    return items


_ITEM_TEXTS = {"ItemCode": 0, "ItemName": 1, "Basis": 0}


def _new_code(call: Call) -> str:
    """Return an unused 缴款码: region, two digits of the year, then random digits to the region's length."""
    head = f"{call.app.config.region}{call.world.clock.beijing():%y}"
    digits = call.app.config.code_length - len(head)
    while True:
        code = f"{head}{secrets.randbelow(10**digits):0{digits}d}"
        if code not in notices(call.world):
            return code
