"""Parts of the journey for tests that need somebody who stands at a certain point of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.counter import Counter
from demo.phone import Phone
from demo.wire import Wire, until

STORY: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "demo.json").read_text(encoding="utf-8"),
)


@dataclass
class Applicant:
    """A citizen whose real name is proven, and the staff who will decide."""

    phone: Phone
    window: Counter
    reviewer: Counter
    control: Wire

    async def ready(self) -> None:
        """Bind the phone and prove the name, where that is still to be done."""
        if (await self.phone.call("GET", "/me")).expect(200)["real_name_level"] != "L2":
            await self.phone.bind_phone()
            await self.phone.prove_name()

    def form(self) -> dict[str, Any]:
        """The answers of the story in this person's name."""
        person = self.phone.person
        own = {"applicant_name": person["name"], "id_number": person["id_number"], "phone": person["phone"]}
        return dict(STORY["form"]) | own

    async def draft(self) -> dict[str, Any]:
        """Save a complete draft, to be fetched at the counter; return the case."""
        await self.ready()
        photo = (await self.phone.upload("proof"))["upload_id"]
        materials = [{"material_code": each["material_code"], "upload_id": photo} for each in STORY["materials"]]
        wish = {"item_code": STORY["item_code"], "form": self.form(), "materials": materials}
        case = (await self.phone.call("POST", "/applications", wish)).expect(201)
        path = f"/applications/{case['application_no']}/delivery"
        (await self.phone.call("PUT", path, {"method": "COUNTER"})).expect(200)
        return dict(case)

    async def submitted(self) -> str:
        """Hand a case in; return its number."""
        number = str((await self.draft())["application_no"])
        (await self.phone.call("POST", f"/applications/{number}/submit", {})).expect(200)
        return number

    async def bill(self, number: str) -> dict[str, Any]:
        """Return the case's bill; empty while there is none."""
        found = (await self.phone.call("GET", f"/applications/{number}/bills")).expect(200)["data"]
        return dict(found[0]) if found else {}

    async def billed(self) -> tuple[str, str]:
        """Hand a case in and have it accepted; return its number and the bill's."""
        number = await self.submitted()
        (await self.window.call("POST", f"/cases/{number}/accept", {})).expect(200)
        bill = await until("bill", lambda: self.bill(number), bool)
        return number, str(bill["bill_no"])

    async def order(self, bill_no: str) -> dict[str, Any]:
        """Open a payment at the person's own platform."""
        wish = {"bill_no": bill_no, "channel": self.phone.platform.upper()}
        return dict((await self.phone.call("POST", "/payments", wish)).expect(201))

    async def tap(self, order: dict[str, Any], notify: str = "normal") -> dict[str, Any]:
        """Pay at the platform's cashier; `notify` says what the platform's callback is like."""
        tap: dict[str, Any] = {"person": self.phone.person["key"], "notify": notify}
        if self.phone.platform == "wechat":
            paid = await self.control.send(
                "POST", "/control/wechat_pay/pay", value=tap | {"parameters": order["parameters"]}
            )
        else:
            tap["tradeNO"] = order["parameters"]["tradeNO"]
            paid = await self.control.send("POST", "/control/alipay/pay", value=tap)
        return dict(paid.expect(200))

    async def notify(self, order: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Have the platform send its payment callback (again)."""
        part = "wechat_pay/orders" if self.phone.platform == "wechat" else "alipay/trades"
        path = f"/control/{part}/{order['out_trade_no']}/notify"
        return dict((await self.control.send("POST", path, value=more)).expect(200))

    async def payment(self, order: dict[str, Any]) -> dict[str, Any]:
        """Look at the payment."""
        return dict((await self.phone.call("GET", f"/payments/{order['out_trade_no']}")).expect(200))

    async def paid(self, number: str) -> dict[str, Any]:
        """Wait until the bill is paid and the fiscal platform has confirmed it."""
        return await until("payment", lambda: self.bill(number), lambda bill: bill["status"] == "CONFIRMED")

    async def receipted(self, number: str) -> dict[str, Any]:
        """Wait until the receipt of the paid bill is there; return the bill."""
        return await until("receipt", lambda: self.bill(number), lambda bill: bool(bill["receipt"]))

    async def approved(self, number: str) -> None:
        """Have the paid case approved."""
        await until("fee noted", lambda: self._seen(number), lambda case: bool(case["fee_paid"]))
        (await self.reviewer.call("POST", f"/cases/{number}/approve", {})).expect(200)

    async def finished(self, number: str) -> dict[str, Any]:
        """Have the paid case approved and handed over; return it."""
        await self.approved(number)
        await self.phone.case_in(number, "DELIVERING")
        (await self.window.call("POST", f"/cases/{number}/hand-over", {})).expect(200)
        return await self.phone.case_in(number, "CLOSED")

    async def _seen(self, number: str) -> dict[str, Any]:
        return dict((await self.reviewer.call("GET", f"/cases/{number}")).expect(200)["case"])
