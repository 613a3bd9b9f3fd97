"""A process that delivers a campaign's notices to the simulated WeChat until none is due; the kill tests end it early.

Started as a module with the addresses and the person in its environment.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Mapping, Sequence

import aiohttp
from redis.asyncio import Redis

from app import db
from app.clock import now
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.miniprogram import MiniProgramClient
from notify import notices_repository
from notify.channels.wechat import WeChatNoticeChannel
from notify.ports import NoticeTable
from notify.service import NotifyService
from notify.states import lease
from notify.types import ContactIdentity, Contacts, KnownIdentity
from tests.fakes.notify_house import WECHAT_APP


class FewPeople:
    """Everybody is one of a few persons at WeChat, by the last bits of their id."""

    def __init__(self, identities: Sequence[ContactIdentity]) -> None:
        self._contacts = [Contacts((identity,), "") for identity in identities]

    async def contacts_of(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Contacts]:
        return {each: self._contacts[each.int % len(self._contacts)] for each in citizen_ids}

    async def find(self, provider: str, app_id: str, subject: str) -> KnownIdentity | None:
        return None


async def main() -> None:
    """Deliver until nothing is due."""
    given = os.environ
    await db.start(given["KILL_DATABASE"])
    redis = Redis.from_url(given["KILL_REDIS"])
    pairs = zip(given["KILL_IDENTITIES"].split(), given["KILL_OPENIDS"].split(), strict=True)
    people = FewPeople([ContactIdentity(uuid.UUID(one), "WECHAT", WECHAT_APP, openid) for one, openid in pairs])
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        config = MiniProgramConfig(WECHAT_APP, "s" * 32, given["KILL_WECHAT"])
        transport = Transport(session, "wechat")
        client = MiniProgramClient(ApiWire(config, transport, AccessTokens(config, transport, redis)))
        table = NoticeTable({("WECHAT", WECHAT_APP): WeChatNoticeChannel(client)})
        service = NotifyService(table, people)
        campaign_id = uuid.UUID(given["KILL_CAMPAIGN"])
        while claimed := await notices_repository.claim_of_campaign(campaign_id, now(), now() + lease(), 100):
            await service.delivering.deliver(claimed)
    await redis.aclose()
    await db.stop()


if __name__ == "__main__":
    asyncio.run(main())
