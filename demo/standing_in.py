"""People who stand in for each other: an agent with a mandate, a clerk who helps, and a department's own system that
handles the case over signed messages. Played over HTTP; every step is checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from demo.counter import Counter
from demo.narrator import Narrator
from demo.person import Person, decide
from demo.wire import Wire, expect, until

_BEIJING = timezone(timedelta(hours=8))
_SYSTEM = "/control/department/systems/gongan-xiaodian"
_OFFICER = "郭强"


class StandingIn:
    """A principal, an agent, a clerk at the window and the police's own system, in the order of the story.

    Args:
        control: the simulators' control API, which speaks for the department's system.
        story: item, form and materials of the case.
    """

    def __init__(
        self,
        principal: Person,
        agent: Person,
        window: Counter,
        control: Wire,
        story: dict[str, Any],
        narrator: Narrator,
    ) -> None:
        self._principal, self._agent, self._window, self._control = principal, agent, window, control
        self._story, self._narrator, self._say = story, narrator, narrator.say

    async def play(self) -> None:
        """Play the whole part. Raises Unexpected."""
        self._narrator.begin("授权代办")
        await self._principal.be_known()
        await self._agent.be_known()
        mandate_no = await self.authorise()
        number = await self.file_for_principal(mandate_no)
        self._narrator.begin("部门业务系统")
        await self.handle_in_system(number)
        await self.end_mandate(mandate_no, number)
        self._narrator.begin("窗口帮办")
        await self.help_at_window()

    async def authorise(self) -> str:
        """Offer a mandate for one item and a week; the agent accepts. Return its number."""
        today, person = datetime.now(UTC).astimezone(_BEIJING).date(), self._agent.phone.person
        offer = {
            "agent_name": person["name"],
            "agent_id_number": person["id_number"],
            "item_codes": [self._story["item_code"]],
            "from_on": today.isoformat(),
            "until_on": (today + timedelta(days=7)).isoformat(),
        }
        given = (await self._principal.phone.call("POST", "/mandates", offer)).expect(201)
        number = str(given["mandate_no"])
        self._say("委托人授权", f"{number} {given['agent_shown']} {given['from_on']} 至 {given['until_on']}")
        early = {"item_code": self._story["item_code"], "on_behalf_of": {"mandate_no": number}}
        refused = await self._agent.phone.call("POST", "/applications", early)
        expect(refused.status in (403, 404), f"未接受的授权不应能用：{refused.value}")
        accepted = (await self._agent.phone.call("POST", f"/mandates/{number}/accept")).expect(200)
        expect(accepted["is_live"], "接受后授权应生效")
        self._say("代办人接受", f"{accepted['principal_shown']} {accepted['status_text']}")
        return number

    async def file_for_principal(self, mandate_no: str) -> str:
        """File as the agent; both persons stand in the timeline. Return the case's number."""
        materials = await self._agent.photos(*(each["material_code"] for each in self._story["materials"]))
        draft = {
            "item_code": self._story["item_code"],
            "form": self._story["form"] | self._principal.identity,
            "materials": materials,
            "on_behalf_of": {"mandate_no": mandate_no},
        }
        number = await self._agent.file(draft)
        theirs = (await self._principal.phone.call("GET", f"/applications/{number}")).expect(200)
        expect(theirs["status"] == "SUBMITTED", "委托人应看到代办的办件")
        first = (await self._principal.timeline(number))[0]
        expect("代办人" in first["actor_shown"] and "委托" in first["actor_shown"], f"应写明双方：{first}")
        self._say("代办人提交，双方均有记录", f"{number} {first['title']} {first['actor_shown']}")
        return number

    async def handle_in_system(self, number: str) -> None:
        """The department's system reads, accepts and grants the case; the agent pays; the system hears every step."""
        case = await self._asked("case", {"application_no": number})
        name = case["body"]["applicant"]["name"]
        expect(name == self._principal.phone.person["name"], "申请人应是委托人")
        expect(bool(case["files"]) and all(file["fits"] for file in case["files"]), "材料摘要应一致")
        self._say("部门系统取得办件", f"申请人、申请内容及材料 {len(case['files'])} 份（摘要一致）")
        stale = _message(number, "acceptance", "accept", case["body"]["version"] + 7)
        refused = await self._sent("push", stale)
        expect((refused["status"], refused["body"]["code"]) == (409, "stale_version"), f"旧版本应被拒绝：{refused}")
        taken = await self._asked("push", _message(number, "acceptance", "accept", case["body"]["version"]))
        self._say("部门系统回传受理", f"{taken['message_no']} {taken['body']['status_text']}")
        await self._replay(number)
        bill = await self._agent.pay_fee(number)
        self._say("代办人代缴", f"{bill['amount_fen'] / 100:.2f} 元")
        paid = await self._asked("case", {"application_no": number})
        granted = await self._asked("push", _message(number, "result", "approve", paid["body"]["version"]))
        self._say("部门系统回传结果", granted["body"]["status_text"])
        await self._principal.phone.case_in(number, "DELIVERING")
        await decide(self._window, number, "hand-over")
        heard = await until(
            "部门系统收到事件", lambda: self._heard(number), lambda names: "application.closed" in names
        )
        expect(heard[:2] == ["application.submitted", "application.accepted"], f"事件顺序不符：{heard}")
        expect(len(heard) == len(set(heard)), f"事件重复：{heard}")
        self._say("部门系统依次收到签名事件", " → ".join(name.removeprefix("application.") for name in heard))

    async def _replay(self, number: str) -> None:
        """A request that is sent a second time, byte for byte, is refused."""
        wish = {"path": f"/integration/v1/cases/{number}", "forge": {"nonce": f"{number}-demo"}}
        first, second = await self._sent("call", wish), await self._sent("call", wish)
        expect((first["status"], second["status"]) == (200, 401), "重放的请求应被拒绝")
        expect(second["body"]["code"] == "nonce_replayed", f"应为重放：{second}")
        self._say("重放的请求被拒绝", second["body"]["detail"])

    async def end_mandate(self, mandate_no: str, number: str) -> None:
        """Take the mandate back: from then on the agent finds the case no more."""
        (await self._principal.phone.call("POST", f"/mandates/{mandate_no}/revoke")).expect(200)
        (await self._agent.phone.call("GET", f"/applications/{number}")).expect(404)
        self._say("撤销授权，代办人即不能再查看")

    async def help_at_window(self) -> str:
        """A clerk fills the form in with the citizen's consent; handing it in stays the citizen's own act."""
        phone, item_code = self._principal.phone, self._story["item_code"]
        shown = (await self._window.call("POST", "/assistances", {"item_code": item_code})).expect(201)
        seen = (await phone.call("POST", "/assistances/look", {"code": shown["code"]})).expect(200)
        wording = next(one for one in seen["consents"] if not one["may_submit"])
        consent = {"code": shown["code"], "text_sha256": wording["sha256"]}
        helped = (await phone.call("POST", "/assistances/consent", consent)).expect(200)
        self._say("扫码同意帮办", f"{helped['staff_shown']} {helped['item_name']} {helped['status_text']}")
        path = f"/assistances/{helped['assistance_no']}"
        draft = {
            "form": self._story["form"] | self._principal.identity,
            "materials": await self._principal.photos(*(each["material_code"] for each in self._story["materials"])),
        }
        case = (await self._window.call("PUT", f"{path}/draft", draft)).expect(200)
        refused = (await self._window.call("POST", f"{path}/submit", {})).expect(403)
        expect(refused["code"] == "citizen_must_submit", f"未授权提交：{refused}")
        self._say("帮办人员代填，不能代为提交", refused["detail"])
        number = str(case["application_no"])
        (await phone.call("POST", f"/applications/{number}/submit", {})).expect(200)

        async def ended() -> str:
            return str((await phone.call("GET", path)).expect(200)["status"])

        await until("帮办结束", ended, lambda status: status == "ENDED")
        (await self._window.call("PUT", f"{path}/draft", draft)).expect(404, 409)
        self._say("本人提交，帮办随即结束", number)
        (await phone.call("POST", f"/applications/{number}/withdraw", {"reason": "演示"})).expect(200)
        return number

    async def _sent(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict((await self._control.send("POST", f"{_SYSTEM}/{path}", value=body)).expect(200))

    async def _asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        found = await self._sent(path, body)
        expect(found["status"] == 200, f"部门系统的请求被拒绝：{found}")
        return found

    async def _heard(self, number: str) -> list[str]:
        listed = (await self._control.send("GET", f"{_SYSTEM}/events")).expect(200)
        return [each["content"]["event"] for each in listed if each["content"]["application_no"] == number]


def _message(number: str, kind: str, action: str, version: int) -> dict[str, Any]:
    content = {"action": action, "officer": _OFFICER}
    return {"application_no": number, "kind": kind, "version": version, "content": content}
