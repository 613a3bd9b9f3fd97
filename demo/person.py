"""One person with both mini-programs, and the steps that every case of theirs takes. The parts about cases play it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from demo.counter import Counter
from demo.phone import Phone
from demo.wire import expect, until


class Person:
    """Somebody known by real name on the phones that they use.

    Args:
        phones: the first one is used where nothing else is said.
    """

    def __init__(self, *phones: Phone) -> None:
        self.phones = phones
        self.phone = phones[0]
        self._photo = ""

    @property
    def identity(self) -> dict[str, Any]:
        """The answers that every form asks for."""
        person = self.phone.person
        return {"applicant_name": person["name"], "id_number": person["id_number"], "phone": person["phone"]}

    async def be_known(self) -> None:
        """Sign in on every phone and prove the name, where that is still to be done."""
        for phone in self.phones:
            await phone.sign_in()
            if (await phone.call("GET", "/me")).expect(200)["real_name_level"] != "L2":
                await phone.bind_phone()
                await phone.prove_name()

    async def photos(self, *material_codes: str) -> list[dict[str, Any]]:
        """Name one photograph for each of these materials."""
        if not self._photo:
            self._photo = str((await self.phone.upload("proof"))["upload_id"])
        return [{"material_code": code, "upload_id": self._photo} for code in material_codes]

    async def file(self, draft: dict[str, Any], method: str = "COUNTER") -> str:
        """Save a draft, choose how the result comes, hand it in; return its number."""
        number = str((await self.phone.call("POST", "/applications", draft)).expect(201)["application_no"])
        path = f"/applications/{number}"
        (await self.phone.call("PUT", f"{path}/delivery", {"method": method})).expect(200)
        (await self.phone.call("POST", f"{path}/submit", {})).expect(200)
        return number

    async def bill(self, number: str) -> dict[str, Any]:
        """Look at the bill of a case; empty while there is none."""
        found = (await self.phone.call("GET", f"/applications/{number}/bills")).expect(200)["data"]
        return dict(found[0]) if found else {}

    async def billed(self, number: str) -> dict[str, Any]:
        """Wait until the bill of a case can be paid; return it."""
        return await until("缴款码", lambda: self.bill(number), lambda seen: bool(seen.get("payment_code")))

    async def pay_fee(self, number: str) -> dict[str, Any]:
        """Wait for the bill of a case, pay it, wait until the fiscal platform has it; return the bill."""
        due = await self.billed(number)
        await self.phone.pay(due["bill_no"])
        await until("财政确认", lambda: self.bill(number), lambda seen: seen["status"] == "CONFIRMED")

        async def case() -> dict[str, Any]:
            return await self.phone.case(number)

        await until("办件记为已缴费", case, lambda seen: bool(seen["fee_paid_at"]))
        return due

    async def documents(self, number: str) -> list[dict[str, Any]]:
        """Wait until all written documents of a case are drawn; return them, oldest first."""

        async def listed() -> list[dict[str, Any]]:
            return list((await self.phone.call("GET", f"/applications/{number}/documents")).expect(200)["data"])

        return await until("文书", listed, lambda rows: bool(rows) and all(row["is_ready"] for row in rows))

    async def document(self, number: str, document_no: str) -> bytes:
        """Fetch one document; its number holds Chinese characters."""
        path = f"/applications/{number}/documents/{quote(document_no, safe='')}/file"
        content: bytes = (await self.phone.call("GET", path)).expect(200)
        expect(content[:5] == b"%PDF-", "文书应为 PDF")
        return content

    async def timeline(self, number: str) -> list[dict[str, Any]]:
        """Read every step of a case."""
        return list((await self.phone.call("GET", f"/applications/{number}/timeline")).expect(200)["data"])


async def decide(counter: Counter, number: str, act: str, **more: Any) -> dict[str, Any]:
    """Have a member of staff act on a case as they see it now; return the case."""
    seen = (await counter.call("GET", f"/cases/{number}")).expect(200)["case"]
    answer = await counter.call("POST", f"/cases/{number}/{act}", {"version": seen["version"], **more})
    return dict(answer.expect(200))
