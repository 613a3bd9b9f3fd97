"""Every row of the fault matrix against the simulated platforms and a real database: what is made of the fault, where
it leaves us, and that the money is right once it is over."""

from __future__ import annotations

import pytest

from tests.contract.faults.house import RealHouse
from tests.contract.faults.matrix import (
    CALLS,
    CANNOT_HAPPEN,
    EVERY_CALL,
    EVERY_CALLBACK,
    FAULTS,
    FISCAL_CALLS,
    MEANINGS,
    ROWS,
    Row,
)
from tests.contract.faults.scenes import SCENES
from tests.contract.faults.scenes_fiscal import FISCAL_SCENES

pytestmark = pytest.mark.anyio
CASES = [case for row in ROWS for case in row.cases()]


def _name(case: tuple[Row, str]) -> str:
    row, fault = case
    return f"{row.provider} {row.call} {fault}".replace(" ", "-")


@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_row(house: RealHouse, case: tuple[Row, str]) -> None:
    row, fault = case
    scenes = FISCAL_SCENES if row.provider == "fiscal" else SCENES
    scene = scenes[row.call](house, row.provider, fault)
    await scene.before()
    with scene.trouble():
        assert await scene.act() is row.outcome
        assert await scene.states() == row.states
    await scene.settled()
    await scene.repair()
    await house.follow()
    assert await scene.states() == scene.end
    await house.check_money()


def test_every_fault_of_every_call_has_a_row_or_a_reason() -> None:
    for provider, calls in (("wechat", CALLS), ("alipay", CALLS), ("fiscal", FISCAL_CALLS)):
        for call in calls:
            rows = [fault for row in ROWS if (row.provider, row.call) == (provider, call) for fault in row.faults]
            reasons = CANNOT_HAPPEN.get((provider, call), {})
            wanted = EVERY_CALLBACK if call.startswith("callback") else EVERY_CALL
            assert len(rows) == len(set(rows)), (provider, call)
            assert set(wanted) == {*(fault for fault in rows if not fault.startswith("code ")), *reasons}, (
                provider,
                call,
            )


def test_every_word_of_the_matrix_is_explained() -> None:
    assert {fault for row in ROWS for fault in row.faults if not fault.startswith("code ")} == set(FAULTS)
    assert {row.outcome for row in ROWS} <= set(MEANINGS)
