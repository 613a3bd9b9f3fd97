"""The road of a parcel as 快递100 tells it: the advanced codes that the control API can play, in natural order.

Used by its simulator only. Source: 快递100 快递信息推送服务, statusCode 高级状态.
"""

from dataclasses import dataclass

COURIER_PHONE = "13900000009"


@dataclass(frozen=True)
class Node:
    """One event; `order_status` is what an order of 商家寄件 becomes with it ("" none)."""

    code: str
    context: str
    order_status: str = ""


_ROAD: tuple[tuple[str, tuple[Node, ...]], ...] = (
    ("pickup_pending", (Node("102", "快递员已接单，等待揽收", "1"),)),
    ("picked_up", (Node("103", "【太原市】快件已被揽收", "10"),)),
    ("in_transit", (Node("1002", "【太原市】快件已发往下一站", "101"),)),
    ("arrived", (Node("1001", "【大同市】快件已到达派件城市"),)),
    ("out_for_delivery", (Node("5", f"【大同市】派件员王师傅（{COURIER_PHONE}）正在派件"),)),
    ("delivered", (Node("301", "已签收，本人签收，感谢使用", "13"),)),
)
_BRANCHES: dict[str, tuple[str, tuple[Node, ...]]] = {
    "awaiting_collection": ("out_for_delivery", (Node("501", "快件已暂存至迎泽小区丰巢柜，请凭取件码领取"),)),
    "left_in_locker": ("out_for_delivery", (Node("304", "快件已签收，存放于迎泽小区丰巢柜", "13"),)),
    "signed_by_other": ("out_for_delivery", (Node("303", "已签收，他人代收", "14"),)),
    "exception": ("out_for_delivery", (Node("204", "派件异常，收件人电话无人接听"),)),
    "damaged": ("in_transit", (Node("209", "快件外包装破损"),)),
    "rejected": ("out_for_delivery", (Node("203", "收件人拒收"),)),
    "returning": ("out_for_delivery", (Node("203", "收件人拒收"), Node("6", "快件正在退回"))),
    "returned": (
        "out_for_delivery",
        (Node("203", "收件人拒收"), Node("6", "快件正在退回"), Node("4", "退回件已签收", "12")),
    ),
    "pickup_failed": ("pickup_pending", ()),
}
TARGETS = (*(name for name, _ in _ROAD), *_BRANCHES)
ENDS = frozenset(("3", "301", "302", "303", "304", "4", "401", "210"))
_STATES = {
    "在途": "0 1001 1002 1003",
    "揽收": "1 101 102 103",
    "疑难": "2 201 202 203 204 205 206 207 208 209 210",
    "签收": "3 301 302 303 304",
    "退签": "4 401",
    "派件": "5 501",
    "退回": "6",
    "转投": "7",
    "清关": "8",
    "待清关": "10",
    "清关中": "11",
    "已清关": "12",
    "清关异常": "13",
    "拒签": "14",
}
_NAME_OF = {code: name for name, codes in _STATES.items() for code in codes.split()}
_STATE_OF = {code: codes.split()[0] for codes in _STATES.values() for code in codes.split()}


def state_name(code: str) -> str:
    """Return the Chinese name of the basic state that a code belongs to."""
    return _NAME_OF.get(code, "在途")


def state_of(code: str) -> str:
    """Return the basic state that a code belongs to."""
    return _STATE_OF.get(code, "0")


def nodes_to(target: str, passed: frozenset[str]) -> list[Node]:
    """List the nodes still to play until `target`, in order; codes in `passed` are left out.

    Raises: KeyError when the target is unknown.
    """
    milestone, last = _BRANCHES.get(target, (target, ()))
    if milestone not in dict(_ROAD):
        raise KeyError(target)
    nodes: list[Node] = []
    for name, stage in _ROAD:
        nodes.extend(stage)
        if name == milestone:
            break
    return [node for node in (*nodes, *last) if node.code not in passed or node in last]
