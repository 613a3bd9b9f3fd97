"""The road of a parcel: the events that the control API can play, in their natural order. Codes are 快递鸟's Action.

Source: 快递鸟 物流状态 State and StateEx. Used by the 快递鸟 simulator only.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One event of a road."""

    action: str
    station: str


_ROAD: tuple[tuple[str, tuple[Step, ...]], ...] = (
    ("pickup_pending", (Step("10", "等待快递员上门取件"),)),
    ("picked_up", (Step("1", "快递员已揽收"),)),
    ("in_transit", (Step("2", "快件离开【太原转运中心】"),)),
    ("arrived", (Step("201", "快件到达【大同市平城区营业部】"),)),
    ("out_for_delivery", (Step("202", "快递员正在派送，电话13900000009"),)),
    ("delivered", (Step("301", "快件已签收，签收人：本人"),)),
)
_BRANCHES: dict[str, tuple[Step, ...]] = {
    "awaiting_collection": (Step("211", "快件已放入快递柜，请凭取件码领取"),),
    "exception": (Step("402", "派件不成功：无法联系收件人"),),
    "rejected": (Step("404", "收件人拒收"),),
    "returning": (Step("404", "收件人拒收"), Step("407", "快件退回中")),
    "returned": (Step("404", "收件人拒收"), Step("407", "快件退回中"), Step("406", "退件已签收")),
}
TARGETS = (*(name for name, _ in _ROAD), *_BRANCHES)
_BASE_OF = {"0": "0", "10": "0", "1": "1", "2": "2", "3": "3", "4": "4"}


def base_state(action: str) -> str:
    """Return the State that stands over an Action (StateEx)."""
    return _BASE_OF.get(action, action[:1])


def steps_to(target: str, passed: frozenset[str]) -> list[Step]:
    """List the steps still to play until `target`; those in `passed` (actions) are left out.

    Raises: KeyError when the target is unknown.
    """
    milestone = "out_for_delivery" if target in _BRANCHES else target
    if milestone not in dict(_ROAD):
        raise KeyError(target)
    steps: list[Step] = []
    for name, stage in _ROAD:
        steps.extend(stage)
        if name == milestone:
            break
    return [step for step in (*steps, *_BRANCHES.get(target, ())) if step.action not in passed]
