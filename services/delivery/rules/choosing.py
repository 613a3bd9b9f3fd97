"""The choice of courier and payer by rules. Pure; asked when a choice is shown, kept, and when a parcel is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from services.delivery.rules.types import Carriage, CourierLine, Errand, PostageLine, Terms
from services.delivery.types import Level, Payer


def choose(rules: Iterable[CourierLine], errand: Errand, available: Collection[str]) -> tuple[Carriage, ...]:
    """Return who may carry a parcel: the choice first, then who takes its place when that one does not serve it.

    Of lines with one position the cheaper wins, of an express parcel the faster. Couriers that this installation does
    not have are left out; each courier with its carrier stands once.
    """
    fitting = [rule for rule in rules if rule.courier in available and _fits_courier(rule, errand)]
    chosen: dict[str, Carriage] = {}
    for rule in sorted(fitting, key=lambda rule: _rank(rule, errand.level)):
        carriage = Carriage(
            courier=rule.courier, carrier=rule.carrier, product=rule.product, cost_fen=rule.cost_fen, days=rule.days
        )
        chosen.setdefault(carriage.key, carriage)
    return tuple(chosen.values())


def payers(
    rules: Iterable[PostageLine], errand: Errand, item_codes: Sequence[str] = ("",), *, leg_payer: str = "citizen"
) -> Terms:
    """Return who may pay for a parcel with results of these items.

    Of several items the one that is kindest to the citizen decides: where one goes free, all do.

    Args:
        leg_payer: what the item itself says, `government` or `citizen`. What the government pays stays free unless a
            line names the item.
    """
    known = tuple(rules)
    found = [_of_item(known, errand, item_code, leg_payer) for item_code in item_codes or ("",)]
    return min(found, key=lambda terms: (terms.usual is not Payer.FREE, terms.postage_fen))


def covers(rule_code: str, division_code: str) -> bool:
    """Tell whether a division stands under that of a line: a province covers its cities, a city its counties."""
    if not rule_code:
        return True
    prefix = rule_code[:6]
    while len(prefix) > 2 and prefix.endswith("00"):
        prefix = prefix[:-2]
    return division_code.startswith(rule_code if len(rule_code) > 6 else prefix)


def _of_item(rules: Sequence[PostageLine], errand: Errand, item_code: str, leg_payer: str) -> Terms:
    fitting = [rule for rule in rules if _fits_postage(rule, errand, item_code)]
    if leg_payer == "government":
        fitting = [rule for rule in fitting if rule.item_code]
    first = min(fitting, key=lambda rule: (rule.position, not rule.item_code, rule.rule_code), default=None)
    if first is None:
        return Terms(payers=(Payer.FREE if leg_payer == "government" else Payer.ON_DELIVERY,))
    # Nobody can pay online what costs nothing; a line of only that is read as free.
    listed = tuple(dict.fromkeys(Payer(payer) for payer in first.payers if payer != Payer.ONLINE or first.postage_fen))
    return Terms(payers=listed or (Payer.FREE,), postage_fen=first.postage_fen if Payer.ONLINE in listed else 0)


def _fits_courier(rule: CourierLine, errand: Errand) -> bool:
    return (
        _fits(rule, errand)
        and covers(rule.division_code, errand.division_code)
        and covers(rule.to_division_code, errand.to_division_code)
    )


def _fits_postage(rule: PostageLine, errand: Errand, item_code: str) -> bool:
    here = covers(rule.division_code, errand.division_code)
    return _fits(rule, errand) and here and rule.item_code in ("", item_code)


def _fits(rule: CourierLine | PostageLine, errand: Errand) -> bool:
    return rule.enabled and rule.leg in ("", errand.leg) and rule.level in ("", errand.level)


def _rank(rule: CourierLine, level: Level) -> tuple[int, int, int, str]:
    usual = (rule.cost_fen, rule.days) if level is Level.STANDARD else (rule.days, rule.cost_fen)
    return rule.position, *usual, rule.rule_code
