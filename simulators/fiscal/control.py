"""The other side of the fiscal platform: late fees, held steps, lists that differ. Mounted under /control/fiscal/."""

import secrets
from typing import Any

from aiohttp import web

from simulators.control import ControlError, answer, need_text, read_json
from simulators.core import World
from simulators.fiscal import notices, payments, statements
from simulators.fiscal.platform import SECTION, SWITCHES
from simulators.fiscal.platform import notices as all_notices
from simulators.fiscal.platform import reversals as all_reversals

_MOST_FEN = 10**12


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/fiscal."""

    async def list_bills(_: web.Request) -> web.Response:
        return answer([_shown(world, row) for row in all_notices(world).values()])

    async def show_bill(request: web.Request) -> web.Response:
        return answer(_shown(world, _notice(world, request)))

    async def set_late_fee(request: web.Request) -> web.Response:
        """Let the late fee be so much from now on, whatever the due day says."""
        row, body = _notice(world, request), await read_json(request)
        # Whole seconds, because that is how exactly a payment's time is reported.
        row["late_fee"] = {"fen": _amount(body, "late_fee_fen", least=0), "since": int(world.clock.timestamp())}
        world.state.touch()
        return answer(_shown(world, row))

    async def pay_elsewhere(request: web.Request) -> web.Response:
        """Let somebody pay at a bank counter."""
        row, body = _notice(world, request), await read_json(request)
        if row["payment"] is not None or row["voided"]:
            raise ControlError("it is paid or void")
        due_fen = notices.due_fen(world, row, world.clock.timestamp())
        payments.take(world, row, due_fen, str(body.get("out_trade_no") or f"BANK{secrets.token_hex(8)}"), None)
        return answer(_shown(world, row))

    async def list_receipts(_: web.Request) -> web.Response:
        return answer(list(world.state.table(SECTION, "receipts").values()))

    return [
        web.get("/bills", list_bills),
        web.get("/bills/{pay_code}", show_bill),
        web.post("/bills/{pay_code}/late-fee", set_late_fee),
        web.post("/bills/{pay_code}/pay-elsewhere", pay_elsewhere),
        web.get("/receipts", list_receipts),
        *_hold_routes(world),
        *_statement_routes(world),
    ]


def _hold_routes(world: World) -> list[web.RouteDef]:
    def switches() -> dict[str, Any]:
        return world.state.table(SECTION, "switches")

    async def show(_: web.Request) -> web.Response:
        return answer(switches())

    async def hold(request: web.Request) -> web.Response:
        """Set for how many seconds of the platform's time coming confirmations, receipts, reversals are held."""
        body = await read_json(request)
        for name, seconds in body.items():
            if name not in SWITCHES or isinstance(seconds, bool) or not isinstance(seconds, int | float):
                raise ControlError(f"numbers under {', '.join(SWITCHES)}")
            switches()[name] = max(0.0, float(seconds))
        world.state.touch()
        return answer(switches())

    async def release(_: web.Request) -> web.Response:
        """Finish everything that is held, and hold nothing more."""
        now = world.clock.timestamp()
        switches().update(dict.fromkeys(SWITCHES, 0.0))
        for row in all_notices(world).values():
            if row["payment"] is not None:
                row["payment"]["confirm_at"] = min(row["payment"]["confirm_at"], now)
        for one in all_reversals(world).values():
            one["done_at"] = min(one["done_at"], now)
        world.state.touch()
        return answer(switches())

    return [web.get("/hold", show), web.post("/hold", hold), web.post("/release", release)]


def _statement_routes(world: World) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        """List a day as it would be answered now (`?date=YYYY-MM-DD`, default today), for every app."""
        day = request.query.get("date") or world.clock.beijing().date().isoformat()
        now = world.clock.timestamp()
        return answer({app.app_id: statements.rows_of(world, app.app_id, day, now) for app in world.config.fiscal.apps})

    async def change(request: web.Request) -> web.Response:
        """Make the lists differ: {"lose": number}, {"alter": number, "amount_fen"}, {"add": {…}} or {"tear": date}."""
        body, changed = await read_json(request), statements.changes(world)
        if "lose" in body:
            changed.setdefault("lost", []).append(need_text(body, "lose"))
        elif "alter" in body:
            changed.setdefault("altered", {})[need_text(body, "alter")] = _amount(body, "amount_fen")
        elif "tear" in body:
            changed.setdefault("torn", []).append(need_text(body, "tear"))
        elif isinstance(body.get("add"), dict):
            changed.setdefault("foreign", []).append(_foreign(world, body["add"]))
        else:
            raise ControlError("one of lose, alter, add, tear")
        world.state.touch()
        return answer(changed)

    async def mend(_: web.Request) -> web.Response:
        statements.changes(world).clear()
        world.state.touch()
        return answer({})

    return [web.get("/statement", show), web.post("/statement", change), web.delete("/statement", mend)]


def _foreign(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Return a row that nobody here knows; numbers are made up where none are given."""
    number = str(body.get("reference_no") or f"F{secrets.token_hex(12)}")
    return {
        "kind": "REV" if body.get("kind") == "REV" else "PAY",
        "pay_code": str(body.get("pay_code") or "9" * 20),
        "biz_no": str(body.get("biz_no") or ""),
        "out_trade_no": str(body.get("out_trade_no") or number),
        "reference_no": number,
        "amount_fen": _amount(body, "amount_fen"),
        "booked_at": world.clock.timestamp(),
    }


def _amount(body: dict[str, Any], name: str, least: int = 1) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _MOST_FEN:
        raise ControlError(f"{name}: an amount in fen is required")
    return value


def _notice(world: World, request: web.Request) -> notices.Notice:
    row: notices.Notice | None = all_notices(world).get(request.match_info["pay_code"])
    if row is None:
        raise ControlError("no such 缴款码", 404)
    return row


def _shown(world: World, row: notices.Notice) -> dict[str, Any]:
    payment = row["payment"]
    confirmed = payments.is_confirmed(world, row)
    return notices.shown(world, row) | {
        "app_id": row["app_id"],
        "confirmation": "CONFIRMED" if confirmed else "PROCESSING" if payment else "",
        "reversed_fen": sum(
            one["amount_fen"] for one in all_reversals(world).values() if one["pay_code"] == row["pay_code"]
        ),
    }
