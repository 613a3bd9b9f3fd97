"""The doors of the reconciliation: lists, one run, repair and resolution, and what they refuse."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import date
from typing import Any

import pytest

from app import db
from tests.fakes.compared_days import compared_day
from tests.integration.doors.conftest import WholeHouse
from tests.knocking import Knocker, check_problem

pytestmark = pytest.mark.anyio


async def call(house: WholeHouse, method: str, path: str, body: Any = None) -> Any:
    """Knock as the administrator, who is a cashier too."""
    knocker = Knocker(house.base, house.staff_token)
    encoded = None if body is None else json.dumps(body).encode()
    return await asyncio.to_thread(knocker.knock, method, f"/api/staff/v1{path}", encoded)


async def difference(kind: str, division: str = "") -> str:
    """Write an open difference; its id."""
    number = uuid.uuid4()
    await db.execute(
        "INSERT INTO discrepancy (id, created_at, account_code, business_on, kind, reference_no, bill_no,"
        " department_code, division_code, details, status, repair, note, resolved_by)"
        " VALUES ($1, now(), 'wechat-default', '2026-03-10', $2, $3, '', '', $4, '{}', 'OPEN', '', '', '')",
        number,
        kind,
        number.hex,
        division,
    )
    return number.hex


async def test_difference_is_listed_repaired_by_a_job_and_resolved_once(whole_house: WholeHouse) -> None:
    number = await difference("PAID_THERE_NOT_HERE")
    listed = json.loads((await call(whole_house, "GET", "/discrepancies?status=OPEN&limit=100")).body)["data"]
    [one] = [each for each in listed if each["id"] == number]
    assert one["acts"] == ["repair", "resolve"]
    assert (await call(whole_house, "POST", f"/discrepancies/{number}/repair", {})).status == 202
    assert await db.fetch_all("SELECT 1 FROM pgqueuer WHERE entrypoint = 'payments.repair_discrepancy'")
    done = await call(whole_house, "POST", f"/discrepancies/{number}/resolve", {"note": "已核实"})
    assert (done.status, json.loads(done.body)["status"]) == (200, "RESOLVED")
    again = await call(whole_house, "POST", f"/discrepancies/{number}/resolve", {"note": "已核实"})
    assert check_problem(again, 409)["code"] == "discrepancy_closed"
    acts = await db.fetch_all("SELECT action FROM audit_entry WHERE object_no = $1 ORDER BY seq", number)
    assert [row["action"] for row in acts] == ["discrepancy.repair_requested", "discrepancy.resolved"]


async def test_kind_without_repair_says_so(whole_house: WholeHouse) -> None:
    number = await difference("UNKNOWN_ORDER")
    refused = await call(whole_house, "POST", f"/discrepancies/{number}/repair", {})
    assert check_problem(refused, 409)["code"] == "no_repair"


async def test_runs_page_by_page_and_one_by_its_day(whole_house: WholeHouse) -> None:
    for day in ("2026-03-10", "2026-03-11", "2026-03-12"):
        assert (await whole_house.container.payments.reconciliation.runs()) is not None
        await compared_day(date.fromisoformat(day))
    first = json.loads((await call(whole_house, "GET", "/reconciliations?limit=2")).body)
    rest = json.loads((await call(whole_house, "GET", f"/reconciliations?limit=2&cursor={first['next_cursor']}")).body)
    days = [each["business_on"] for each in first["data"] + rest["data"]]
    assert (days, rest["next_cursor"]) == (["2026-03-12", "2026-03-11", "2026-03-10"], None)
    one = await call(whole_house, "GET", "/reconciliations/2026-03-11/wechat-default")
    assert json.loads(one.body)["run"]["status"] == "DONE"


@pytest.mark.parametrize("path", ["2026-03-11/nobody", "2026-13-45/wechat-default", "yesterday/wechat-default"])
async def test_day_that_was_not_compared_is_not_found(path: str, whole_house: WholeHouse) -> None:
    check_problem(await call(whole_house, "GET", f"/reconciliations/{path}"), 404)


async def test_quarantined_callback_is_put_away_once(whole_house: WholeHouse) -> None:
    number = uuid.uuid4()
    await db.execute(
        "INSERT INTO quarantined_callback (id, created_at, provider, reason, reference_no, expected, received,"
        " event_key, resolved_by) VALUES ($1, now(), 'alipay', 'unknown_number', 'PX', '{}', '{}', $2, '')",
        number,
        number.hex,
    )
    path = f"/quarantined/{number.hex}/resolve"
    assert check_problem(await call(whole_house, "POST", path, {"note": " "}), 400)
    done = await call(whole_house, "POST", path, {"note": "渠道测试"})
    assert (done.status, bool(json.loads(done.body)["resolved_at"])) == (200, True)
    assert (
        check_problem(await call(whole_house, "POST", path, {"note": "渠道测试"}), 409)["code"] == "quarantined_closed"
    )


@pytest.mark.parametrize("path", ["/discrepancies/X1/repair", "/discrepancies/X1/resolve", "/quarantined/X1/resolve"])
async def test_id_of_nothing_is_not_found(path: str, whole_house: WholeHouse) -> None:
    body = {} if path.endswith("repair") else {"note": "x"}
    check_problem(await call(whole_house, "POST", path, body), 404)
