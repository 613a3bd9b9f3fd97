"""Rules of delivery: whatever the lines say, the choice is one of them, in their order, and somebody can pay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.delivery.rules.choosing import choose, covers, payers
from services.delivery.rules.loading import rule_faults
from services.delivery.rules.types import CourierLine, Errand, PostageLine
from services.delivery.types import Leg, Level, Payer

DATA = Path(__file__).parents[2] / "data"
ALL = frozenset({"SF", "EMS", "KUAIDI100", "KDNIAO"})
divisions = st.sampled_from(["", "140000", "140100", "140105", "140200", "140213", "110105"])
legs, levels = st.sampled_from(["", *Leg]), st.sampled_from(["", *Level])
courier_lines = st.lists(
    st.builds(
        CourierLine,
        rule_code=st.text("ABC", min_size=1, max_size=4),
        position=st.integers(0, 3),
        division_code=divisions,
        to_division_code=divisions,
        leg=legs,
        level=levels,
        courier=st.sampled_from(sorted(ALL)),
        carrier=st.sampled_from(["", "yuantong"]),
        cost_fen=st.integers(0, 3),
        days=st.integers(0, 3),
        enabled=st.booleans(),
    ),
    max_size=8,
)
postage_lines = st.lists(
    st.builds(
        PostageLine,
        rule_code=st.text("ABC", min_size=1, max_size=4),
        position=st.integers(0, 3),
        division_code=divisions,
        item_code=st.sampled_from(["", "X1", "X2"]),
        leg=legs,
        level=levels,
        payers=st.lists(st.sampled_from([str(payer) for payer in Payer]), min_size=1, max_size=3).map(tuple),
        postage_fen=st.sampled_from([0, 1200, 2200]),
        enabled=st.booleans(),
    ),
    max_size=8,
)
errands = st.builds(
    Errand,
    division_code=st.sampled_from(["140105", "140213", "140100", ""]),
    to_division_code=divisions,
    leg=st.sampled_from(Leg),
    level=st.sampled_from(Level),
)


@given(courier_lines, errands, st.frozensets(st.sampled_from(sorted(ALL))))
def test_choice_is_made_of_fitting_lines_in_their_order(
    lines: list[CourierLine], errand: Errand, available: frozenset[str]
) -> None:
    chosen = choose(lines, errand, available)
    assert len({carriage.key for carriage in chosen}) == len(chosen)
    assert {carriage.courier for carriage in chosen} <= available
    fitting = [line for line in lines if line.enabled and line.courier in available]
    fitting = [line for line in fitting if line.leg in ("", errand.leg) and line.level in ("", errand.level)]
    fitting = [line for line in fitting if covers(line.division_code, errand.division_code)]
    fitting = [line for line in fitting if covers(line.to_division_code, errand.to_division_code)]
    assert {f"{line.courier}:{line.carrier}" for line in fitting} == {carriage.key for carriage in chosen}
    if chosen:
        first = min(line.position for line in fitting)
        equals = [line for line in fitting if line.position == first]
        cheapest, fastest = min(line.cost_fen for line in equals), min(line.days for line in equals)
        best = (chosen[0].cost_fen, cheapest) if errand.level is Level.STANDARD else (chosen[0].days, fastest)
        assert best[0] == best[1]


@given(courier_lines, errands)
def test_choice_does_not_depend_on_the_order_of_lines(lines: list[CourierLine], errand: Errand) -> None:
    by_code = list({line.rule_code: line for line in lines}.values())
    assert choose(by_code, errand, ALL) == choose(by_code[::-1], errand, ALL)


@given(postage_lines, errands, st.lists(st.sampled_from(["X1", "X2", "X3"]), max_size=3))
def test_somebody_can_always_pay_and_online_has_a_price(
    lines: list[PostageLine], errand: Errand, items: list[str]
) -> None:
    for leg_payer in ("citizen", "government"):
        terms = payers(lines, errand, items, leg_payer=leg_payer)
        assert terms.payers
        assert len(set(terms.payers)) == len(terms.payers)
        assert (Payer.ONLINE in terms.payers) == (terms.postage_fen > 0)
        assert terms.settle("anything") is terms.usual
        assert all(terms.settle(payer) is payer for payer in terms.payers)


@given(postage_lines, errands)
def test_what_the_government_pays_stays_free_unless_a_line_names_the_item(
    lines: list[PostageLine], errand: Errand
) -> None:
    unnamed = [msgspec.structs.replace(line, item_code="") for line in lines]
    assert payers(unnamed, errand, ["X1"], leg_payer="government").payers == (Payer.FREE,)
    assert payers([], errand, ["X1"]).payers == (Payer.ON_DELIVERY,)


def test_one_free_item_makes_the_shared_parcel_free() -> None:
    lines = [
        PostageLine(rule_code="FREE", position=1, item_code="X1", payers=("FREE",)),
        PostageLine(rule_code="ANY", position=2, payers=("ONLINE",), postage_fen=1200),
    ]
    errand = Errand(division_code="140105")
    assert payers(lines, errand, ["X2", "X1"]).usual is Payer.FREE
    assert payers(lines, errand, ["X2"]).usual is Payer.ONLINE


def test_a_line_of_a_city_covers_its_counties_only() -> None:
    assert covers("140100", "140105")
    assert covers("140000", "140213")
    assert covers("", "")
    assert not covers("140100", "140213")
    assert not covers("140105", "140100")


def test_demonstration_rules_are_sound_and_send_by_every_courier() -> None:
    assert rule_faults(DATA) == []
    lines = msgspec.json.decode((DATA / "courier_rules.json").read_bytes(), type=list[CourierLine])
    bodies = ("140105", "140100", "140213", "140728")
    usual = Errand(division_code="")
    firsts = [choose(lines, replace(usual, division_code=body), ALL)[0].courier for body in bodies]
    assert firsts == ["SF", "EMS", "KDNIAO", "KUAIDI100"]
    assert all(len(choose(lines, replace(usual, division_code=body), ALL)) >= 3 for body in bodies)
