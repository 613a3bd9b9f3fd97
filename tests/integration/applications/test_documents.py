"""Written documents: a number with every move, no number for a move that failed, one file however often it is drawn."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from app import db
from app.errors import Conflict, Forbidden, NotFound, ProviderUnavailable
from services.applications.documents.ports import Sealed
from services.applications.documents.service import DocumentService
from services.staff.types import Role, StaffCaller

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"
ISSUER = "MB0001177"


class StampingSeal:
    """Puts a mark behind the file; refuses as often as it is told to."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals, self.asked = refusals, 0

    async def seal(self, pdf: bytes, document_no: str, issuer_code: str) -> Sealed:
        self.asked += 1
        if self.asked <= self.refusals:
            raise ProviderUnavailable
        return Sealed(pdf + f"%sealed {self.asked}".encode(), "S1")


async def numbers() -> list[str]:
    return [row["document_no"] for row in await db.fetch_all("SELECT document_no FROM case_document ORDER BY id")]


async def test_every_move_in_writing_has_its_numbered_document(world: Any) -> None:
    number = await world.submitted()
    desk = world.applications.desk
    await desk.receive(world.window, number, HERE)
    await desk.accept(world.window, number, HERE)
    await desk.suspend(world.reviewer, number, "专家评审", HERE)
    await desk.resume(world.reviewer, number, HERE)
    await world.pay(number)
    await desk.approve(world.reviewer, number, HERE)
    await world.react()
    await desk.hand_over(world.window, number, HERE)
    listed = (await world.applications.documents.list_own(world.citizen, number)).data
    titles = ["收件凭证", "受理通知书", "特别程序告知书", "恢复办理通知书", "准予决定书", "送达回证"]
    assert [paper.title for paper in listed] == titles
    year = listed[0].issued_on[:4]
    assert listed[0].document_no == f"晋{ISSUER}收字〔{year}〕00001号"
    assert listed[4].document_no == f"晋{ISSUER}准字〔{year}〕00001号"


async def test_withdrawal_and_refusal_are_confirmed_in_writing(world: Any) -> None:
    first, second = await world.accepted(), await world.accepted()
    await world.applications.withdraw(world.citizen, first, "不办了")
    await world.applications.desk.deny(world.reviewer, second, "材料不实", HERE)
    await world.react()
    kinds = [row["kind"] for row in await db.fetch_all("SELECT kind FROM case_document ORDER BY id")]
    assert kinds == ["ACCEPTANCE", "ACCEPTANCE", "WITHDRAWAL", "DENIAL", "SERVICE"]


async def test_numbers_run_without_gaps_also_for_moves_at_once(world: Any) -> None:
    cases = [await world.submitted() for _ in range(5)]
    desk = world.applications.desk
    results = await asyncio.gather(
        *(desk.accept(world.window, number, HERE) for number in [*cases, *cases]), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 5
    assert sorted(int(number[-6:-1]) for number in await numbers()) == [1, 2, 3, 4, 5]


async def test_move_that_is_taken_back_uses_no_number(world: Any) -> None:
    number = await world.submitted()
    head = await db.fetch_row("DELETE FROM audit_head RETURNING id, seq, entry_hash")
    with pytest.raises(RuntimeError):
        await world.applications.desk.accept(world.window, number, HERE)
    assert await numbers() == []
    assert head is not None
    await db.execute("INSERT INTO audit_head (id, seq, entry_hash) VALUES ($1, $2, $3)", *head.values())
    await world.applications.desk.accept(world.window, number, HERE)
    assert [name[-6:] for name in await numbers()] == ["00001号"]


async def test_document_is_drawn_once_and_can_be_read(world: Any) -> None:
    number = await world.accepted()
    documents = world.applications.documents
    document_no = (await numbers())[0]
    with pytest.raises(Conflict) as refusal:
        await documents.file_own(world.citizen, number, document_no)
    assert refusal.value.stable_code == "document_not_ready"
    await documents.draw({"document_no": document_no})
    content = await documents.file_own(world.citizen, number, document_no)
    await documents.draw({"document_no": document_no})
    assert content.startswith(b"%PDF")
    listed = (await documents.list_own(world.citizen, number)).data[0]
    assert (listed.is_ready, listed.sha256) == (True, hashlib.sha256(content).hexdigest())


async def test_drawing_again_after_a_crash_gives_the_same_file(world: Any) -> None:
    number = await world.accepted()
    documents, document_no = world.applications.documents, (await numbers())[0]
    await documents.draw({"document_no": document_no})
    first = await documents.file_own(world.citizen, number, document_no)
    await db.execute("UPDATE case_document SET sha256 = '', storage_key = ''")
    await documents.draw({"document_no": document_no})
    assert await documents.file_own(world.citizen, number, document_no) == first


async def test_document_with_a_long_reason_has_further_pages(world: Any) -> None:
    number = await world.accepted()
    await world.applications.desk.deny(world.reviewer, number, "不符合规定的条件，" * 55, HERE)
    documents = world.applications.documents
    for document_no in await numbers():
        await documents.draw({"document_no": document_no})
    listed = (await documents.list_own(world.citizen, number)).data
    assert all(paper.is_ready for paper in listed)


async def test_seal_that_is_away_is_asked_again_by_the_sweep(world: Any) -> None:
    number = await world.accepted()
    seal = StampingSeal(refusals=1)
    documents = DocumentService(world.applications.parts, seal)
    document_no = (await numbers())[0]
    with pytest.raises(ProviderUnavailable):
        await documents.draw({"document_no": document_no})
    await documents.draw_lost()
    assert seal.asked == 1
    await db.execute("UPDATE case_document SET created_at = now() - interval '1 hour'")
    await documents.draw_lost()
    assert (await documents.file_own(world.citizen, number, document_no)).endswith(b"%sealed 2")


async def test_documents_are_for_the_owner_and_staff_in_scope(
    world: Any, far_reviewer: StaffCaller, narrowed: Any, acts: Any
) -> None:
    number = await world.accepted()
    documents, document_no = world.applications.documents, (await numbers())[0]
    await documents.draw({"document_no": document_no})
    for attempt in (
        documents.list_own(world.other, number),
        documents.file_own(world.other, number, document_no),
        documents.list_for_staff(far_reviewer, number),
        documents.file_for_staff(far_reviewer, number, document_no, HERE),
        documents.file_own(world.citizen, number, "晋X收字〔2026〕00001号"),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Forbidden):
        await documents.list_for_staff(narrowed(roles=frozenset({Role.PUBLISHER})), number)
    assert (await documents.file_for_staff(world.reviewer, number, document_no, HERE)).startswith(b"%PDF")
    assert (await acts())[-1] == "document.viewed"
