"""The platform's keys, the systems that may call it (apps), its switches and its tables. Made once per application."""

import functools
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from simulators import key_files
from simulators.config import ConfigError, FiscalApp
from simulators.core import World

SECTION = "fiscal"
SWITCHES = ("confirm_seconds", "receipt_seconds", "reverse_seconds")


@dataclass(frozen=True, slots=True)
class App:
    """A system that may call, with its public key."""

    config: FiscalApp
    public_key: rsa.RSAPublicKey


class Platform:
    """All apps and the one signing key."""

    def __init__(self, world: World) -> None:
        settings = world.config.fiscal
        self.world = world
        self.apps = {row.app_id: App(row, _public_key(world, row)) for row in settings.apps}
        self._key = key_files.private_key(world, settings.private_key_file) if settings.private_key_file else None
        if self.apps and self._key is None:
            raise ConfigError("fiscal: apps without private_key_file")

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """Return the key that answers are signed with (a throw-away one while nothing is configured)."""
        return self._key or unknown_key()


def switch_seconds(world: World, name: str) -> float:
    """Return how long a step is held back now, in seconds of the platform's time."""
    configured = {"receipt_seconds": world.config.fiscal.receipt_seconds}
    return float(world.state.table(SECTION, "switches").get(name, configured.get(name, 0)))


def notices(world: World) -> dict[str, Any]:
    """Return every notice by its 缴款码."""
    return world.state.table(SECTION, "notices")


def reversals(world: World) -> dict[str, Any]:
    """Return every reversal by app and our refund number."""
    return world.state.table(SECTION, "reversals")


@functools.cache
def unknown_key() -> rsa.RSAPrivateKey:
    """Return a key that nobody knows, for wrongly signed answers."""
    return rsa.generate_private_key(65537, 2048)


def _public_key(world: World, row: FiscalApp) -> rsa.RSAPublicKey:
    if not 16 <= row.code_length <= 20 or not (row.region.isdecimal() and len(row.region) == 6):
        raise ConfigError(f"fiscal: app {row.app_id} needs a region of 6 digits and a code_length of 16 to 20")
    return key_files.public_key(world, row.public_key_file)
