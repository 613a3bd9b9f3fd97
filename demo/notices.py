"""How a person is told: their wishes, the permissions of WeChat, a push by staff, the live stream that is taken up
again. Played over HTTP; every step is checked."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import aiohttp

from demo.counter import Counter
from demo.narrator import Narrator
from demo.person import Person, decide
from demo.wire import Answer, Wire, expect, until

_BEIJING = timezone(timedelta(hours=8))
_VISIT, _NOTE, _COLLECT = "push.visit_appointment", "push.progress_note", "push.collect_result"
_NOTE_SHOWN, _COUNTER = "进度说明", "小店区政务服务中心5号窗口"


class Notices:
    """A citizen with WeChat, and the window that works on her case.

    Args:
        control: the simulators' control API, where she answers the permission panel.
        story: item, form and materials of the case.
        session: opens the live stream.
    """

    def __init__(
        self,
        citizen: Person,
        window: Counter,
        control: Wire,
        story: dict[str, Any],
        session: aiohttp.ClientSession,
        narrator: Narrator,
    ) -> None:
        self._citizen, self._phone, self._window = citizen, citizen.phone, window
        self._control, self._story, self._session = control, story, session
        self._narrator, self._say = narrator, narrator.say
        self._number = ""
        self._asked: dict[str, dict[str, str]] = {}

    async def play(self) -> str:
        """Play the whole part; return the number of the case. Raises Unexpected."""
        self._narrator.begin("消息：订阅与偏好")
        await self._citizen.be_known()
        self._number = await self._file()
        self._asked = await self._variables()
        await self._wish()
        await self.allow()
        await self.be_old_at_night()
        await self.push_once()
        await self.mute_a_topic()
        await self.refuse()
        self._narrator.begin("实时推送：断线续传")
        await self.come_back()
        return self._number

    async def allow(self) -> None:
        """Ask what to ask for, accept one panel, and see the stock grow by one."""
        before = await self._stock()
        listed = (await self._phone.call("GET", "/subscriptions")).expect(200)
        panel = next(each for each in listed["panels"] if before["template_id"] in each["template_ids"])
        await self._phone.accept(panel["template_ids"])
        now = await self._stock()
        expect(now["in_stock"] == before["in_stock"] + 1, f"应恰好多一次授权：{before} → {now}")
        titles = [row["title"] for row in listed["data"] if row["template_id"] in panel["template_ids"]]
        self._say("小程序询问授权，本人同意", f"{'、'.join(titles)}；“{now['title']}”可用 {now['in_stock']} 次")

    async def be_old_at_night(self) -> None:
        """Elder mode and quiet hours: what is urgent comes by SMS at once, what is not waits for the morning."""
        stock, local = await self._stock(), datetime.now(UTC).astimezone(_BEIJING)
        begins, ends = local - timedelta(hours=1), local - timedelta(hours=2)
        await self._wish(elder_mode=True, quiet=True, quiet_from=f"{begins:%H:%M}", quiet_until=f"{ends:%H:%M}")
        self._say("开启关怀模式与免打扰", f"短信优先；{begins:%H:%M} 至次日 {ends:%H:%M} 只发紧急消息")
        note = (await self._push(_NOTE)).expect(201)
        text = await self._arrived("sms", self._push(_VISIT))
        self._say("紧急消息仍即时以短信送达", text)
        await self._in_inbox(note["text"])
        expect(not await self._shown(_NOTE_SHOWN), "免打扰时段内不应推送非紧急消息")
        expect(await self._stock() == stock, "短信送达不应消耗微信授权")
        self._say("非紧急消息先进站内，推送顺延", note["title"])
        await self._wish()

    async def push_once(self) -> None:
        """Staff push from a template; the same request again sends nothing, and one message costs one permission."""
        stock, key = await self._stock(), secrets.token_hex(12)
        text = await self._arrived("wechat", self._push(_VISIT, key=key))
        again = await self._push(_VISIT, key=key)
        expect(again.status == 201 and again.headers.get("Idempotent-Replay") == "true", f"重复提交：{again.value}")
        other = (await self._push(_NOTE, key=key)).expect(409)
        now = await until("授权被消耗", self._stock, lambda seen: seen["in_stock"] < stock["in_stock"])
        expect(now["in_stock"] == stock["in_stock"] - 1, f"一条消息应恰好消耗一次授权：{stock} → {now}")
        self._say("关闭关怀模式，窗口按模板推送", text.replace("\n", " "))
        self._say("重复点击不再发送；换内容被拒绝", f"{other['detail']}；剩余授权 {now['in_stock']} 次")

    async def mute_a_topic(self) -> None:
        """A topic that is switched off reaches the inbox only, though there is a permission."""
        names = (await self._phone.call("GET", "/me/preferences/choices")).expect(200)["topics"]
        await self.allow()
        stock = await self._stock()
        await self._wish(elder_mode=True, topics={"delivery": {"subscribe_messages": False}})
        pushed = (await self._push(_COLLECT, place=_COUNTER)).expect(201)
        await self._in_inbox(pushed["text"])
        await self._arrived("sms", self._push(_VISIT))
        expect(not await self._shown(_COUNTER), "关闭的主题不应推送")
        expect(await self._stock() == stock, "关闭的主题不应消耗授权")
        self._say(f"关闭“{names['delivery']}”的推送，只进站内消息，其他照常", pushed["text"])

    async def refuse(self) -> None:
        """She forbids it in WeChat's settings, unknown to us: WeChat refuses, SMS takes over, the stock is void."""
        await self._wish()
        before = await self._stock()
        expect(before["in_stock"] > 0, f"应有可用的授权：{before}")
        choice = {"person": self._phone.person["key"], "template_id": before["template_id"], "result": "ban"}
        (await self._control.send("POST", "/control/wechat/subscriptions", value=choice | {"push": False})).expect(200)
        text = await self._arrived("sms", self._push(_VISIT))
        now = await until("授权作废", self._stock, lambda seen: seen["in_stock"] == 0)
        self._say("微信拒收（43101），改发短信", text)
        self._say("本地授权随之作废", f"{before['in_stock']} → {now['in_stock']}，小程序将重新询问")

    async def come_back(self) -> None:
        """The phone loses its stream, the case goes on, and the phone takes up where it was."""
        phone = self._phone
        phone.seen.clear()
        await phone.listen(self._session)
        await phone.must_see("stream.ready")
        (await self._push(_NOTE)).expect(201)
        (await phone.call("POST", "/notices/read", {"all": True})).expect(200)
        await phone.must_see("notice.created", "notice.read")
        last_id = next(event["id"] for event in reversed(phone.seen) if event.get("id"))
        phone.hang_up()
        self._say("手机断线", f"已收到 {last_id}")
        await decide(self._window, self._number, "accept")
        await self._citizen.billed(self._number)
        phone.seen.clear()
        await phone.listen(self._session, last_id)
        await phone.must_see("stream.ready", "application.accepted", "bill.issued")
        phone.hang_up()
        ready, *missed = phone.seen
        names, ids = [event["event"] for event in missed], [event["id"] for event in missed if event.get("id")]
        expect(ready["event"] == "stream.ready" and ready["resumed"], f"应从断点继续：{ready}")
        expect("stream.gap" not in names and len(ids) == len(set(ids)), f"不应有缺失或重复：{phone.seen}")
        self._say("重新连接，断线期间的事件一个不少", " → ".join(names))

    async def _file(self) -> str:
        draft = {
            "item_code": self._story["item_code"],
            "form": self._story["form"] | self._citizen.identity,
            "materials": await self._citizen.photos(*(each["material_code"] for each in self._story["materials"])),
        }
        return await self._citizen.file(draft)

    async def _variables(self) -> dict[str, dict[str, str]]:
        """What each template asks for, filled with its own samples."""
        listed = (await self._window.call("GET", f"/cases/{self._number}/notice-templates")).expect(200)["data"]
        return {row["code"]: {each["name"]: each["sample"] for each in row["variables"]} for row in listed}

    async def _wish(self, **wishes: Any) -> None:
        """Replace all preferences: what is not named is as if never said, at any hour."""
        (await self._phone.call("PUT", "/me/preferences", {"quiet": False} | wishes)).expect(200)

    async def _stock(self) -> dict[str, Any]:
        """The permission for appointments, which is asked for anew in every play."""
        listed = (await self._phone.call("GET", "/subscriptions")).expect(200)["data"]
        return next(row for row in listed if _VISIT in row["events"])

    async def _push(self, template: str, key: str = "", **values: str) -> Answer:
        request = {"template": template, "variables": self._asked[template] | values}
        return await self._window.call("POST", f"/cases/{self._number}/notices", request, key=key)

    async def _arrived(self, channel: str, push: Any) -> str:
        """Push an appointment, and wait until the phone has one more on a channel; return its text."""
        place = self._asked[_VISIT]["place"]

        async def newest() -> dict[str, Any]:
            rows = [row for row in await self._phone.messages() if row["channel"] == channel and place in row["text"]]
            return rows[-1] if rows else {"at": "", "text": ""}

        before = await newest()
        (await push).expect(201)
        now = await until(f"{channel} 消息", newest, lambda row: bool(row["at"] > before["at"]))
        return str(now["text"])

    async def _shown(self, words: str) -> list[str]:
        """What the phone shows about this case with these words."""
        texts = [row["text"] for row in await self._phone.messages()]
        return [text for text in texts if words in text and self._number in text]

    async def _in_inbox(self, text: str) -> None:
        async def listed() -> list[str]:
            return [row["text"] for row in (await self._phone.call("GET", "/notices?limit=20")).expect(200)["data"]]

        await until("站内消息", listed, lambda texts: text in texts)
