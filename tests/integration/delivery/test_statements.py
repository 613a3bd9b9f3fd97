"""A courier's statement against our parcels: every difference, repeats, settling, files of all sorts, who may."""

from __future__ import annotations

import asyncio
import io
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import xlsxwriter

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, PayloadTooLarge
from app.ids import new_id
from services.delivery.service import DeliveryService
from services.delivery.statements import reading
from services.delivery.statements.types import CourierStatementView
from services.staff.types import Role, StaffCaller
from tests.fakes.jobs import taken_jobs

pytestmark = pytest.mark.anyio
HEADING = "顺丰速运月结对账单\n序号,日期,运单号码,计费重量,产品类型,费用(元),应付金额\n"
MONTH = "2026-10"
KEEPER = StaffCaller(
    staff_id=uuid.UUID(int=1), session_id=uuid.UUID(int=2), username="cashier", display_name="收银",
    roles=frozenset({Role.CASHIER}), divisions=("14",), departments=(), csrf_token="",
)  # fmt: skip


async def _parcel(waybill_no: str, **given: Any) -> str:
    number, carried = f"SJ{waybill_no}", datetime.fromisoformat("2026-10-15T10:00:00+08:00")
    row: dict[str, Any] = {
        "id": new_id(), "created_at": carried, "shipment_no": number, "subject_no": waybill_no,
        "citizen_id": uuid.UUID(int=7), "leg": "OUTBOUND", "courier": "SF", "carrier": "shunfeng",
        "waybill_no": waybill_no, "status": "DELIVERED", "cargo": "证件", "sender": "{}", "receiver_shown": "",
        "custody": "WINDOW", "version": 1, "asked_count": 0, "updated_at": carried, "picked_up_at": carried,
        "division_code": "140105", "to_division_code": "140213", **given,
    }  # fmt: skip
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await db.execute(f"INSERT INTO shipment ({', '.join(row)}) VALUES ({places})", *row.values())
    return number


async def _rule(code: str, cost_fen: int, position: int = 10, **given: Any) -> None:
    row = {"division_code": "", "to_division_code": "", "carrier": "", "product": "", "leg": "", "level": "", **given}
    await db.execute(
        f"""INSERT INTO courier_rule (id, created_at, rule_code, position, courier, cost_fen, days, enabled, changed_by,
                updated_at, {", ".join(row)})
            VALUES ($1, now(), $2, $3, 'SF', $4, 1, true, '', now(), $5, $6, $7, $8, $9, $10)""",
        new_id(), code, position, cost_fen, *row.values(),
    )  # fmt: skip


def _file(*lines: str) -> bytes:
    return (HEADING + "".join(f"{place},{line}\n" for place, line in enumerate(lines, 1)) + "合计,,,,,,1.00\n").encode()


async def _upload(delivery: DeliveryService, content: bytes, month: str = MONTH) -> str:
    """Send a file and have the job read and compare it."""
    number = (await delivery.statements.upload(KEEPER, "SF", month, content, "10.0.0.1")).statement_no
    await _work(delivery)
    return number


async def _work(delivery: DeliveryService) -> None:
    for row in await taken_jobs("delivery.%"):
        for _ in range(2):
            await delivery.jobs()[row["entrypoint"]](json.loads(row["payload"]))


async def _compared_again(delivery: DeliveryService, number: str) -> CourierStatementView:
    assert (await delivery.statements.compare_again(KEEPER, number, "")).status == "COMPARING"
    await _work(delivery)
    return (await delivery.statements.show(KEEPER, number)).statement


async def _found(delivery: DeliveryService, number: str) -> Mapping[str, str]:
    lines, _ = await delivery.statements.differences(KEEPER, number, limit=100)
    return {each.waybill_no: each.difference for each in lines}


async def test_every_kind_of_difference_is_found_once(delivery: DeliveryService) -> None:
    await _rule("far", 1800, to_division_code="140200")
    await _rule("usual", 1200, 20)
    await _rule("off", 100, 1, division_code="140200")
    for waybill in ("SF1", "SF2", "SF3", "SF9"):
        await _parcel(waybill)
    await _parcel("SF4", status="CANCELLED", picked_up_at=None)
    await _parcel("SF5", payer="ON_DELIVERY")
    await _parcel("SF6", freight_fen=1500, weight_grams=800)
    await _parcel("SF7", to_division_code="140106")
    await _parcel("SF8", weight_grams=1200)
    await _parcel("SF10", picked_up_at=datetime.fromisoformat("2026-11-01T00:00:00+08:00"))
    content = _file(
        "2026-10-15,SF1,1,标快,20.00,18.00", "2026-10-15,SF2,1,标快,20.00,19.50", "2026-10-15,SF3,1,标快,18,18",
        "2026-10-15,SF3,1,标快,18,18.0", "2026/10/15,SF4,1,标快,18,18", "2026-10-15,SF5,1,标快,18,18",
        "2026-10-15,SF6,1,标快,15,15", "2026-10-15 08:00,sf7 ,1,标快,12,￥12.00", "2026-10-15,SF8,3,标快,18,18",
        "2026-10-15,SF404,1,标快,18,18",
    )  # fmt: skip
    number = await _upload(delivery, content)
    assert await _found(delivery, number) == {
        "SF2": "AMOUNT_DIFFERS", "SF3": "DOUBLE_LINE", "SF4": "CANCELLED_CHARGED", "SF5": "PAID_BY_CITIZEN",
        "SF8": "WEIGHT_DIFFERS", "SF404": "UNKNOWN_WAYBILL", "SF9": "NOT_CHARGED",
    }  # fmt: skip
    shown = await delivery.statements.show(KEEPER, number)
    assert (shown.statement.lines, shown.statement.matched, shown.statement.differing) == (10, 4, 7)
    assert shown.statement.charged_fen == 1950 + 1200 + 1500 + 7 * 1800
    sums = {each.difference: (each.count, each.gap_fen) for each in shown.sums}
    assert sums["AMOUNT_DIFFERS"] == (1, 150)
    assert sums["DOUBLE_LINE"] == (1, 1800)
    assert sums["NOT_CHARGED"] == (1, -1800)
    task = await db.fetch_row("SELECT kind, shipment_no, closed_at FROM shipment_task")
    assert task is not None
    assert (task["kind"], task["shipment_no"], task["closed_at"]) == ("STATEMENT", number, None)


async def test_lines_of_one_parcel_add_up(delivery: DeliveryService) -> None:
    parcel = await _parcel("SF1", freight_fen=2000)
    row = await db.fetch_row("SELECT id FROM shipment WHERE shipment_no = $1", parcel)
    assert row is not None
    await db.execute(
        "INSERT INTO shipment_waybill (id, created_at, shipment_id, carrier, waybill_no, kind)"
        " VALUES ($1, now(), $2, 'shunfeng', 'SF2', 'CHILD')",
        new_id(),
        row["id"],
    )
    number = await _upload(delivery, _file("2026-10-15,SF1,1,标快,12,12", "2026-10-15,SF2,1,标快,8,8"))
    assert await _found(delivery, number) == {}
    assert await db.fetch_all("SELECT 1 FROM shipment_task") == []
    number = await _upload(delivery, _file("2026-10-15,SF1,1,标快,12,12", "2026-10-15,SF2,1,标快,9,9"))
    assert await _found(delivery, number) == {"SF1": "AMOUNT_DIFFERS"}


async def test_a_later_file_replaces_and_a_charge_of_last_month_is_double(delivery: DeliveryService) -> None:
    await _parcel("SF1", freight_fen=1200)
    line = "2026-10-15,SF1,1,标快,12,12"
    first = _file(line, "2026-10-15,SF2,1,标快,12,12")
    before = await _upload(delivery, first)
    assert await _upload(delivery, first) == before, "the same file is the same statement"
    after = await _upload(delivery, _file(line))
    assert (await delivery.statements.show(KEEPER, before)).statement.status == "REPLACED"
    with pytest.raises(Conflict) as refused:
        await _upload(delivery, first)
    assert refused.value.stable_code == "statement_replaced"
    with pytest.raises(Conflict):
        await delivery.statements.compare_again(KEEPER, before, "")
    assert await _found(delivery, after) == {}
    assert await db.fetch_all("SELECT 1 FROM shipment_task WHERE closed_at IS NULL") == []
    november = _file("2026-11-02,SF1,1,标快,12,12")
    assert await _found(delivery, await _upload(delivery, november, "2026-11")) == {"SF1": "DOUBLE_LINE"}


async def test_the_same_file_sent_twice_at_once_is_one_statement(delivery: DeliveryService) -> None:
    content = _file("2026-10-15,SF1,1,标快,12,12")
    numbers = await asyncio.gather(*(_upload(delivery, content) for _ in range(3)))
    assert len(set(numbers)) == 1


async def test_a_settled_difference_stays_and_the_last_one_ends_the_task(delivery: DeliveryService) -> None:
    await _parcel("SF1", freight_fen=1200)
    await _parcel("SF2", freight_fen=1200)
    number = await _upload(delivery, _file("2026-10-15,SF1,1,标快,13,13"))
    lines, _ = await delivery.statements.differences(KEEPER, number)
    for line in lines:
        await delivery.statements.settle(KEEPER, number, line.line_id, " 快递公司已更正 ", "10.0.0.1")
    with pytest.raises(Conflict) as refused:
        await delivery.statements.settle(KEEPER, number, lines[0].line_id, "x", "")
    assert refused.value.stable_code == "difference_settled"
    for line_id, note, refusal in (
        ("zz", "x", NotFound), (uuid.UUID(int=9).hex, "x", Conflict), (lines[0].line_id, " ", InvalidRequest),
    ):  # fmt: skip
        with pytest.raises(refusal):
            await delivery.statements.settle(KEEPER, number, line_id, note, "")
    again = await _compared_again(delivery, number)
    assert (again.differing, again.open) == (2, 0)
    assert (await delivery.statements.differences(KEEPER, number, only_open=True))[0] == []
    task = await db.fetch_row("SELECT closed_by, outcome FROM shipment_task")
    assert task is not None
    assert (task["closed_by"], task["outcome"]) == ("cashier", "ANSWERED")
    rows = await db.fetch_all("SELECT action, details FROM audit_entry ORDER BY seq")
    assert [row["action"].partition(".")[2] for row in rows] == ["uploaded", "settled", "settled", "compared"]
    assert json.loads(rows[1]["details"])["note"] == "快递公司已更正"


async def test_comparing_again_follows_what_was_learnt_meanwhile(delivery: DeliveryService) -> None:
    parcel = await _parcel("SF1", freight_fen=1200)
    number = await _upload(delivery, _file("2026-10-15,SF1,1,标快,15,15"))
    assert await _found(delivery, number) == {"SF1": "AMOUNT_DIFFERS"}
    await db.execute("UPDATE shipment SET freight_fen = 1500 WHERE shipment_no = $1", parcel)
    shown = await _compared_again(delivery, number)
    assert (shown.matched, shown.open) == (1, 0)


def _xlsx() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["邮件号", "收寄日期", "重量(克)", "总资费"])
        sheet.write_row(1, 0, ["SF1", "2026-10-15 09:00:00", 800, 12.3])
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _xlsx(),
        "运单号,计费重量（kg）,费用（元）\nSF1,0.8,12.30\n".encode("gb18030"),
        "\ufeff运单号,结算金额\n=\"SF1\",\"12.3\"\n".encode(),
    ],
    ids=["xlsx", "gbk", "bom"],
)  # fmt: skip
async def test_files_of_all_sorts_are_read(delivery: DeliveryService, content: bytes) -> None:
    await _parcel("SF1", freight_fen=1230)
    number = await _upload(delivery, content)
    shown = (await delivery.statements.show(KEEPER, number)).statement
    assert (shown.lines, shown.matched, shown.charged_fen) == (1, 1, 1230)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "空"),
        ("姓名,电话\n张伟,1\n".encode(), "表头"),
        (_file(), "没有任何运单"),
        (_file("2026-10-15,1.2E+12,1,标快,1,1"), "第3行：运单号被表格软件改写"),
        (_file("2026-10-15,SF1,1,标快,1,一元"), "第3行：金额"),
        (_file("2026-10-15,SF1,1,标快,1,1.234"), "第3行：金额"),
        (_file("2026-10-15,SF1,1,标快,1,99999999999"), "第3行：金额"),
        (_file("2026-10-15,SF1,重,标快,1,1"), "第3行：重量"),
        (_file("2026-10-15," + "9" * 41 + ",1,标快,1,1"), "第3行：运单号"),
        (_file("2026-09-15,SF1,1,标快,1,1"), "没有2026年10月的运单"),
        (b"PK\x03\x04nonsense", "已损坏"),
        (b"\x00\x01", "CSV"),
    ],
)
async def test_a_file_that_is_no_statement_is_refused_whole(
    delivery: DeliveryService, content: bytes, told: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await _upload(delivery, content)
    assert told in refused.value.detail + "".join(fault.message for fault in refused.value.faults)
    assert await db.fetch_all("SELECT 1 FROM courier_statement") == []


@pytest.mark.parametrize(("courier", "month"), [("XX", MONTH), ("SF", "2026-13"), ("SF", "2999-01"), ("SF", "gestern")])
async def test_unknown_couriers_and_months_are_refused(delivery: DeliveryService, courier: str, month: str) -> None:
    with pytest.raises(InvalidRequest):
        await delivery.statements.upload(KEEPER, courier, month, _file("2026-10-15,SF1,1,标快,1,1"), "")


async def test_statements_are_for_the_whole_province(delivery: DeliveryService) -> None:
    number = await _upload(delivery, _file("2026-10-15,SF1,1,标快,12,12"))
    desk = delivery.statements
    for staff in (
        replace(KEEPER, divisions=("1401",)), replace(KEEPER, departments=("X",)),
        replace(KEEPER, roles=frozenset({Role.WINDOW})),
    ):  # fmt: skip
        for attempt in (desk.show(staff, number), desk.page(staff), desk.upload(staff, "SF", MONTH, b"", "")):
            with pytest.raises(Forbidden):
                await attempt
    auditor = replace(KEEPER, roles=frozenset({Role.AUDITOR}))
    assert [each.statement_no for each in (await desk.page(auditor))[0]] == [number]
    with pytest.raises(Forbidden):
        await desk.compare_again(auditor, number, "")
    with pytest.raises(PayloadTooLarge):
        await desk.upload(KEEPER, "SF", MONTH, b"x" * (8 * 1_048_576 + 1), "")
    with pytest.raises(NotFound):
        await desk.show(KEEPER, "DZ-nobody")


async def test_row_of_a_million_columns_is_refused_at_once(delivery: DeliveryService) -> None:
    begun = time.perf_counter()
    with pytest.raises(InvalidRequest):
        await _upload(delivery, (b"," * 1_000_000 + b"\n") * 7)
    assert time.perf_counter() - begun < 3


def _long(last: str) -> bytes:
    """A file of which the last line is read by the job only."""
    return _file(*(f"2026-10-15,SF{place},1,x,12,12" for place in range(1_500)), last)


async def test_large_file_is_read_by_a_job_that_says_how_far_it_is(
    delivery: DeliveryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, desk = [], delivery.statements

    async def announce(topic: str) -> None:
        row = await db.fetch_row("SELECT status, lines FROM courier_statement")
        assert row is not None
        told.append((topic.partition(":")[0], row["status"], row["lines"]))

    monkeypatch.setattr(desk, "_announce", announce)
    made = await desk.upload(KEEPER, "SF", MONTH, _long("2026-10-15,SF9999,1,x,12,12"), "")
    assert (made.status, made.status_text, made.lines, made.compared_at) == ("READING", "读取中", 0, None)
    assert (await desk.upload(KEEPER, "SF", MONTH, _long("2026-10-15,SF9999,1,x,12,12"), "")) == made
    with pytest.raises(Conflict) as refused:
        await desk.compare_again(KEEPER, made.statement_no, "")
    assert refused.value.stable_code == "statement_not_compared"
    await _work(delivery)
    read = [each for each in told if each[0] == "statement" and each[1] == "READING"]
    assert [lines for _, _, lines in read] == [998, 1501]
    shown = (await desk.show(KEEPER, made.statement_no)).statement
    assert (shown.status, shown.lines, shown.differing) == ("COMPARED", 1501, 1501)
    with pytest.raises(NotFound):
        await desk._storage.get(f"courier-statements/{made.statement_no}")


async def test_file_that_turns_out_faulty_says_why_and_the_earlier_goes_on(delivery: DeliveryService) -> None:
    earlier = await _upload(delivery, _file("2026-10-15,SF1,1,x,12,12"))
    faulty = await _upload(delivery, _long("2026-10-15,SF9,1,x,12,一"))
    shown = (await delivery.statements.show(KEEPER, faulty)).statement
    assert (shown.status, shown.lines, shown.open) == ("FAULTY", 0, 0)
    assert "第1503行：金额" in shown.fault
    assert (await delivery.statements.show(KEEPER, earlier)).statement.status == "COMPARED"
    with pytest.raises(Conflict):
        await delivery.statements.compare_again(KEEPER, faulty, "")
    with pytest.raises(NotFound):
        await delivery.statements._storage.get(f"courier-statements/{faulty}")


async def test_file_that_could_not_be_read_is_read_when_it_is_sent_again(delivery: DeliveryService) -> None:
    desk, content = delivery.statements, _file("2026-10-15,SF1,1,x,12,12")
    lost = (await desk.upload(KEEPER, "SF", MONTH, content, "")).statement_no
    await desk._storage.delete(f"courier-statements/{lost}")
    await _work(delivery)
    assert (await desk.show(KEEPER, lost)).statement.fault == "文件已不在，请重新上传"
    again = await _upload(delivery, content)
    assert (await desk.show(KEEPER, again)).statement.status == "COMPARED"
    assert [each.statement_no for each in (await desk.page(KEEPER))[0]] == [again], "it is one statement"


async def test_file_of_too_many_lines_is_refused(delivery: DeliveryService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_LINES", 1_200)
    number = await _upload(delivery, _long("2026-10-15,SF9,1,x,12,12"))
    shown = (await delivery.statements.show(KEEPER, number)).statement
    assert (shown.status, shown.fault) == ("FAULTY", "对账单不能超过1200行")


async def test_the_file_sent_last_counts_whichever_is_read_first(delivery: DeliveryService) -> None:
    desk, files = delivery.statements, [_file(f"2026-10-15,SF{place},1,x,12,12") for place in (1, 2)]
    first, last = [(await desk.upload(KEEPER, "SF", MONTH, each, "")).statement_no for each in files]
    for number in (last, first):
        await desk.work({"statement_no": number})
    assert [(await desk.show(KEEPER, number)).statement.status for number in (first, last)] == ["REPLACED", "COMPARED"]
    assert await _found(delivery, last) == {"SF2": "UNKNOWN_WAYBILL"}


async def test_statement_whose_job_was_lost_is_taken_up_again(delivery: DeliveryService) -> None:
    made = await delivery.statements.upload(KEEPER, "SF", MONTH, _file("2026-10-15,SF1,1,x,12,12"), "")
    await taken_jobs("delivery.%")
    await delivery.statements.resume()
    assert await taken_jobs("delivery.%") == [], "it may still be at work"
    await db.execute("UPDATE courier_statement SET created_at = now() - interval '20 minutes'")
    for _ in range(2):
        await delivery.statements.resume()
    await _work(delivery)
    assert (await delivery.statements.show(KEEPER, made.statement_no)).statement.status == "COMPARED"


async def test_difference_of_a_replaced_statement_is_not_settled(delivery: DeliveryService) -> None:
    first = await _upload(delivery, _file("2026-10-15,SF1,1,x,12,12"))
    line = (await delivery.statements.differences(KEEPER, first))[0][0]
    await _upload(delivery, _file("2026-10-15,SF2,1,x,12,12"))
    with pytest.raises(Conflict) as refused:
        await delivery.statements.settle(KEEPER, first, line.line_id, "已处理", "")
    assert refused.value.stable_code == "statement_replaced"
