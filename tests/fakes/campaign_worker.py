"""A worker process of campaigns alone, to be killed by tests: `python -m tests.fakes.campaign_worker URL FILE PAGE`.

Every message that goes out is a line of the file: its reference.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from datetime import timedelta

import asyncpg

from app import db, jobs
from app.crypto import FieldCipher
from app.job_runner import JobRunner
from app.jobs import JobTable
from notify.neutral import Delivery, Message
from tests.fakes.campaign_house import CampaignHouse
from tests.fakes.notify_house import FakeNoticeChannel


class WritingChannel(FakeNoticeChannel):
    """Writes down what it sends, as a provider that has taken it."""

    def __init__(self, file: str) -> None:
        super().__init__(0.005)
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def send(self, message: Message) -> Delivery:
        os.write(self._file, message.reference.encode() + b"\n")
        return await super().send(message)


async def main(url: str, file: str, page: int) -> None:
    """Work until killed; a killed runner's jobs come back after a second rather than ten."""
    jobs.HEARTBEAT = timedelta(seconds=1)
    await db.start(url)
    cipher = FieldCipher({"test": secrets.token_bytes(32)}, secrets.token_bytes(32))
    house = CampaignHouse(cipher, page=page, approval_size=1_000_000, sms=WritingChannel(file))
    table = JobTable(functions=house.room.jobs(), reactions={}, sweeps=house.room.sweeps())
    await JobRunner(table, await asyncpg.connect(url)).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
