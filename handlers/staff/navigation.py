"""The main navigation of the console: every page that stands in it, in order, and who sees it.

Read by handlers/pages.py for every page. A link that somebody does not see is not a permission: the use cases decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.staff.types import Role, StaffCaller


@dataclass(frozen=True, slots=True)
class Entry:
    """One link. `here` is the name by which a page says that it belongs to this entry.

    `is_of_province`: only people without narrower divisions or departments have a use for it.
    """

    here: str
    title: str
    address: str
    roles: frozenset[Role]
    is_of_province: bool = False

    def is_for(self, staff: StaffCaller) -> bool:
        """Tell whether somebody sees this link."""
        return staff.may(*self.roles) and (not self.is_of_province or staff.covers_province)


@dataclass(frozen=True, slots=True)
class Group:
    """Links under one heading; an empty heading stands for links of the first row."""

    title: str
    entries: tuple[Entry, ...]


def _entry(here: str, title: str, address: str, *roles: Role) -> Entry:
    return Entry(here, title, address, frozenset(roles or Role))


_CASES = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.CASHIER, Role.DISPATCHER, Role.AUDITOR, Role.ADMINISTRATOR)
_QUEUES = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
_CAMPAIGNS = (Role.PUBLISHER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
_CONSULTATIONS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
_MONEY = (Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
_SYSTEM = (Role.ADMINISTRATOR, Role.AUDITOR)
_ITEMS = (Role.PUBLISHER, Role.REVIEWER, Role.WINDOW, Role.AUDITOR, Role.ADMINISTRATOR)
_RATINGS = (Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
_TROUBLE = (Role.DISPATCHER, Role.WINDOW, Role.REVIEWER, Role.ADMINISTRATOR)
_HOLDERS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.DISPATCHER, Role.AUDITOR, Role.ADMINISTRATOR)
_PAPERS = (Role.WINDOW, Role.DISPATCHER, Role.ADMINISTRATOR)
NAVIGATION = (
    Group("", (_entry("today", "今日", "/staff"),)),
    Group(
        "办件",
        (
            _entry("queues", "认领队列", "/staff/queues", *_QUEUES),
            _entry("cases", "办件查询", "/staff/cases", *_CASES),
            _entry("licences", "证照", "/staff/licences", Role.WINDOW, Role.REVIEWER),
            _entry("deliveries", "寄送看板", "/staff/deliveries", Role.DISPATCHER, Role.WINDOW, Role.ADMINISTRATOR),
            _entry("mailings", "待收原件", "/staff/mailings", *_PAPERS, Role.REVIEWER),
            _entry("collections", "领取", "/staff/collections", *_PAPERS),
            _entry("delivery_tasks", "寄送异常", "/staff/delivery-tasks", *_TROUBLE),
            _entry("custody", "证照流转", "/staff/custody", *_HOLDERS),
            _entry("dispatches", "交寄批次", "/staff/dispatches", Role.DISPATCHER, Role.WINDOW, Role.ADMINISTRATOR),
            Entry(
                "courier_statements",
                "快递对账",
                "/staff/courier-statements",
                frozenset((Role.DISPATCHER, *_MONEY)),
                is_of_province=True,
            ),
            _entry("delivery_rules", "寄送规则", "/staff/delivery-rules", Role.ADMINISTRATOR, Role.DISPATCHER),
        ),
    ),
    Group(
        "消息",
        (
            _entry("consultations", "咨询", "/staff/consultations", *_CONSULTATIONS),
            _entry("campaigns", "群发任务", "/staff/campaigns", *_CAMPAIGNS),
            _entry("templates", "消息模板", "/staff/templates", *_CAMPAIGNS),
            _entry("audience_lists", "人员名单", "/staff/audience-lists", *_CAMPAIGNS),
        ),
    ),
    Group(
        "收费",
        (
            _entry("payments", "支付", "/staff/payments", *_MONEY),
            _entry("refunds", "退款", "/staff/refunds", Role.APPROVER, *_MONEY),
            _entry("statements", "收银日报", "/staff/statements", *_MONEY),
            _entry("reconciliations", "对账", "/staff/reconciliations", *_MONEY),
            _entry("discrepancies", "差异", "/staff/discrepancies", *_MONEY),
            _entry("quarantined", "待核对支付", "/staff/payments/quarantined", *_MONEY),
        ),
    ),
    Group(
        "事项与评价",
        (
            _entry("items", "事项库", "/staff/items", *_ITEMS),
            _entry("ratings", "差评整改", "/staff/ratings", *_RATINGS),
            _entry("rating_figures", "好差评统计", "/staff/rating-figures", *_RATINGS),
        ),
    ),
    Group(
        "系统",
        (
            _entry("members", "人员与角色", "/staff/members", *_SYSTEM),
            _entry("audit", "审计", "/staff/audit", *_SYSTEM),
            _entry("providers", "服务商状态", "/staff/providers", *_SYSTEM),
            _entry("jobs", "任务队列", "/staff/jobs", *_SYSTEM),
        ),
    ),
)


def seen_by(staff: StaffCaller) -> list[Group]:
    """Return the groups and links that somebody sees."""
    groups = [
        Group(group.title, tuple(entry for entry in group.entries if entry.is_for(staff))) for group in NAVIGATION
    ]
    return [group for group in groups if group.entries]
