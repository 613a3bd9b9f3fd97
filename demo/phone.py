"""A citizen's phone: the mini-program on WeChat or Alipay, with the person's taps played by the simulators' control."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import aiohttp

from demo.photo import photograph
from demo.wire import Answer, Wire, until


class Phone:
    """One person with one mini-program.

    Args:
        platform: "wechat" or "alipay".
        person: key of a made-up person.
        service: the backend.
        control: the simulators' control API.
    """

    def __init__(self, platform: str, person: dict[str, Any], service: Wire, control: Wire) -> None:
        self.platform, self.person = platform, person
        self._service, self._control = service, control
        self.token = ""
        self.seen: list[dict[str, Any]] = []
        self._stream: asyncio.Task[None] | None = None

    async def call(self, method: str, path: str, value: Any = None, **more: Any) -> Answer:
        """Call the backend as the mini-program does: signed in, writes under a key of their own."""
        headers = more.pop("headers", {})
        if method != "GET" and not path.startswith("/auth"):
            headers.setdefault("Idempotency-Key", secrets.token_hex(12))
        return await self._service.send(
            method, f"/api/v1{path}", value=value, token=self.token, headers=headers, **more
        )

    async def sign_in(self) -> dict[str, Any]:
        """Open the mini-program: the platform gives a code, the backend a token."""
        key = self.person["key"]
        if self.platform == "wechat":
            given = (await self._control.send("POST", "/control/wechat/login-codes", value={"person": key})).expect(200)
            answer = await self.call("POST", "/auth/wechat", {"code": given["code"]})
        else:
            given = (await self._control.send("POST", "/control/alipay/auth-codes", value={"person": key})).expect(200)
            answer = await self.call("POST", "/auth/alipay", {"auth_code": given["auth_code"]})
        signed_in: dict[str, Any] = answer.expect(200)
        self.token = signed_in["access_token"]
        await self._stay_awake()
        return signed_in

    async def _stay_awake(self) -> None:
        """Ask for messages at night too, so that the demonstration is the same at any hour."""
        wishes = (await self.call("GET", "/me/preferences")).expect(200)
        if wishes["quiet"]:
            (await self.call("PUT", "/me/preferences", wishes | {"quiet": False})).expect(200)

    async def bind_phone(self) -> dict[str, Any]:
        """Allow the mini-program to know the phone number."""
        key = self.person["key"]
        path = "wechat/phone-codes" if self.platform == "wechat" else "alipay/phone-payloads"
        proof = (await self._control.send("POST", f"/control/{path}", value={"person": key})).expect(200)
        return dict((await self.call("POST", "/me/phone", proof)).expect(200))

    async def prove_name(self) -> dict[str, Any]:
        """Have name and ID number compared with the authority."""
        claim = {"name": self.person["name"], "id_number": self.person["id_number"]}
        return dict((await self.call("POST", "/me/real-name", claim)).expect(200))

    async def upload(self, caption: str) -> dict[str, Any]:
        """Take a photograph and send it."""
        form = aiohttp.FormData()
        form.add_field("purpose", "material")
        form.add_field("file", photograph(caption), filename="photo.jpg", content_type="image/jpeg")
        return dict((await self.call("POST", "/uploads", form=form)).expect(200, 201))

    async def allow_messages(self) -> int:
        """Accept every subscribe message that the backend asks for; returns how many."""
        wanted = (await self.call("GET", "/subscriptions")).expect(200)["data"]
        for kind in dict.fromkeys(row["kind"] for row in wanted):
            ids = [row["template_id"] for row in wanted if row["kind"] == kind]
            await self.accept(ids, long_term=kind == "LONG_TERM")
        return len(wanted)

    async def accept(self, template_ids: list[str], *, long_term: bool = False) -> None:
        """Say yes in the permission panel: the platform notes it and pushes its event, the phone reports it."""
        for template_id in template_ids:
            choice = {"person": self.person["key"], "template_id": template_id, "long_term": long_term}
            (await self._control.send("POST", f"/control/{self.platform}/subscriptions", value=choice)).expect(200)
        results = dict.fromkeys(template_ids, "accept")
        (await self.call("POST", "/subscriptions", {"results": results})).expect(200)

    async def order(self, bill_no: str) -> dict[str, Any]:
        """Open (or continue) a payment of a bill on this phone's platform."""
        wish = {"bill_no": bill_no, "channel": self.platform.upper()}
        return dict((await self.call("POST", "/payments", wish)).expect(200, 201))

    async def tap(self, order: dict[str, Any]) -> Answer:
        """Open the platform's cashier with what the backend gave, and pay; the platform may refuse."""
        key, given = self.person["key"], order["parameters"]
        if self.platform == "wechat":
            return await self._control.send(
                "POST", "/control/wechat_pay/pay", value={"parameters": given, "person": key}
            )
        return await self._control.send(
            "POST", "/control/alipay/pay", value={"tradeNO": given["tradeNO"], "person": key}
        )

    async def pay(self, bill_no: str) -> dict[str, Any]:
        """Open a payment and pay it; return the order."""
        order = await self.order(bill_no)
        (await self.tap(order)).expect(200)
        return order

    async def case(self, number: str) -> dict[str, Any]:
        """Look at one case."""
        return dict((await self.call("GET", f"/applications/{number}")).expect(200))

    async def case_in(self, number: str, *statuses: str) -> dict[str, Any]:
        """Wait until the case is in one of these states."""
        return await until(
            f"办件进入 {'/'.join(statuses)}", lambda: self.case(number), lambda case: case["status"] in statuses
        )

    async def messages(self) -> list[dict[str, Any]]:
        """Read what arrived on this phone, oldest first."""
        path = f"/control/messages?person={self.person['key']}&limit=100"
        rows: list[dict[str, Any]] = (await self._control.send("GET", path)).expect(200)
        return list(reversed(rows))

    async def listen(self, session: aiohttp.ClientSession, last_event_id: str = "") -> None:
        """Open the live stream, or go on after the last event of an earlier one; events gather in `seen`."""
        address = self._service.base.replace("http", "ws", 1) + f"/api/v1/stream?last_event_id={last_event_id}"
        link = await session.ws_connect(address, headers={"Authorization": f"Bearer {self.token}"})

        async def gather() -> None:
            async with link:
                async for message in link:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        self.seen.append(json.loads(message.data))

        self._stream = asyncio.create_task(gather())

    def hang_up(self) -> None:
        """Close the live stream."""
        if self._stream is not None:
            self._stream.cancel()

    async def must_see(self, *names: str) -> None:
        """Wait until these live events have come. Raises Unexpected when they stay away."""

        async def came() -> set[str]:
            return {str(event.get("event")) for event in self.seen}

        await until("实时推送", came, lambda seen: seen >= set(names))
