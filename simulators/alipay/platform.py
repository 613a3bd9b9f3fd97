"""Alipay's own side of the table: its key, the apps it knows, and the tables it keeps in the state file.

Made by `routes` and by `control`, which share everything through the World; holds no state of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.alipay import signing, trades
from simulators.alipay.trades import Trade
from simulators.config import AlipayApp, Person
from simulators.core import World

_SHORT_LIVED_KEPT = 5_000


@dataclass(frozen=True)
class App:
    """A mini-program with the key its developer uploaded (应用公钥)."""

    config: AlipayApp
    public_key: rsa.RSAPublicKey

    @property
    def app_id(self) -> str:
        """The app's id, 16 digits."""
        return self.config.app_id


class Platform:
    """Keys, apps and tables of the simulated Alipay."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.apps: Mapping[str, App] = {
            app.app_id: App(app, signing.load_public_key(world.config.read_file(app.public_key_file)))
            for app in world.config.alipay.apps
        }

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """The key whose public half is the 支付宝公钥."""
        return signing.load_private_key(self.world.config.read_file(self.world.config.alipay.private_key_file))

    @cached_property
    def stranger_key(self) -> rsa.RSAPrivateKey:
        """A key that no app has the public half of."""
        return signing.new_private_key()

    def table(self, name: str) -> dict[str, Any]:
        """Return one table of the state file; call `touch` after changing it."""
        return self.world.state.table("alipay", name)

    def put_short_lived(self, name: str, key: str, row: dict[str, Any]) -> None:
        """Keep a code, token or link; only the newest of a table stay, so that long runs do not grow."""
        rows = self.table(name)
        rows[key] = row
        while len(rows) > _SHORT_LIVED_KEPT:
            del rows[next(iter(rows))]
        self.touch()

    def touch(self) -> None:
        """Have the state written soon."""
        self.world.state.touch()

    def trade(self, out_trade_no: str) -> Trade | None:
        """Return a trade by the merchant's number, closed or finished first if its time is over."""
        found = cast(Trade | None, self.table("trades").get(out_trade_no))
        if found and trades.settle_due(found, self.world.clock.now()):
            self.touch()
        return found

    def trade_numbered(self, trade_no: str) -> Trade | None:
        """Return a trade by Alipay's own number."""
        return self.trade(self.table("trade_numbers").get(trade_no, ""))

    def all_trades(self) -> list[Trade]:
        """Return every trade, oldest first."""
        return [trade for number in self.table("trades") if (trade := self.trade(number))]

    def add_trade(self, trade: Trade) -> None:
        """Keep a new trade."""
        self.table("trades")[trade["out_trade_no"]] = trade
        self.table("trade_numbers")[trade["trade_no"]] = trade["out_trade_no"]
        self.touch()

    def logon_id(self, person_key: str) -> str:
        """Show a person's login (a phone) masked as Alipay does."""
        person = self.world.people.find(person_key)
        return f"{person.phone[:3]}****{person.phone[-4:]}" if person else ""

    def may_certify_itself(self, person: Person | None) -> bool:
        """Tell whether face verification of this person needs no help from the control API."""
        own = person.certify if person else ""
        return (own or self.world.config.alipay.certify) == "auto"
