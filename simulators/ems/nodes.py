"""The road of a parcel: the events that the control API can play, in their natural order.

Used by the EMS simulator only. Codes are opCode, deliverCode, attemptDeliveryCode of the data dictionary (数据字典).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """One event (轨迹)."""

    op_code: str
    name: str
    description: str
    deliver_code: str = ""
    attempt_code: str = ""


_OUT = Node("702", "投递下段", "【大同市】邮件正在派送途中，投递员：李强，电话：13900000009")
_LEFT = Node("305", "离开处理中心", "邮件离开【太原处理中心】")
_IN_BOX = Node("747", "包裹柜已接收", "邮件已投入【小区南门】包裹柜，请凭取件码领取")
_ROAD: tuple[tuple[str, tuple[Node, ...]], ...] = (
    ("picked_up", (Node("203", "收寄计费信息", "【太原市】邮件已揽收"),)),
    ("in_transit", (_LEFT, Node("954", "到达处理中心", "邮件到达【大同处理中心】"))),
    ("arrived", (Node("713", "到达投递机构", "邮件到达【平城区投递部】"),)),
    ("out_for_delivery", (_OUT,)),
    ("delivered", (Node("704", "妥投", "邮件已签收，本人签收", deliver_code="10"),)),
)  # fmt: skip
_REFUSED = Node("705", "未妥投", "收件人拒收", attempt_code="7")
_BACK = Node("708", "退件登记", "邮件退回，原因：收件人拒收")
_BRANCHES: dict[str, tuple[str, tuple[Node, ...]]] = {
    "awaiting_collection": ("out_for_delivery", (_IN_BOX,)),
    "exception": ("out_for_delivery", (Node("705", "未妥投", "收件人不在，再次投递", attempt_code="2"),)),
    "rejected": ("out_for_delivery", (_REFUSED,)),
    "returning": ("out_for_delivery", (_REFUSED, _BACK)),
    "returned": ("out_for_delivery", (_REFUSED, _BACK, Node("711", "退回妥投", "邮件已退回寄件人"))),
    "lost": ("in_transit", (Node("987", "确认丢失", "邮件丢失，已按规定处理"),)),
    "delivery_undone": ("delivered", (Node("743", "撤销妥投", "撤销妥投"),)),
}  # fmt: skip
TARGETS = (*(name for name, _ in _ROAD), *_BRANCHES)
CANCELLED = Node("801", "撤单", "订单已取消")
_KNOWN = {node.op_code: node for _, nodes in (*_ROAD, *_BRANCHES.values()) for node in nodes} | {"801": CANCELLED}


def node_of(op_code: str, deliver_code: str, attempt_code: str, description: str) -> Node:
    """Give an event of a code, with its usual words where none are given."""
    usual = _KNOWN.get(op_code, Node(op_code, "邮件状态更新", "邮件状态更新"))
    return Node(op_code, usual.name, description or usual.description, deliver_code, attempt_code)


def nodes_to(target: str, passed: frozenset[str]) -> list[Node]:
    """List the events still to play until `target`, in order; those in `passed` (opCodes) are left out.

    Raises: KeyError when the target is unknown.
    """
    milestone, last = _BRANCHES.get(target, (target, ()))
    names = [name for name, _ in _ROAD]
    if milestone not in names:
        raise KeyError(target)
    road = [node for _, stage in _ROAD[: names.index(milestone) + 1] for node in stage]
    return [node for node in road if node.op_code not in passed] + list(last)
