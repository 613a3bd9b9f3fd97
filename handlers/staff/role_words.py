"""The roles of staff in the words of the console, with what each may do. Read by pages."""

from __future__ import annotations

from services.staff.types import Role

ROLES: dict[Role, tuple[str, str]] = {
    Role.WINDOW: ("窗口", "收件、预审、受理，帮办代办"),
    Role.REVIEWER: ("审核", "受理、审查与决定"),
    Role.APPROVER: ("审批", "第二人审核：决定、退款、群发与模板"),
    Role.CASHIER: ("收银", "支付、退款、对账"),
    Role.DISPATCHER: ("投递", "寄递与取件"),
    Role.PUBLISHER: ("发布", "事项、消息模板与群发"),
    Role.AUDITOR: ("审计", "查看审计记录与各类清单"),
    Role.ADMINISTRATOR: ("管理员", "人员与角色、任务队列、服务商状态"),
}


def title_of(role: Role) -> str:
    """Return the short title of a role."""
    return ROLES[role][0]
