"""A mass push: a list with a bad line, a draft, two people who decide, a pause, and counters that the phones confirm.
Played over HTTP; every step is checked."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import aiohttp

from demo.counter import Counter
from demo.narrator import Narrator
from demo.person import Person
from demo.wire import expect, until

_STRANGER = "140105202502180026"
_TEMPLATE = "campaign.policy"
_A_SECOND = 1
_SETTLES_SECONDS = 1.2


class MassPush:
    """The publisher, a second person who approves, and the people on the list.

    Args:
        people: on the list; the last of them has allowed nothing and finds the notice in the inbox.
    """

    def __init__(self, author: Counter, second: Counter, people: list[Person], narrator: Narrator) -> None:
        self._author, self._second, self._people = author, second, people
        self._narrator, self._say = narrator, narrator.say
        self._policy = f"灵活就业社保补贴{secrets.token_hex(3)}"

    async def play(self) -> None:
        """Play the whole part. Raises Unexpected."""
        self._narrator.begin("群发")
        await self._be_ready()
        list_id = await self.upload_list()
        number = await self.compose(list_id)
        await self.agree(number)
        await self.run(number)
        await self.compare(number)

    async def upload_list(self) -> str:
        """Upload a list of ID numbers with one that is not on record and one bad line; return its id."""
        numbers = [person.phone.person["id_number"] for person in self._people]
        lines = ["身份证号", *numbers, _STRANGER, "14010519900307001"]
        form = aiohttp.FormData()
        form.add_field("name", "演示名单")
        form.add_field("file", "\n".join(lines).encode(), filename="list.csv", content_type="text/csv")
        begun = (await self._author.call("POST", "/audience-lists", form=form)).expect(202)

        async def report() -> dict[str, Any]:
            return dict((await self._author.call("GET", f"/audience-lists/{begun['list_id']}")).expect(200))

        seen = await until("名单读取", report, lambda found: found["status"] != "READING")
        figures = (seen["matched"], seen["unknown"], seen["bad"])
        expect(figures == (len(numbers), 1, 1), f"名单报告不符：{seen}")
        self._say("上传名单", f"匹配 {seen['matched']} 人，未登记 {seen['unknown']} 人，有误 {seen['bad']} 行")
        for bad in seen["bad_lines"]:
            self._narrator.line(f"第 {bad['line']} 行：{bad['fault']}")
        return str(seen["list_id"])

    async def compose(self, list_id: str) -> str:
        """Write a draft, look at each channel, estimate; return the campaign's number."""
        draft = {
            "title": "社保补贴政策告知",
            "template_code": _TEMPLATE,
            "variables": {
                "policy": self._policy,
                "summary": "符合条件的可在12月底前申领",
                "issuer": "太原市小店区人社局",
                "page_code": "ZC20261101",
            },
            "audience": {"list_id": list_id},
            "rate_per_second": _A_SECOND,
        }
        made = (await self._author.call("POST", "/campaigns", draft)).expect(201)
        number = str(made["campaign_no"])
        previews = (await self._author.call("GET", f"/campaigns/{number}/preview")).expect(200)["data"]
        self._say("起草", f"{number} {made['title']}")
        for shown in previews:
            self._narrator.line(f"{shown['channel_text']}  {'；'.join(line['text'] for line in shown['lines'])}")
        sized = (await self._author.call("POST", f"/campaigns/{number}/estimate", {})).expect(200)
        expect(sized["estimated"] == len(self._people), f"应估算为 {len(self._people)} 人：{sized['estimated']}")
        self._say("估算受众", f"{sized['estimated']} 人")
        return number

    async def agree(self, number: str) -> None:
        """Hand in; above the size somebody else has to agree, and the author may not."""
        handed_in = await self._act(self._author, number, "submit")
        if not handed_in["needs_approval"]:
            expect(handed_in["status"] == "APPROVED", f"无须审核时应可直接开始：{handed_in}")
            self._say("提交", f"{handed_in['status_text']}（人数不多，无须第二人审核）")
            return
        self._say("提交", handed_in["status_text"])
        refused = (await self._author.call("POST", f"/campaigns/{number}/approve", {})).expect(403)
        early = (await self._author.call("POST", f"/campaigns/{number}/start", {})).expect(409)
        self._say("起草人不能自己审核，也不能先开始", f"{refused['detail']}；{early['detail']}")
        approved = await self._act(self._second, number, "approve")
        self._say("第二人审核", f"{approved['approved_by']} {approved['status_text']}")

    async def run(self, number: str) -> None:
        """Start, stop for a moment while messages go out, go on, and wait for the end."""
        await self._act(self._author, number, "start")
        await until("开始发送", lambda: self._look(number), lambda seen: seen["status"] == "SENDING")
        paused = await self._act(self._author, number, "pause")
        await asyncio.sleep(_SETTLES_SECONDS)
        before = await self._look(number)
        await asyncio.sleep(_SETTLES_SECONDS)
        now = await self._look(number)
        expect(now["status"] == "PAUSED" and now["counts"] == before["counts"], f"暂停后不应再发送：{before} → {now}")
        resumed = await self._act(self._author, number, "resume")
        left = f"尚有 {now['counts']['queued']} 人未发送"
        self._say(
            "开始，暂停，继续", f"每秒 {_A_SECOND} 条；{paused['status_text']}，{left} → {resumed['status_text']}"
        )
        await until("群发完成", lambda: self._look(number), lambda seen: seen["status"] == "FINISHED")

    async def compare(self, number: str) -> None:
        """What the counters say is what the phones and the inboxes have, each once."""
        seen = await self._look(number)
        screens, inboxes = [], []
        for person in self._people:
            screens.append(sum(self._policy in row["text"] for row in await person.phone.messages()))
            listed = (await person.phone.call("GET", "/notices?limit=20")).expect(200)["data"]
            inboxes.append(sum(self._policy in row["text"] for row in listed))
        counts = seen["counts"]
        expect(inboxes == [1] * len(self._people), f"每人站内应恰好一条：{inboxes}")
        # Who has allowed nothing here may have done so elsewhere, on the other platform for one.
        expect(screens[:-1] == [1] * (len(self._people) - 1), f"同意推送的人应恰好各收一条：{screens}")
        figures = (counts["total"], counts["sent"], counts["inbox_only"], counts["queued"], counts["failed"])
        expect(figures == (len(inboxes), sum(screens), len(inboxes) - sum(screens), 0, 0), f"计数与手机不符：{counts}")
        shares = "，".join(f"{row['channel_text']}{row['status_text']} {row['notices']}" for row in seen["shares"])
        self._say("完成，计数与手机收到的一致", f"共 {counts['total']} 人：{shares}")

    async def _be_ready(self) -> None:
        """All but the last allow policy messages for good."""
        for person in self._people:
            await person.be_known()
        for person in self._people[:-1]:
            listed = (await person.phone.call("GET", "/subscriptions")).expect(200)["data"]
            policy = next(row for row in listed if _TEMPLATE in row["events"])
            await person.phone.accept([policy["template_id"]], long_term=True)

    async def _act(self, staff: Counter, number: str, act: str) -> dict[str, Any]:
        return dict((await staff.call("POST", f"/campaigns/{number}/{act}", {})).expect(200))

    async def _look(self, number: str) -> dict[str, Any]:
        return dict((await self._author.call("GET", f"/campaigns/{number}")).expect(200))
