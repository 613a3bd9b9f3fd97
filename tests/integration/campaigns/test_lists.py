"""Uploaded lists of people: what is understood, what is said of the rest, and files that mean harm."""

from __future__ import annotations

import io
import uuid
import zipfile
from typing import Any

import openpyxl
import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, PayloadTooLarge
from app.identifiers import id_check_character
from notify.campaigns.types import Audience
from services.audiences.types import MOST_BYTES, ListView
from services.staff.types import Role
from tests.fakes.campaign_house import CampaignHouse, caller, citizen_id, person, seed

pytestmark = pytest.mark.anyio
PUBLISHER = caller()


def id_number(n: int) -> str:
    first = f"140105199003{1 + n % 28:02d}{n // 28:03d}"
    return first + id_check_character(first)


async def known(cipher: FieldCipher, count: int, *divisions: str) -> None:
    """Seed people who have an ID number and a phone."""
    await seed(1, count, *divisions)
    for n in range(1, count + 1):
        await db.execute(
            "UPDATE citizen SET id_number_hash = $2, phone_hash = $3 WHERE id = $1",
            citizen_id(n),
            cipher.lookup("id_number", id_number(n)),
            cipher.lookup("phone", f"138{n:08d}"),
        )


async def read(house: CampaignHouse, content: bytes, staff: Any = PUBLISHER) -> ListView:
    lists = house.audiences.lists
    made = await lists.upload(staff, "名单", content, "10.0.0.1")
    await lists.settle()
    return await lists.show(staff, uuid.UUID(made.list_id))


def book(rows: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
async def test_every_line_is_counted_as_what_it_is(house: CampaignHouse, encoding: str) -> None:
    await known(house.cipher, 3)
    lines = [
        "姓名,身份证号,备注",
        f"张伟,{id_number(1)},甲",
        f"王芳, {id_number(2).lower()} ,",
        f"李娜,{id_number(1)},再次",
        "赵强,138 0000-0003,手机",
        f"钱七,{id_number(1)[:17]}0,校验",
        "孙八,=1+1,公式",
        f"周九,{id_number(77)},不认识",
        "",
        "吴十,,",
    ]
    shown = await read(house, "\r\n".join(lines).encode(encoding))
    assert (shown.status, shown.lines, shown.matched, shown.doubled, shown.unknown) == ("READY", 8, 3, 1, 1)
    wrong = {each.line: each.fault for each in shown.bad_lines}
    assert set(wrong) == ({6, 7, 10} if id_number(1)[17] != "0" else {7, 10})
    assert not any("1+1" in fault or "1401" in fault for fault in wrong.values())


async def test_a_list_without_heading_and_one_of_a_spreadsheet(house: CampaignHouse) -> None:
    await known(house.cipher, 4)
    plain = await read(house, f'{id_number(1)}\n="{id_number(2)}"\n'.encode())
    assert (plain.matched, plain.bad) == (2, 0)
    sheet = book([["手机号"], [13800000003], ["13800000004"], ['=HYPERLINK("http://x","y")'], [None], [True]])
    shown = await read(house, sheet)
    assert (shown.status, shown.matched) == ("READY", 2)


async def test_what_is_no_list_is_refused(house: CampaignHouse) -> None:
    macros = io.BytesIO(book([["13800000001"]]))
    with zipfile.ZipFile(macros, "a") as parts:
        parts.writestr("xl/vbaProject.bin", b"\xd0\xcf")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", "<x/>")
        parts.writestr("xl/worksheets/sheet1.xml", b"0" * 200_000_000)
    for content, said in (
        (macros.getvalue(), "宏"),
        (bomb.getvalue(), "过大"),
        (b"PK\x03\x04 not a zip", "损坏"),
        (book([["1"]])[:400], "损坏"),
    ):
        shown = await read(house, content)
        assert (shown.status, shown.matched) == ("BROKEN", 0)
        assert said in shown.fault
    for content in (b"", b" \n", b"\x00\x01\x02", b"\xd0\xcf\x11\xe0rest", b"\xff\xfe\xfd\x81"):
        with pytest.raises(InvalidRequest):
            await house.audiences.lists.upload(PUBLISHER, "名单", content, "")
    with pytest.raises(PayloadTooLarge):
        await house.audiences.lists.upload(PUBLISHER, "名单", b"1" * (MOST_BYTES + 1), "")
    with pytest.raises(InvalidRequest):
        await house.audiences.lists.upload(PUBLISHER, "", b"1", "")


async def test_too_many_lines_leave_nobody_on_the_list(house: CampaignHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await known(house.cipher, 2)
    monkeypatch.setattr("services.audiences.lists.MOST_LINES", 1_500)
    shown = await read(house, b"13800000001\n" * 2_000)
    assert shown.status == "BROKEN"
    assert await db.fetch_all("SELECT 1 FROM audience_member") == []


async def test_only_people_of_the_own_divisions_are_found(house: CampaignHouse) -> None:
    await known(house.cipher, 4, "140105", "140213")
    county = caller("county", divisions=("140105",))
    content = "\n".join(id_number(n) for n in range(1, 5)).encode()
    shown = await read(house, content, county)
    assert (shown.matched, shown.unknown) == (2, 2)
    everybody = await read(house, content)
    assert everybody.matched == 4
    with pytest.raises(NotFound):
        await house.audiences.lists.show(county, uuid.UUID(everybody.list_id))
    with pytest.raises(InvalidRequest):
        await house.desk.create(
            person("county", divisions=("140105",)), house.draft(audience=Audience(list_id=everybody.list_id))
        )
    made = await house.desk.create(person("publisher"), house.draft(audience=Audience(list_id=shown.list_id)))
    assert made.estimated == 2
    for role in (Role.APPROVER, Role.WINDOW):
        with pytest.raises(Forbidden):
            await house.audiences.lists.upload(caller("x", role), "名单", content, "")


async def test_words_are_given_to_people_of_a_list_and_taken_back(house: CampaignHouse) -> None:
    await known(house.cipher, 3)
    lists = house.audiences.lists
    await db.execute(
        "INSERT INTO citizen_tag (id, created_at, citizen_id, tag, source)"
        " VALUES (gen_random_uuid(), now(), $1, '退役军人', 'SELF')",
        citizen_id(1),
    )
    shown = await read(house, b"13800000001\n13800000002\n")
    list_id = uuid.UUID(shown.list_id)
    assert (await lists.tag(PUBLISHER, list_id, "退役军人", "", give=True)).people == 2
    assert (await lists.tag(PUBLISHER, list_id, "退役军人", "", give=True)).people == 0
    made = await house.desk.create(person("publisher"), house.draft(audience=Audience(tag="退役军人")))
    assert made.estimated == 2
    assert (await lists.tag(PUBLISHER, list_id, "退役军人", "", give=False)).people == 2
    left = await db.fetch_all("SELECT source FROM citizen_tag")
    assert [row["source"] for row in left] == ["SELF"]
    acts = [row["action"] for row in await db.fetch_all("SELECT action FROM audit_entry ORDER BY seq")]
    assert acts[:4] == ["audience_list.uploaded", "audience_list.read", "audience_list.tagged", "audience_list.tagged"]


async def test_a_list_whose_reader_died_is_declared_broken(house: CampaignHouse) -> None:
    shown = await read(house, b"13800000001\n")
    await db.execute(
        "UPDATE audience_list SET status = 'READING', created_at = $1", clock.from_beijing("2026-01-01 00:00:00")
    )
    await house.audiences.lists.end_forsaken()
    ended = await house.audiences.lists.show(PUBLISHER, uuid.UUID(shown.list_id))
    assert ended.status == "BROKEN"
    with pytest.raises(Conflict):
        await house.audiences.lists.tag(PUBLISHER, uuid.UUID(shown.list_id), "甲", "", give=True)
