"""Express delivery both ways (双向快递): originals come by post, the licence goes back, postage is paid on the phone,
the counter hands over by scan; a lost parcel is made again. Played over HTTP; every step is checked."""

from __future__ import annotations

from typing import Any

from demo.counter import Counter
from demo.narrator import Narrator
from demo.parcels import Parcels, holders, newest, parcels_of, shipment_in
from demo.person import Person, decide
from demo.wire import Wire, expect, until

_RENEWAL = "11140105MB0001177F4140709011000"
_BODY = {"division_code": "140105", "department_code": "11140105MB0001177F"}


class Express:
    """A citizen, the window, the reviewer and the dispatcher, in the order of the story.

    Args:
        control: the simulators' control API, which speaks for the couriers.
    """

    def __init__(
        self,
        citizen: Person,
        window: Counter,
        reviewer: Counter,
        dispatcher: Counter,
        control: Wire,
        narrator: Narrator,
    ) -> None:
        self._citizen, self._window, self._reviewer = citizen, window, reviewer
        self._dispatcher, self._parcels = dispatcher, Parcels(control)
        self._narrator, self._say = narrator, narrator.say

    async def play(self) -> None:
        """Play the whole part. Raises Unexpected."""
        self._narrator.begin("双向快递：原件寄来，证照寄回")
        await self._citizen.be_known()
        number = await self.file("ONLINE")
        await self.mail_originals(number)
        await self.decide(number)
        shipment = await self.pay_postage(number)
        await self.hand_over(shipment)
        await self.deliver(number, shipment)
        self._narrator.begin("快件丢失，证照作废补发")
        number = await self.file("ON_DELIVERY")
        await self.bring_originals(number)
        await self.decide(number)
        await self.lose_and_make_again(number)

    async def file(self, payer: str) -> str:
        """File a renewal whose result comes by courier; return its number."""
        phone, person = self._citizen.phone, self._citizen.phone.person
        pasted = f"收件人：{person['name']} 电话：{person['phone']} 山西省太原市小店区平阳路88号3号楼2单元501"
        read = (await phone.call("POST", "/addresses/parse", {"text": pasted})).expect(200)
        expect(read["division_code"] == "140105", f"粘贴的地址应能识别：{read}")
        address = {key: read[key] for key in ("recipient", "phone", "division_code", "street")}
        kept = (await phone.call("POST", "/addresses", address)).expect(201)
        self._say("粘贴地址，自动识别", f"{kept['region']} {kept['street']}")
        form = self._citizen.identity | {
            "residence_address": person["address"],
            "reason": "证件损坏",
            "commitment": True,
        }
        materials = await self._citizen.photos("M02", "M03")
        draft = {"item_code": _RENEWAL, "form": form, "materials": materials}
        number = str((await phone.call("POST", "/applications", draft)).expect(201)["application_no"])
        path = f"/applications/{number}"
        choice = {"method": "COURIER", "address_id": kept["id"], "payer": payer}
        chosen = (await phone.call("PUT", f"{path}/delivery", choice)).expect(200)
        (await phone.call("POST", f"{path}/submit", {})).expect(200)
        self._say("选择快递送达并提交", f"{number} {chosen['receiver_shown']}")
        self._address_id = kept["id"]
        return number

    async def mail_originals(self, number: str) -> None:
        """Receive the case; the citizen has a courier come for the originals; the window confirms what came."""
        path = f"/applications/{number}/mailing"
        await decide(self._window, number, "receive")
        asked = await until("索取原件", lambda: self._mailing(number), bool)
        names = "、".join(row["name"] for row in asked["mailing"]["contents"])
        self._say("预审通过，请寄原件", f"{names} → {asked['window_address']}")
        wish = {"address_id": self._address_id, **asked["slots"][0]}
        (await self._citizen.phone.call("POST", f"{path}/pickup", wish)).expect(200, 201)
        parcel = await newest(self._citizen, number, "INBOUND")
        self._say("预约上门取件", f"{parcel['courier_name']} {parcel['waybill_no']} {wish['pickup_from'][11:16]} 起")
        await self._parcels.move(parcel, "picked_up", "delivered")
        await shipment_in(self._citizen, parcel["shipment_no"], "DELIVERED")
        seen = (await self._window.call("GET", f"/cases/{number}")).expect(200)["case"]
        early = await self._window.call("POST", f"/cases/{number}/accept", {"version": seen["version"]})
        refused = early.expect(409)
        expect(refused["code"] == "originals_awaited", f"未确认收到原件前不应受理：{refused}")
        self._say("未清点原件，不能受理", refused["detail"])
        receipt = (await self._window.call("POST", f"/mailings/{number}/receipt", {"condition": "INTACT"})).expect(200)
        self._say("窗口清点原件", f"{receipt['status_text']} {receipt['condition_text']}")

    async def bring_originals(self, number: str) -> None:
        """Receive the case; the citizen brings the originals."""
        await decide(self._window, number, "receive")
        await until("索取原件", lambda: self._mailing(number), bool)
        (await self._window.call("POST", f"/mailings/{number}/brought", {})).expect(200)
        self._say("原件当面提交")

    async def _mailing(self, number: str) -> dict[str, Any]:
        answer = await self._citizen.phone.call("GET", f"/applications/{number}/mailing")
        return dict(answer.value) if answer.status == 200 else {}

    async def decide(self, number: str) -> None:
        """Accept, have the fee paid, grant; the licence is made."""
        await decide(self._window, number, "accept")
        await self._citizen.pay_fee(number)
        await decide(self._reviewer, number, "approve")
        await self._citizen.phone.case_in(number, "DELIVERING")
        self._say("受理、缴费、准予，证照制成")

    async def pay_postage(self, number: str) -> dict[str, Any]:
        """The parcel waits for its postage; it is booked once that is paid. Return the parcel."""
        waiting = await newest(self._citizen, number, "OUTBOUND", booked=False)
        expect(not waiting["waybill_no"], "邮费未付不应下单")

        async def bill() -> dict[str, Any]:
            listed = (await self._citizen.phone.call("GET", f"/applications/{number}/bills")).expect(200)["data"]
            return next((row for row in listed if row["title"].count("邮") and row["payment_code"]), {})

        due = await until("邮费缴款单", bill, bool)
        await self._citizen.phone.pay(due["bill_no"])
        parcel = await newest(self._citizen, number, "OUTBOUND")
        self._say(
            "在线支付邮费，随即下单",
            f"{due['amount_fen'] / 100:.2f} 元 {parcel['courier_name']} {parcel['waybill_no']}",
        )
        return parcel

    async def hand_over(self, shipment: dict[str, Any]) -> None:
        """Make a batch, print its labels, scan the parcel into the courier's hands, close the batch."""
        wish = _BODY | {"courier": shipment["courier"]}
        batch = (await self._dispatcher.call("POST", "/dispatches", wish)).expect(201)
        path = f"/dispatches/{batch['dispatch_no']}"

        async def labelled() -> dict[str, Any]:
            return dict((await self._dispatcher.call("GET", path)).expect(200)["dispatch"])

        done = await until("面单", labelled, lambda seen: seen["status"] == "READY")
        expect(done["failed"] == 0, f"面单应全部生成：{done}")
        for name in ("labels", "manifest"):
            content: bytes = (await self._dispatcher.call("GET", f"{path}/{name}.pdf")).expect(200)
            expect(content[:5] == b"%PDF-", "应为 PDF")
        self._say("按日交寄", f"{batch['dispatch_no']} 共 {done['total']} 件，面单与交寄清单已生成")
        scans = {"numbers": [shipment["waybill_no"]]}
        (await self._dispatcher.call("POST", f"{path}/scans", scans)).expect(200)
        closing = {"collector": "SF-1001", "reason": "" if done["total"] == 1 else "其余快件留待下一班"}
        (await self._dispatcher.call("POST", f"{path}/close", closing)).expect(200)
        self._say("扫码交接给快递员")

    async def deliver(self, number: str, shipment: dict[str, Any]) -> None:
        """The parcel travels; the citizen watches it; the case ends with the signature."""
        no = shipment["shipment_no"]
        await self._parcels.move(shipment, "picked_up", "out_for_delivery")
        seen = await shipment_in(self._citizen, no, "OUT_FOR_DELIVERY")
        self._say("手机上看进度", f"{seen['status_text']} {seen['promise_text']} {seen['next_text']}")
        for step in seen["steps"]:
            self._narrator.line(f"{step.get('at') or '          '}  {step['title']}")
        await self._parcels.move(shipment, "delivered")
        signed = await shipment_in(self._citizen, no, "DELIVERED")
        await self._citizen.phone.case_in(number, "CLOSED")
        self._say("签收，办件办结", f"{signed['delivered_at']} {signed['signed_text']}")
        held = await holders(self._window, number)
        expect(all(piece["holder"] == "CITIZEN" for piece in held), f"证照应在申请人手中：{held}")
        for piece in held:
            way = " → ".join(change["to_holder_text"] for change in piece["changes"])
            self._narrator.line(f"{piece['title']}  {way}")

    async def lose_and_make_again(self, number: str) -> None:
        """The courier loses the parcel; the licence is voided, made again and delivered."""
        lost = await newest(self._citizen, number, "OUTBOUND")
        licence = await self._licence_no(number)
        await self._parcels.move(lost, "picked_up", "in_transit")
        statement = {"kind": "LOST", "statement": "快递公司书面确认该快件在中转途中灭失"}
        task = (await self._dispatcher.call("POST", f"/shipments/{lost['shipment_no']}/declare", statement)).expect(201)
        self._say("快递公司确认丢失", f"{task['kind_text']} 待处理至 {task['due_at'][:10]}")
        settling = {"outcome": "REISSUED", "note": "作废原证，重新制证并免费寄送"}
        (await self._reviewer.call("POST", f"/shipment-tasks/{task['task_id']}/settle", settling)).expect(200)
        again = await newest(self._citizen, number, "OUTBOUND", at_least=2)
        former = (await self._citizen.phone.call("GET", f"/licences/{licence}")).expect(200)
        expect(former["status"] != "VALID", f"原证照应已作废：{former['status']}")
        fresh = await self._licence_no(number)
        self._say("原证作废，补发新证", f"{licence} → {fresh}")
        await self._parcels.move(again, "picked_up", "delivered")
        await self._citizen.phone.case_in(number, "CLOSED")
        expect(len(await parcels_of(self._citizen, number, "OUTBOUND")) == 2, "应恰有两件快递")
        held = await holders(self._window, number)
        results = {(piece["copy"], piece["holder"]) for piece in held if piece["kind"] == "RESULT"}
        expect((2, "CITIZEN") in results, f"新证应在申请人手中：{held}")
        self._say("新证签收，办件办结", f"{again['courier_name']} {again['waybill_no']}")

    async def _licence_no(self, number: str) -> str:
        phone = self._citizen.phone

        async def valid() -> list[str]:
            listed = (await phone.call("GET", "/licences")).expect(200)["data"]
            shown = [(await phone.call("GET", f"/licences/{row['licence_no']}")).expect(200) for row in listed]
            own = [row for row in shown if row["application_no"] == number]
            return [row["licence_no"] for row in own if row["status"] == "VALID"]

        return (await until("有效证照", valid, lambda numbers: len(numbers) == 1))[0]
