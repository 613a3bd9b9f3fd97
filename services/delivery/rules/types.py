"""What crosses the door of the rules: a parcel as rules see it, their lines, and what follows. Frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from services.delivery.types import Leg, Level, Payer

RuleCode = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_-]+\Z")]
DivisionText = Annotated[str, Meta(max_length=12, pattern=r"^([0-9]{6}|[0-9]{9}|[0-9]{12})?\Z")]
CourierCode = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9_]+\Z")]
CarrierText = Annotated[str, Meta(max_length=24, pattern=r"^[A-Za-z0-9_]*\Z")]
ProductText = Annotated[str, Meta(max_length=16, pattern=r"^[A-Za-z0-9_]*\Z")]
ItemCode = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*\Z")]
Position = Annotated[int, Meta(ge=0, le=9999)]
Fen = Annotated[int, Meta(ge=0, le=100_000)]
LegText = Literal["", "OUTBOUND", "INBOUND"]
LevelText = Literal["", "STANDARD", "EXPRESS"]
PayerText = Literal["FREE", "ONLINE", "ON_DELIVERY"]


class CourierLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the choice of courier; "" means any. Lowest position first, the cheaper among equals."""

    rule_code: RuleCode
    position: Position = 100
    division_code: DivisionText = ""
    to_division_code: DivisionText = ""
    leg: LegText = ""
    level: LevelText = ""
    courier: CourierCode
    carrier: CarrierText = ""
    product: ProductText = ""
    cost_fen: Fen = 0
    days: Annotated[int, Meta(ge=0, le=60)] = 0
    enabled: bool = True


class PostageLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of who pays; "" means any. `payers` is what may be chosen, the usual first."""

    rule_code: RuleCode
    position: Position = 100
    division_code: DivisionText = ""
    item_code: ItemCode = ""
    leg: LegText = ""
    level: LevelText = ""
    payers: Annotated[tuple[PayerText, ...], Meta(min_length=1, max_length=3)]
    postage_fen: Fen = 0
    enabled: bool = True


class CourierRuleView(Struct, frozen=True, kw_only=True):
    """A line of the choice of courier with who changed it last; "" is the data file."""

    rule: CourierLine
    courier_name: str
    available: bool
    changed_by: str
    updated_at: str


class PostageRuleView(Struct, frozen=True, kw_only=True):
    """A line of who pays with who changed it last."""

    rule: PostageLine
    changed_by: str
    updated_at: str


class DeliveryRules(Struct, frozen=True, kw_only=True):
    """All lines of both kinds, in their order."""

    couriers: list[CourierRuleView]
    postage: list[PostageRuleView]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A parcel as rules see it: from which body's division, to where, which leg, how fast."""

    division_code: str
    to_division_code: str = ""
    leg: Leg = Leg.OUTBOUND
    level: Level = Level.STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """Who shall carry: whom we ask, which carrier behind an aggregator, which product; what a line says it costs."""

    courier: str
    carrier: str = ""
    product: str = ""
    cost_fen: int = 0
    days: int = 0

    @property
    def key(self) -> str:
        """Name courier and carrier in one word, as it is kept of those that refused."""
        return f"{self.courier}:{self.carrier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who may pay, the usual first, and what ONLINE costs in fen."""

    payers: tuple[Payer, ...]
    postage_fen: int = 0

    @property
    def usual(self) -> Payer:
        """Return who pays where nothing was chosen."""
        return self.payers[0]

    def settle(self, wanted: str) -> Payer:
        """Return the wanted payer where it is allowed, else the usual one."""
        return next((payer for payer in self.payers if payer == wanted), self.usual)
