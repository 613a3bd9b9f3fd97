"""The World: everything the simulated providers share. Made once per process and passed to every provider module."""

from pathlib import Path

from simulators.callbacks import CallbackSender
from simulators.clock import Clock
from simulators.config import Config
from simulators.faults import FaultBook
from simulators.journal import Inbox, Journal
from simulators.people import People
from simulators.state import StateStore


class World:
    """Config, clock, faults, journal, state, people, phones and the callback sender."""

    def __init__(self, config: Config, state_path: Path | None) -> None:
        self.config = config
        self.clock = Clock()
        self.faults = FaultBook()
        self.journal = Journal(self.clock)
        self.state = StateStore(state_path)
        self.people = People(config.people, self.state)
        self.inbox = Inbox(self.clock, self.state)
        self.callbacks = CallbackSender(self.clock, config.retry_scale)
        self.addresses: dict[str, str] = {}
        """Where each provider listens, by provider name: filled by `__main__` before any request comes."""

    async def reset(self) -> None:
        """Return to the state of a first start: nothing ordered, no faults, real time, no callbacks under way."""
        await self.callbacks.cancel_all()
        self.state.clear()
        self.faults.clear()
        self.journal.clear()
        self.callbacks.clear()
        self.clock.move(0)
