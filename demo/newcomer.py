"""A new member of staff's first day, the audit trail of it, and what keeps the house running: providers and jobs.
Played over HTTP; every step is checked."""

from __future__ import annotations

import secrets
from typing import Any

from demo.counter import Counter
from demo.narrator import Narrator
from demo.wire import Wire, expect, until

_USERNAME = "window-demo"
_TERMS = {
    "display_name": "小店区综合窗口 新员工",
    "roles": ["window"],
    "divisions": ["140105"],
    "departments": [],
}


class Newcomer:
    """The administrator, the auditor, and somebody who signs in for the first time.

    Args:
        service: the backend, as the newcomer meets it.
    """

    def __init__(self, administrator: Counter, auditor: Counter, service: Wire, narrator: Narrator) -> None:
        self._administrator, self._auditor, self._service = administrator, auditor, service
        self._narrator, self._say = narrator, narrator.say

    async def play(self, application_no: str) -> None:
        """Play the whole part. Raises Unexpected."""
        self._narrator.begin("新员工首次登录与审计")
        newcomer = await self.sign_in_first()
        await self.act(newcomer, application_no)
        await self.check_trail()
        self._narrator.begin("运行状况")
        await self.look_after()

    async def sign_in_first(self) -> Counter:
        """Hand out a first password; its owner changes it, enrols the second factor and is in."""
        first = await self._first_password()
        account = {"username": _USERNAME, "password": first, "totp_secret": ""}
        newcomer = Counter(account, self._service)
        signed_in = await newcomer.sign_in()
        expect(signed_in["setup"] == ["password", "totp"], f"首次登录应先设置密码和动态口令：{signed_in['setup']}")
        refused = (await newcomer.call("GET", "/queues/unclaimed")).expect(403)
        self._say("管理员发给初始密码，本人首次登录", refused["detail"])
        account["password"] = secrets.token_urlsafe(12) + "a1!"
        (await newcomer.call("POST", "/setup/password", {"new_password": account["password"]})).expect(200)
        offer = (await newcomer.call("POST", "/setup/totp", {})).expect(201)
        account["totp_secret"] = offer["secret"]
        done = (await newcomer.call("POST", "/setup/totp/confirm", {"totp": newcomer.code()})).expect(200)
        expect(done["setup"] is None, f"应已设置完毕：{done['setup']}")
        newcomer.token = done["signed_in"]["access_token"]
        self._say("设置密码，扫码绑定动态口令", f"{_USERNAME} 可以开始工作")
        return newcomer

    async def act(self, newcomer: Counter, application_no: str) -> None:
        """Look at a case and claim it; both stand in the audit trail."""
        seen = (await newcomer.call("GET", f"/cases/{application_no}")).expect(200)["case"]
        claim = {"version": seen["version"]}
        (await newcomer.call("POST", f"/cases/{application_no}/claim", claim)).expect(200)
        self._say("认领办件", application_no)
        hidden = await newcomer.call("GET", "/audit")
        expect(hidden.status == 403, "窗口不应看到审计记录")
        path = f"/audit?actor={_USERNAME}&object_no={application_no}&limit=20"
        rows = (await self._auditor.call("GET", path)).expect(200)["data"]
        actions = [row["action"] for row in reversed(rows)]
        expect("case.claimed" in actions, f"审计记录应有认领：{actions}")
        self._say("审计人员看到每一步", " → ".join(actions))

    async def check_trail(self) -> None:
        """Have the whole chain of the audit trail checked."""
        (await self._auditor.call("POST", "/audit/check", {"from_start": True})).expect(202, 409)

        async def found() -> dict[str, Any]:
            return dict((await self._auditor.call("GET", "/audit/check")).expect(200))

        checked = await until("审计链核验", found, lambda seen: seen["status"] != "RUNNING")
        expect(checked["status"] == "INTACT", f"审计链应完整：{checked}")
        self._say("审计链从头核验，完整无缺", f"共 {checked['checked_seq']} 条")

    async def look_after(self) -> None:
        """Every provider's health and the job queue, as the administrator sees them."""

        async def health() -> list[dict[str, Any]]:
            return list((await self._administrator.call("GET", "/providers")).expect(200)["data"])

        # Processes write down what they counted every ten seconds.
        providers = await until("服务商状态", health, lambda seen: any(row["last_success_at"] for row in seen))
        self._say("服务商状态", f"{len(providers)} 家")
        for row in providers:
            if row["calls_60"]:
                counted = f"一小时 {row['calls_60']} 次，失败 {row['failed_60']}，拒绝 {row['refused_60']}"
                self._narrator.line(f"{row['provider']}  {counted}  熔断 {row['breaker']}")
        queue = (await self._administrator.call("GET", "/jobs")).expect(200)
        expect(queue["runners"] >= 1, f"应有任务进程：{queue['runners']}")
        counts = {name: sum(row[name] for row in queue["jobs"]) for name in ("waiting", "running", "failed")}
        shown = f"等待 {counts['waiting']}，执行 {counts['running']}，失败 {counts['failed']}"
        self._say("任务队列", f"任务进程 {queue['runners']} 个；{shown}；定时检查 {len(queue['sweeps'])} 项")

    async def _first_password(self) -> str:
        """Make the account, or begin again with the one of an earlier play; return the first password."""
        made = await self._administrator.call("POST", "/staff", {"username": _USERNAME, **_TERMS})
        if made.status == 409:
            member = (await self._administrator.call("GET", f"/staff/{_USERNAME}")).expect(200)
            reset = {"version": member["version"], "reason": "演示：重新入职"}
            made = await self._administrator.call("POST", f"/staff/{_USERNAME}/totp-reset", reset)
        return str(made.expect(200, 201)["first_password"])
