"""After the decision: a licence shown to a verifier with its holder's consent, and a low rating that is followed up.
Played over HTTP; every step is checked."""

from __future__ import annotations

from typing import Any

from demo.counter import Counter
from demo.narrator import Narrator
from demo.person import Person
from demo.wire import Wire, expect

_VERIFIER, _PURPOSE = "太原市某某酒店", "入住登记"


class Afterwards:
    """The holder of a licence, a verifier whom nobody knows, and the chief who answers for the officers.

    Args:
        staff: by username.
        service: the backend, as the verifier meets it: without any token.
    """

    def __init__(self, holder: Person, staff: dict[str, Counter], service: Wire, narrator: Narrator) -> None:
        self._holder, self._service = holder, service
        self._chief, self._officer = staff["approver-xiaodian"], staff["reviewer-xiaodian"]
        self._narrator, self._say = narrator, narrator.say

    async def play(self, number: str) -> None:
        """Play the whole part about a closed case. Raises Unexpected."""
        self._narrator.begin("亮证核验")
        await self.show_licence(number)
        self._narrator.begin("好差评")
        await self.follow_up(number)

    async def show_licence(self, number: str) -> None:
        """The verifier asks for two fields, the holder allows one, and it is told once."""
        phone = self._holder.phone
        licence_no = await self._licence_of(number)
        path = f"/licences/{licence_no}/presentations"
        shown = (await phone.call("POST", path, {"asks_first": True})).expect(201)
        self._say("持证人出示亮证码", f"{shown['expires_in']} 秒内有效，仅一次")
        wish = {"code": shown["code"], "verifier": _VERIFIER, "purpose": _PURPOSE, "fields": ["name", "id_number"]}
        asked = (await self._verifier("", wish)).expect(201)
        expect(asked["status"] == "ASKED", "应等待持证人同意")
        again = await self._verifier("", wish)
        expect(again.status == 404, "亮证码只能使用一次")
        claim, result = {"token": asked["token"]}, f"/{asked['verification_id']}/result"
        waiting = (await self._verifier(result, claim)).expect(202)
        expect(waiting["licence"] is None and not waiting["fields"], "同意之前不应提供任何信息")
        waits = (await phone.call("GET", "/presentations")).expect(200)["data"]
        mine = next(row for row in waits if row["presentation_id"] == shown["presentation_id"])
        self._say("持证人看到核验请求", f"{mine['verifier']} {mine['purpose']}")
        for field in mine["fields"]:
            self._narrator.line(f"将提供  {field['name']}：{field['value']}")
        allowed = mine["fields"][0]["key"]
        (await phone.call("POST", f"/presentations/{shown['presentation_id']}/consent", {"fields": [allowed]})).expect(
            204
        )
        told = (await self._verifier(result, claim)).expect(200)
        expect([field["key"] for field in told["fields"]] == [allowed], "应只提供持证人同意的内容")
        expect(told["licence"]["status"] == "VALID", "证照应有效")
        self._say("同意其中一项，核验方得到", f"{told['fields'][0]['name']} {told['fields'][0]['value']}")
        after = await self._verifier(result, claim)
        kept = after.value if isinstance(after.value, dict) else {}
        expect(not kept.get("fields") and not kept.get("licence"), "核验结果只能领取一次")
        seen = (await phone.call("GET", f"/licences/{licence_no}")).expect(200)["shows"]
        expect(any(row["by"] == _VERIFIER for row in seen), "持证人应看到核验记录")
        self._say("再次领取已无内容，持证人可查记录", "、".join(dict.fromkeys(row["kind_text"] for row in seen)))

    async def follow_up(self, number: str) -> None:
        """A low rating goes to the chief, not to the officer; it is answered and called back."""
        phone = self._holder.phone
        before = await self._figures()
        tag = await self._low_tag()
        given = {"subject_no": number, "grade": 2, "tags": [tag], "comment": "等候时间较长"}
        rated = (await phone.call("POST", "/ratings", given)).expect(201)
        expect((await phone.call("POST", "/ratings", given)).status == 409, "每件只能评价一次")
        self._say("申请人评价", f"{rated['grade_text']} {tag} 须于 {rated['follow_up']['contact_due_on']} 前联系")
        hidden = await self._officer.call("GET", "/rating-follow-ups")
        expect(hidden.status == 403, "经办人不应看到差评")
        line = await self._line(rated)
        expect(number not in str(line), "差评列表不应含办件编号")
        path = f"/rating-follow-ups/{line['follow_up_id']}"
        contact = (await self._chief.call("GET", f"{path}/contact")).expect(200)
        self._say("负责人联系核实（留痕），经办人不可见", f"{contact['name'][:1]}* {contact['phone'][:3]}****")
        line = (await self._chief.call("POST", f"{path}/contact", {"version": line["version"]})).expect(200)
        answer = {"answer": "已增设窗口并向您致歉", "version": line["version"]}
        line = (await self._chief.call("POST", f"{path}/answer", answer)).expect(200)
        mine = (await phone.call("GET", f"/ratings/{number}")).expect(200)
        expect(mine["follow_up"]["answer"] == answer["answer"], "申请人应看到整改反馈")
        self._say("申请人看到整改反馈", mine["follow_up"]["answer"])
        heard = {"was_content": True, "version": line["version"]}
        line = (await self._chief.call("POST", f"{path}/call-back", heard)).expect(200)
        self._say("回访", line["status_text"])
        now = await self._figures()
        expect(now["total"] == before["total"] + 1, f"公开汇总应增加一件：{before} → {now}")
        shown = f"共 {now['total']} 件" + ("，不足五件不公布明细" if now["too_few"] else "")
        self._say("公开汇总", shown)

    async def _licence_of(self, number: str) -> str:
        listed = (await self._holder.phone.call("GET", "/licences")).expect(200)["data"]
        for row in listed:
            licence = (await self._holder.phone.call("GET", f"/licences/{row['licence_no']}")).expect(200)
            if licence["application_no"] == number:
                return str(row["licence_no"])
        expect(False, "没有该办件的电子证照")
        return ""

    async def _verifier(self, path: str, body: dict[str, Any]) -> Any:
        return await self._service.send("POST", f"/api/v1/licence-verifications{path}", value=body)

    async def _figures(self) -> dict[str, Any]:
        return dict((await self._holder.phone.call("GET", "/ratings/figures?division=140105")).expect(200))

    async def _low_tag(self) -> str:
        grades = (await self._holder.phone.call("GET", "/ratings/tags")).expect(200)["data"]
        return str(next(row for row in grades if row["grade"] == 2)["tags"][0])

    async def _line(self, rated: dict[str, Any]) -> dict[str, Any]:
        listed = (await self._chief.call("GET", "/rating-follow-ups?limit=100")).expect(200)["data"]
        return next(row for row in listed if row["rated_at"] == rated["rated_at"])
