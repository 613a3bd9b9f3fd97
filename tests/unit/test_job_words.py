"""What app.jobs says of the queue in its own words is what the library that runs it finds."""

from __future__ import annotations

from pgqueuer.domain.settings import DBSettings

from app import jobs


def test_table_and_channel_are_those_of_the_runner() -> None:
    names = DBSettings()
    assert (names.queue_table, names.queue_table_log, names.channel) == (jobs.QUEUE, jobs.QUEUE_LOG, jobs.CHANNEL)
