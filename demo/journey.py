"""One citizen's journey from log-in to the licence in hand, with what the citizen sees at each step."""

from __future__ import annotations

from typing import Any

import aiohttp
from rich.console import Console

from demo.counter import Counter
from demo.narrator import Narrator
from demo.phone import Phone
from demo.wire import Wire, expect, until

_PLATFORMS = {"wechat": "微信", "alipay": "支付宝"}


class Journey:
    """The citizen's phone, the counter and the courier, in the order of the story."""

    def __init__(
        self,
        phone: Phone,
        window: Counter,
        reviewer: Counter,
        control: Wire,
        story: dict[str, Any],
        session: aiohttp.ClientSession,
        console: Console,
    ) -> None:
        self._phone, self._window, self._reviewer, self._control = phone, window, reviewer, control
        self._story, self._session, self._console = story, session, console
        self._narrator = Narrator(console)
        self._say = self._narrator.say

    async def play(self) -> str:
        """Play the whole journey; return the application number. Raises Unexpected."""
        person = self._phone.person
        self._narrator.begin(f"{_PLATFORMS[self._phone.platform]}：{person['name']}")
        await self._log_in()
        await self._find_item()
        number = await self._apply()
        await self._accept(number)
        await self._pay(number)
        await self._approve_and_deliver(number)
        await self._look_back(number)
        return number

    async def _log_in(self) -> None:
        signed_in = await self._phone.sign_in()
        self._say("登录", f"实名等级 {signed_in['citizen']['real_name_level']}")
        me = await self._phone.bind_phone()
        self._say("绑定手机号", f"{me['phone']}")
        expect(me["phone"].startswith(self._phone.person["phone"][:3]) and "****" in me["phone"], "手机号未打码")
        verified = await self._phone.prove_name()
        self._say("实名认证", f"等级 {verified['real_name_level']}")
        expect(verified["real_name_level"] == "L2", "实名等级应为 L2")
        await self._phone.listen(self._session)

    async def _find_item(self) -> None:
        code = self._story["item_code"]
        found = (await self._phone.call("GET", "/items?q=身份证&division=140105")).expect(200)["data"]
        expect(any(row["item_code"] == code for row in found), "搜索“身份证”未找到该事项")
        guide = (await self._phone.call("GET", f"/items/{code}")).expect(200)
        self._say("查找事项", f"{guide['name']}")

    async def _apply(self) -> str:
        form = self._story["form"] | {
            "applicant_name": self._phone.person["name"],
            "id_number": self._phone.person["id_number"],
            "phone": self._phone.person["phone"],
        }
        uploads = [await self._phone.upload(f"{material['material_code']} page") for material in self._photos()]
        materials = [
            {"material_code": material["material_code"], "upload_id": upload["upload_id"]}
            for material, upload in zip(self._photos(), uploads, strict=True)
        ]
        self._say("上传照片", "、".join(f"{upload['content_type']} {upload['size']} 字节" for upload in uploads))
        draft = {"item_code": self._story["item_code"], "form": form, "materials": materials}
        faulty = dict(draft, form=form | {"phone": "123"})
        refusal = (await self._phone.call("POST", "/applications", faulty)).expect(400)
        self._say("填错手机号被指出", f"{refusal['errors'][0]['path']}：{refusal['errors'][0]['message']}")
        case = (await self._phone.call("POST", "/applications", draft)).expect(201)
        number = str(case["application_no"])
        await self._choose_courier(number)
        allowed = await self._phone.allow_messages()
        self._say("同意接收订阅消息", f"{allowed} 种")
        case = (await self._phone.call("POST", f"/applications/{number}/submit", {})).expect(200)
        self._say("提交申请", f"{number} {case['status_text']}")
        return number

    def _photos(self) -> list[dict[str, Any]]:
        return list(self._story["materials"])

    async def _choose_courier(self, number: str) -> None:
        person = self._phone.person
        address = {
            "recipient": person["name"],
            "phone": person["phone"],
            "division_code": person["division"],
            "street": "平阳路88号3号楼2单元501",
            "is_default": True,
        }
        kept = (await self._phone.call("POST", "/addresses", address)).expect(201)
        choice = {"method": "COURIER", "address_id": kept["id"]}
        chosen = (await self._phone.call("PUT", f"/applications/{number}/delivery", choice)).expect(200)
        self._say("选择快递送达", chosen["receiver_shown"])

    async def _accept(self, number: str) -> None:
        listed = (await self._window.call("GET", "/cases?tab=SUBMITTED&limit=100")).expect(200)["data"]
        expect(any(row["application_no"] == number for row in listed), "窗口列表中没有该办件")
        seen = (await self._window.call("GET", f"/cases/{number}")).expect(200)
        decided = {"version": seen["case"]["version"]}
        (await self._window.call("POST", f"/cases/{number}/accept", decided)).expect(200)
        case = await self._phone.case_in(number, "ACCEPTED")
        self._say("窗口受理", f"承诺办结日 {case.get('promised_due_on')}")

    async def _bill(self, number: str) -> dict[str, Any] | None:
        bills = (await self._phone.call("GET", f"/applications/{number}/bills")).expect(200)["data"]
        return dict(bills[0]) if bills else None

    async def _coded(self, number: str) -> dict[str, Any] | None:
        bill = await self._bill(number)
        return bill if bill and bill["payment_code"] else None

    async def _pay(self, number: str) -> None:
        bill = await until("缴款码", lambda: self._coded(number), lambda found: found is not None)
        assert bill is not None
        expect(bill["amount_fen"] == self._story["fee_fen"], f"金额应为 {self._story['fee_fen']} 分")
        self._say("收到缴款单", f"缴款码 {bill['payment_code']} {bill['amount_fen'] / 100:.2f} 元")
        order = await self._phone.pay(bill["bill_no"])
        paid = await until("支付成功", lambda: self._bill(number), lambda b: b is not None and b["paid_at"] is not None)
        self._say("支付", f"{order['out_trade_no']} {paid and paid['status_text']}")
        payment = (await self._phone.call("GET", f"/payments/{order['out_trade_no']}")).expect(200)
        expect(payment["status"] == "SUCCEEDED", "支付单状态应为 SUCCEEDED")
        done = await until(
            "财政确认", lambda: self._bill(number), lambda b: b is not None and b["status"] == "CONFIRMED"
        )
        self._say("财政确认", f"{done and done['status_text']} {done and done['confirmed_at']}")
        await self._receipt(number)

    async def _receipt(self, number: str) -> None:
        billed = await until("财政电子票据", lambda: self._bill(number), lambda b: b is not None and bool(b["receipt"]))
        assert billed is not None
        receipt = billed["receipt"]
        self._say("财政电子票据", f"代码 {receipt['code']} 号码 {receipt['number']} 校验码 {receipt['check_code']}")
        async with self._session.get(receipt["url"]) as answer:
            expect((await answer.read())[:5] == b"%PDF-", "财政电子票据应可下载")

    async def _fee_noted(self, number: str) -> dict[str, Any]:
        return dict((await self._reviewer.call("GET", f"/cases/{number}")).expect(200)["case"])

    async def _approve_and_deliver(self, number: str) -> None:
        case = await until("窗口看到已缴费", lambda: self._fee_noted(number), lambda c: bool(c["fee_paid"]))
        decided = {"version": case["version"]}
        (await self._reviewer.call("POST", f"/cases/{number}/approve", decided)).expect(200)
        self._say("审核准予")
        await self._phone.case_in(number, "DELIVERING")
        licences = (await self._phone.call("GET", "/licences")).expect(200)["data"]
        expect(bool(licences), "没有电子证照")
        licence = (await self._phone.call("GET", f"/licences/{licences[0]['licence_no']}")).expect(200)
        expect(licence["application_no"] == number, "最新的电子证照不是该办件的")
        self._say("电子证照", f"{licence['type_name']} {licence['identifier']}")
        pdf = (await self._phone.call("GET", f"/licences/{licence['licence_no']}/document")).expect(200)
        expect(pdf[:5] == b"%PDF-", "证照文件应为 PDF")
        shipment = await until("快递下单", lambda: self._shipment(number), lambda s: bool(s.get("waybill_no")))
        self._say("快递已下单", f"顺丰 {shipment['waybill_no']}")
        number_ours = shipment["shipment_no"]
        move = f"/control/sf/orders/{number_ours}/move"
        for state in ("picked_up", "out_for_delivery", "delivered"):
            (await self._control.send("POST", move, value={"to": state})).expect(200)
        case = await self._phone.case_in(number, "CLOSED")
        self._say("快递签收，办结", f"{case['status_text']} {case['outcome']}")
        expect(case["outcome"] == "GRANTED", "结果应为 GRANTED")

    async def _shipment(self, number: str) -> dict[str, Any]:
        listed = (await self._phone.call("GET", f"/applications/{number}/shipments")).expect(200)["data"]
        return dict(listed[0]) if listed else {}

    async def _look_back(self, number: str) -> None:
        timeline = (await self._phone.call("GET", f"/applications/{number}/timeline")).expect(200)["data"]
        self._say("时间线")
        for row in timeline:
            self._console.print(
                f"      {row['occurred_at']}  {row['title']}  {row['actor_shown']}  [dim]{row['told']}[/dim]"
            )
        arrived = await self._phone.messages()
        self._say("手机上收到的消息", f"{len(arrived)} 条")
        for message in arrived:
            self._console.print(f"      {message['channel']}  {message['text']}", markup=False)
        expect(bool(arrived), "手机上没有收到任何消息")
        inbox = (await self._phone.call("GET", "/notices?limit=50")).expect(200)["data"]
        self._say("站内消息", f"{len(inbox)} 条")
        expect(len(inbox) >= 5, "站内消息少于 5 条")
        await self._phone.must_see(
            "application.accepted",
            "bill.paid",
            "bill.confirmed",
            "receipt.issued",
            "licence.issued",
            "shipment.delivered",
        )
        self._say("实时推送", f"{len(self._phone.seen)} 个事件")
        self._phone.hang_up()


async def check_one_person_on_both_platforms(first: Phone, second: Phone, number: str, console: Console) -> None:
    """The same ID number on both platforms is one person, who sees the same cases in both. Raises Unexpected."""
    console.rule("[bold]同一个人的两个身份")
    await first.sign_in()
    await second.sign_in()
    await second.bind_phone()
    await second.prove_name()
    mine = [(await phone.call("GET", "/me")).expect(200)["id"] for phone in (first, second)]
    expect(mine[0] == mine[1], "微信与支付宝应是同一个人")

    async def seen() -> list[str]:
        rows = (await second.call("GET", "/applications")).expect(200)["data"]
        return [row["application_no"] for row in rows]

    await until("支付宝中看到同一办件", seen, lambda numbers: number in numbers)
    console.print(f"支付宝中也看到 {number}")
