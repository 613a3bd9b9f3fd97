"""What the demonstration's home page shows: made-up people, staff accounts, what the stand-in providers received.

Made by wiring, asked by handlers/home.py in demo mode only; it reads files and the simulators' control API, writes
nothing, and never raises because a simulator or a file is away.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pyotp

from app import clock
from app.settings import Settings

_PATIENCE = aiohttp.ClientTimeout(total=1.0)
_STEP_SECONDS = 30
_SHOWN_ROWS = 12
_DATA = Path(__file__).parent.parent / "data"


class Person(msgspec.Struct, frozen=True):
    """A made-up citizen; nobody of this name, number or phone exists."""

    key: str
    name: str
    id_number: str
    phone: str

    @property
    def login_code(self) -> str:
        """The reusable login code that both simulated platforms accept for this person."""
        return f"demo-{self.key}"

    @property
    def phone_code(self) -> str:
        """The reusable phone code of the simulated WeChat."""
        return f"demo-phone-{self.key}"


class _Member(msgspec.Struct, frozen=True):
    username: str
    roles: list[str] = []
    divisions: list[str] = []


class _Credentials(msgspec.Struct, frozen=True):
    username: str
    display_name: str
    password: str
    totp_secret: str


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """A demonstration account with everything a sign-in needs; `totp_code` is the code of this moment."""

    username: str
    display_name: str
    roles: tuple[str, ...]
    divisions: tuple[str, ...]
    password: str
    totp_secret: str
    totp_code: str


@dataclass(frozen=True, slots=True)
class Stand:
    """One stand-in provider: its name, where it listens, and how often each call came."""

    name: str
    address: str
    calls: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Received:
    """What the simulators say; `is_reachable` false and all empty where they are away."""

    is_reachable: bool = False
    stands: tuple[Stand, ...] = ()
    requests: tuple[dict[str, Any], ...] = ()
    messages: tuple[dict[str, Any], ...] = ()
    callbacks: tuple[dict[str, Any], ...] = ()


class Showcase:
    """Reads what there is to show."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    @property
    def control_address(self) -> str:
        """The simulators' control API."""
        return f"http://127.0.0.1:{self._settings.sim_port}/control"

    @property
    def credentials_file(self) -> Path:
        """Where the first passwords of demo mode's staff stand."""
        return self._settings.var / "keys" / "staff.json"

    async def people(self) -> list[Person]:
        """List the made-up people; empty where there is no such file."""
        return await asyncio.to_thread(_read, _DATA / "people.json", Person)

    async def staff_accounts(self) -> list[StaffAccount]:
        """List the demonstration's staff with passwords and present one-time codes."""
        members = await asyncio.to_thread(_read, _DATA / "staff.json", _Member)
        known = {member.username: member for member in members}
        credentials = await asyncio.to_thread(_read, self.credentials_file, _Credentials)
        return [_account(entry, known.get(entry.username, _Member(entry.username))) for entry in credentials]

    def code_seconds_left(self) -> int:
        """Return the seconds for which the shown one-time codes are current."""
        return _STEP_SECONDS - clock.timestamp() % _STEP_SECONDS

    async def received(self) -> Received:
        """Ask the simulators what reached them; they have one second to answer."""
        overview, requests, messages, callbacks = await asyncio.gather(
            self._ask(""),
            self._ask(f"/requests?limit={_SHOWN_ROWS}"),
            self._ask(f"/messages?limit={_SHOWN_ROWS}"),
            self._ask(f"/callbacks?limit={_SHOWN_ROWS}"),
        )
        if not isinstance(overview, dict):
            return Received()
        return Received(True, _stands(overview), _rows(requests), _rows(messages), _rows(callbacks))

    async def _ask(self, path: str) -> Any:
        try:
            async with self._session.get(self.control_address + path, timeout=_PATIENCE) as response:
                return await response.json() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None


def _account(entry: _Credentials, member: _Member) -> StaffAccount:
    return StaffAccount(
        username=entry.username,
        display_name=entry.display_name,
        roles=tuple(member.roles),
        divisions=tuple(member.divisions),
        password=entry.password,
        totp_secret=entry.totp_secret,
        totp_code=pyotp.TOTP(entry.totp_secret, interval=_STEP_SECONDS).at(clock.timestamp()),
    )


def _stands(overview: dict[str, Any]) -> tuple[Stand, ...]:
    calls = overview.get("calls", {})
    return tuple(
        Stand(name, str(address), tuple(calls.get(name, {}).items()))
        for name, address in overview.get("providers", {}).items()
    )


def _rows(answer: Any) -> tuple[dict[str, Any], ...]:
    return tuple(answer) if isinstance(answer, list) else ()


def _read(file: Path, kind: type[Any]) -> list[Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[kind])  # type: ignore[valid-type]  # kind is a value
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return []
