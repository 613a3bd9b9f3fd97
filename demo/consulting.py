"""Questions of a person: one written in WeChat's chat and answered there, one asked in the mini-program about a case.
Played over HTTP; every step is checked."""

from __future__ import annotations

import secrets
from typing import Any

from demo.counter import Counter
from demo.narrator import Narrator
from demo.phone import Phone
from demo.wire import Wire, expect, until

_ANSWER = "可以委托家人代领，请携带双方身份证原件和委托书。"


class Consulting:
    """A citizen who asks, the province's staff who answer the chat, and the window that answers about a case.

    Args:
        control: the simulators' control API, where the chat is written.
    """

    def __init__(self, phone: Phone, province: Counter, window: Counter, control: Wire, narrator: Narrator) -> None:
        self._phone, self._province, self._window = phone, province, window
        self._control, self._narrator, self._say = control, narrator, narrator.say

    async def play(self, application_no: str) -> None:
        """Play the whole part. Raises Unexpected."""
        self._narrator.begin("咨询")
        await self.ask_in_chat()
        await self.ask_in_app(application_no)

    async def ask_in_chat(self) -> None:
        """Write to customer service in WeChat; the answer of staff arrives in the chat."""
        question = f"请问可以请家人代领证件吗？（{secrets.token_hex(3)}）"
        written = {"person": self._phone.person["key"], "text": question}
        sent = (await self._control.send("POST", "/control/wechat/messages", value=written)).expect(200)
        expect(sent["callback"]["answer"] == "success", f"消息推送应即时应答：{sent}")
        number = await until("咨询", lambda: self._thread_of(question), bool)
        self._say("在微信客服会话中提问", f"{number} {question}")
        answer = _ANSWER + f"（咨询编号{number}）"
        answered = await self._answer(self._province, number, answer)

        async def arrived() -> list[str]:
            return [row["text"] for row in await self._phone.messages() if row["channel"] == "wechat"]

        await until("微信中的回复", arrived, lambda texts: answer in texts)

        async def delivery() -> str:
            thread = (await self._province.call("GET", f"/consultations/{number}")).expect(200)
            return str(thread["messages"][-1]["delivery_text"])

        shown = await until("回复已送达", delivery, lambda text: text != answered["messages"][-1]["delivery_text"])
        self._say("工作人员认领并回复，手机微信收到", f"{answer}（{shown}）")
        await self._end(self._province, number)

    async def ask_in_app(self, application_no: str) -> None:
        """Ask in the mini-program about an own case: the staff of its place answer, a notice tells."""
        question = {"text": "需要本人到场吗？", "application_no": application_no}
        asked = (await self._phone.call("POST", "/consultations", question)).expect(201)
        number = str(asked["consultation_no"])
        self._say("在小程序中就办件提问", f"{number} {asked['status_text']}")
        await self._answer(self._window, number, _ANSWER)

        async def told() -> list[str]:
            listed = (await self._phone.call("GET", "/notices?limit=20")).expect(200)["data"]
            return [row["title"] for row in listed if row["subject_no"] == number]

        titles = await until("咨询答复通知", told, bool)
        thread = (await self._phone.call("GET", f"/consultations/{number}")).expect(200)
        expect(thread["messages"][-1]["text"] == _ANSWER and thread["unread"] == 1, f"应有一条未读回复：{thread}")
        (await self._phone.call("POST", f"/consultations/{number}/read")).expect(204)
        self._say("办理地窗口回复，站内通知", f"{titles[0]}：{_ANSWER}")
        await self._end(self._window, number)

    async def _thread_of(self, question: str) -> str:
        """The number of the person's newest thread that holds these words; empty while there is none."""
        listed = (await self._phone.call("GET", "/consultations?limit=1")).expect(200)["data"]
        for row in listed:
            thread = (await self._phone.call("GET", f"/consultations/{row['consultation_no']}")).expect(200)
            if any(message["text"] == question for message in thread["messages"]):
                return str(row["consultation_no"])
        return ""

    async def _answer(self, staff: Counter, number: str, text: str) -> dict[str, Any]:
        claimed = (await staff.call("POST", f"/consultations/{number}/claim", {})).expect(200)
        answer = {"text": text, "version": claimed["version"]}
        return dict((await staff.call("POST", f"/consultations/{number}/answer", answer)).expect(201))

    async def _end(self, staff: Counter, number: str) -> None:
        (await staff.call("POST", f"/consultations/{number}/close", {})).expect(200)
