"""Which permissions are asked for, in which order, in panels as the platforms take them."""

from __future__ import annotations

from typing import Any

from notify.asking import in_order, panels
from notify.types import SubscriptionView


def view(template_id: str, event: str, in_stock: int = 0, kind: Any = "ONE_TIME") -> SubscriptionView:
    return SubscriptionView(template_id=template_id, title=template_id, kind=kind, events=[event], in_stock=in_stock)


def test_what_an_open_case_brings_comes_first_and_enough_comes_last() -> None:
    views = [
        view("licence", "licence.expiring"),
        view("plenty", "application.accepted", 5),
        view("bill", "bill.issued", 1),
        view("policy", "campaign.policy", 1, "LONG_TERM"),
    ]
    assert [each.template_id for each in in_order(views, True)] == ["bill", "licence", "plenty", "policy"]
    assert [each.template_id for each in in_order(views, False)][:2] == ["licence", "bill"]
    assert [each.template_id for each in in_order(views, True) if not each.worth_asking] == ["plenty", "policy"]


def test_panels_hold_one_kind_and_as_many_as_the_platform_takes() -> None:
    views = [view(f"a{n}", "bill.issued") for n in range(7)] + [view("b", "campaign.policy", 0, "LONG_TERM")]
    views.append(view("full", "bill.paid", 9))
    listed = in_order(views, True)
    assert [(each.kind, len(each.template_ids)) for each in panels(listed, "WECHAT")] == [
        ("ONE_TIME", 5),
        ("ONE_TIME", 2),
        ("LONG_TERM", 1),
    ]
    assert [len(each.template_ids) for each in panels(listed, "ALIPAY")] == [3, 3, 1, 1]
    assert "full" not in {template_id for each in panels(listed, "WECHAT") for template_id in each.template_ids}
