"""A person with both mini-programs who is billed, and what that person is shown of a bill. The money part plays it."""

from __future__ import annotations

from typing import Any

from demo.counter import Counter
from demo.phone import Phone
from demo.wire import until


class Payer:
    """One person's two phones, and the window that accepts the cases to be paid.

    Args:
        story: item, form and materials of the case.
    """

    def __init__(self, wechat: Phone, alipay: Phone, window: Counter, story: dict[str, Any]) -> None:
        self.wechat, self.alipay = wechat, alipay
        self._window, self._story = window, story
        self._photo = ""

    async def be_known(self) -> None:
        """Sign in on both platforms and prove the name, where that is still to be done."""
        for phone in (self.wechat, self.alipay):
            await phone.sign_in()
            if (await phone.call("GET", "/me")).expect(200)["real_name_level"] != "L2":
                await phone.bind_phone()
                await phone.prove_name()
        self._photo = str((await self.wechat.upload("proof"))["upload_id"])

    async def billed(self) -> dict[str, Any]:
        """Hand a case in and have it accepted; return the bill that came of it, with its payment code."""
        person = self.wechat.person
        own = {"applicant_name": person["name"], "id_number": person["id_number"], "phone": person["phone"]}
        draft = {
            "item_code": self._story["item_code"],
            "form": self._story["form"] | own,
            "materials": [
                {"material_code": each["material_code"], "upload_id": self._photo} for each in self._story["materials"]
            ],
        }
        number = str((await self.wechat.call("POST", "/applications", draft)).expect(201)["application_no"])
        path = f"/applications/{number}"
        (await self.wechat.call("PUT", f"{path}/delivery", {"method": "COUNTER"})).expect(200)
        (await self.wechat.call("POST", f"{path}/submit", {})).expect(200)
        (await self._window.call("POST", f"/cases/{number}/accept", {})).expect(200)
        return await until("缴款码", lambda: self.bill(number), lambda bill: bool(bill.get("payment_code")))

    async def bill(self, number: str) -> dict[str, Any]:
        """Look at the bill of a case; empty while there is none."""
        found = (await self.wechat.call("GET", f"/applications/{number}/bills")).expect(200)["data"]
        return dict(found[0]) if found else {}

    async def bill_in(self, bill: dict[str, Any], status: str) -> dict[str, Any]:
        """Wait until a bill is in a state."""
        number = str(bill["subject_no"])
        return await until(f"缴款单进入 {status}", lambda: self.bill(number), lambda seen: seen["status"] == status)

    async def payment(self, order: dict[str, Any]) -> dict[str, Any]:
        """Look at a payment with its refunds."""
        return dict((await self.wechat.call("GET", f"/payments/{order['out_trade_no']}")).expect(200))

    async def refunded(self, order: dict[str, Any]) -> dict[str, Any]:
        """Wait until the one refund of a payment is through; return it as the payer sees it."""
        seen = await until(
            "退款成功",
            lambda: self.payment(order),
            lambda payment: [refund["status"] for refund in payment["refunds"]] == ["SUCCEEDED"],
        )
        return dict(seen["refunds"][0])
