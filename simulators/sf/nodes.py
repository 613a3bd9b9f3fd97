"""The road of a parcel: the 丰桥 route nodes that the control API can play, in their natural order.

Used by the SF simulator only. Codes are opCode of the 丰桥 route interface (路由查询接口 opcode 表).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """One route node (路由节点)."""

    op_code: str
    remark: str
    reason_code: str = ""
    reason_name: str = ""


_ROAD: tuple[tuple[str, tuple[Node, ...]], ...] = (
    ("picked_up", (Node("54", "快递员已上门收件"), Node("50", "顺丰速运 已收取快件"))),
    ("in_transit", (Node("30", "快件在【始发集散中心】装车，准备发往下一站"), Node("31", "快件到达【中转集散中心】"))),
    ("arrived", (Node("123", "快件已送往派送点"), Node("130", "快件到达派送点"))),
    ("out_for_delivery", (Node("204", "派件责任交接"), Node("44", "正在派送途中，请您准备签收，电话13900000009"))),
    ("delivered", (Node("80", "已签收，感谢使用顺丰，期待再次为您服务"), Node("8000", "签收人凭证件签收"))),
)
_BRANCHES: dict[str, tuple[str, tuple[Node, ...]]] = {
    "awaiting_collection": ("out_for_delivery", (Node("125", "快件已投入丰巢柜，请凭取件码取件"),)),
    "exception": ("out_for_delivery", (Node("70", "派件不成功，收件人电话无人接听", "12", "无法联系收件人"),)),
    "returning": (
        "out_for_delivery",
        (
            Node("70", "派件不成功，收件人拒收", "3", "拒收"),
            Node("648", "快件已退回，新单号"),
            Node("631", "新单退回"),
        ),
    ),
    "returned": ("returning", (Node("30", "退回件在【大同集散中心】装车"), Node("80", "退回件已签收"))),
}
NEW_NUMBER = "631"
"""From this node on the parcel travels under another number."""
STATES = {
    "pickup_pending": ("04-40001", "调度成功，收派员信息"),
    "cancelled": ("04-40014", "客户取消订单"),
}
"""States of an order that are pushed apart from the road (订单状态推送)."""
TARGETS = (*(name for name, _ in _ROAD), *_BRANCHES, *STATES)
_REMARKS = {node.op_code: node.remark for _, nodes in (*_ROAD, *_BRANCHES.values()) for node in nodes}


def default_remark(op_code: str) -> str:
    """Give the usual text of a code, for a node asked for without one."""
    return _REMARKS.get(op_code, "快件状态更新")


def nodes_to(target: str, passed: frozenset[str]) -> list[Node]:
    """List the nodes still to play until `target`, in order; those in `passed` (opCodes) are left out.

    Raises: KeyError when the target is unknown.
    """
    if target in _BRANCHES:
        milestone, last = _BRANCHES[target]
        if milestone in _BRANCHES and {node.op_code for node in _BRANCHES[milestone][1]} <= passed:
            return list(last)
        return nodes_to(milestone, passed) + list(last)
    if target not in dict(_ROAD):
        raise KeyError(target)
    nodes: list[Node] = []
    for name, stage in _ROAD:
        nodes.extend(stage)
        if name == target:
            break
    return [node for node in nodes if node.op_code not in passed]
