"""Which permissions are worth asking a person for, in which order, and in panels as the platforms take them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from notify.types import SubscriptionPanel, SubscriptionView

_PANEL = {"WECHAT": 5, "ALIPAY": 3}
"""Source: WeChat mini-program documents, wx.requestSubscribeMessage; Alipay, my.requestSubscribeMessage."""
_ENOUGH = 5
"""So many one-time permissions last for one case."""
_TO_COME = ("application.", "bill.", "shipment.", "package.")
"""What an open case brings."""


def in_order(views: Sequence[SubscriptionView], has_open_cases: bool) -> list[SubscriptionView]:
    """Return the views with `worth_asking` set, the most wanted first.

    Wanted is what an open case of the person brings and what there is least of; a long-term permission in stock, or
    enough one-time ones, need no asking.
    """
    judged = [msgspec.structs.replace(view, worth_asking=_is_lacking(view)) for view in views]

    def rank(view: SubscriptionView) -> tuple[bool, bool, int]:
        brought = has_open_cases and any(event.startswith(_TO_COME) for event in view.events)
        return not view.worth_asking, not brought, view.in_stock

    return sorted(judged, key=rank)


def panels(views: Sequence[SubscriptionView], provider: str) -> list[SubscriptionPanel]:
    """Group what is worth asking for into panels of one kind each, in order."""
    most = _PANEL.get(provider, 3)
    made = []
    for kind in dict.fromkeys(view.kind for view in views if view.worth_asking):
        ids = [view.template_id for view in views if view.worth_asking and view.kind == kind]
        made += [
            SubscriptionPanel(kind=kind, template_ids=ids[begin : begin + most]) for begin in range(0, len(ids), most)
        ]
    return made


def _is_lacking(view: SubscriptionView) -> bool:
    return view.in_stock == 0 if view.kind == "LONG_TERM" else view.in_stock < _ENOUGH
