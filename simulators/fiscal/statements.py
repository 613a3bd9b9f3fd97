"""The day list (对账清单): what was booked on a day, in pages that do not move while they are read.

Source: docs/providers/fiscal.md, statement/list (profile).
"""

import re
from collections.abc import Iterator
from typing import Any

from simulators.core import World
from simulators.fiscal.fields import Refusal, day_of, need_date, need_text, time_text, yuan
from simulators.fiscal.platform import SECTION, notices, reversals
from simulators.fiscal.wire import Call

_MOST_ROWS = 1_000
_BATCH = re.compile(r"[0-9]{1,12}\.[0-9]{6}")

Row = dict[str, Any]


def changes(world: World) -> dict[str, Any]:
    """Return what the control API changed in the lists: `lost`, `altered`, `foreign`, `torn`."""
    return world.state.table(SECTION, "statement")


def list_day(call: Call) -> dict[str, Any]:
    """Answer one page of a day, as the list stood when its first page was asked for. Raises: Refusal NT0001."""
    day = need_date(call.content, "Date")
    page_no, page_size = _number(call, "PageNo"), min(_number(call, "PageSize"), _MOST_ROWS)
    batch = need_text(call.content, "Batch", 19, 0) or f"{call.world.clock.timestamp():.6f}"
    if not _BATCH.fullmatch(batch):
        raise Refusal("NT0001", "参数 Batch 有误")
    rows = rows_of(call.world, call.app_id, day, float(batch))
    shown = [_shown(row, number) for number, row in enumerate(rows, start=1)]
    torn = int(day in changes(call.world).get("torn", []))
    call.exchange.note(date=day, page_no=page_no)
    return {
        "Date": day,
        "Batch": batch,
        "PageNo": str(page_no),
        "PageCount": str(max(1, -(-len(rows) // page_size))),
        "TotalCount": str(len(rows) + torn),
        "PaidAmt": yuan(sum(row["amount_fen"] for row in rows if row["kind"] == "PAY")),
        "ReversedAmt": yuan(sum(row["amount_fen"] for row in rows if row["kind"] == "REV")),
        "Entries": shown[(page_no - 1) * page_size : page_no * page_size],
    }


def rows_of(world: World, app_id: str, day: str, as_of: float) -> list[Row]:
    """Return the rows of a day that were booked by a moment, with the changes of the control API, oldest first."""
    changed = changes(world)
    lost, altered = changed.get("lost", []), changed.get("altered", {})
    rows = [row for row in _booked(world, app_id) if row["reference_no"] not in lost]
    rows = [row | {"amount_fen": altered.get(row["reference_no"], row["amount_fen"])} for row in rows]
    rows += changed.get("foreign", [])
    found = [row for row in rows if row["booked_at"] <= as_of and day_of(row["booked_at"]).isoformat() == day]
    return sorted(found, key=lambda row: (row["booked_at"], row["kind"], row["reference_no"]))


def _booked(world: World, app_id: str) -> Iterator[Row]:
    for notice in notices(world).values():
        payment = notice["payment"]
        if notice["app_id"] == app_id and payment is not None:
            yield _row("PAY", notice, payment["out_trade_no"], payment["amount_fen"], payment["confirm_at"])
    for one in reversals(world).values():
        if one["app_id"] == app_id:
            notice = notices(world)[one["pay_code"]]
            yield _row("REV", notice, one["out_refund_no"], one["amount_fen"], one["done_at"])


def _row(kind: str, notice: Row, reference_no: str, amount_fen: int, booked_at: float) -> Row:
    return {
        "kind": kind,
        "pay_code": notice["pay_code"],
        "biz_no": notice["content"]["BizNo"],
        "out_trade_no": notice["payment"]["out_trade_no"],
        "reference_no": reference_no,
        "amount_fen": amount_fen,
        "booked_at": booked_at,
    }


def _shown(row: Row, serial_no: int) -> dict[str, str]:
    return {
        "SerialNo": str(serial_no),
        "Kind": row["kind"],
        "PayCode": row["pay_code"],
        "BizNo": row["biz_no"],
        "OutTradeNo": row["out_trade_no"],
        "OutRefundNo": row["reference_no"] if row["kind"] == "REV" else "",
        "Amt": yuan(row["amount_fen"]),
        "BookTime": time_text(row["booked_at"]),
    }


def _number(call: Call, name: str) -> int:
    text = need_text(call.content, name, 6)
    if not re.fullmatch(r"[1-9][0-9]*", text):
        raise Refusal("NT0001", f"参数 {name} 应为正整数")
    return int(text)
