"""The pages of the console as the browser visits them: who looks, and at what. Made once a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from demo.wire import until
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import STORY, Applicant

Facts = dict[str, str]
_PLACE = re.compile(r"<(\w+):\w+>")
_LATE_FEE_FEN = 51_000
"""Makes a bill whose refund needs a second person, so that one waits."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its route, who looks, and what its address takes besides the facts of the run."""

    path: str
    username: str
    more: Facts = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What its pictures are called."""
        return re.sub(r"[^a-z_]+", "-", _PLACE.sub(r"\1", self.path.removeprefix("/staff"))).strip("-") or "today"

    def address(self, facts: Facts) -> str:
        """Return the address to visit."""
        return _PLACE.sub(lambda place: (facts | self.more)[place[1]], self.path)


@dataclass
class Shown:
    """Makes what the pages show: a case with pictures, a payment, a refund that waits, a parcel, a mass push."""

    _facts: Facts = field(default_factory=dict)

    async def facts(self, scene: Surroundings) -> Facts:
        """Return the numbers of what there is, by the names that addresses use; makes it at the first call."""
        if not self._facts:
            applicant = await scene.applicant("wechat", "wang-fang")
            found = await _case_with_refund(applicant, scene)
            found |= await _rated_case_with_parcel(applicant, scene)
            found |= await _consultation(applicant, found["submitted"]) | await _campaign(scene)
            self._facts |= found
        return self._facts


async def _case_with_refund(applicant: Applicant, scene: Surroundings) -> Facts:
    number, bill_no = await applicant.billed()
    bill = await until("code", lambda: applicant.bill(number), lambda seen: bool(seen["payment_code"]))
    path = f"/control/fiscal/bills/{bill['payment_code']}/late-fee"
    (await applicant.control.send("POST", path, value={"late_fee_fen": _LATE_FEE_FEN})).expect(200)
    order = await applicant.order(bill_no)
    await applicant.tap(order)
    paid = await applicant.paid(number)
    cashier, trade = await scene.counter("cashier"), str(order["out_trade_no"])
    wish = {"amount_fen": paid["amount_fen"], "reason": "滞纳金计算有误，全额退还"}
    refund = (await cashier.call("POST", f"/payments/{trade}/refunds", wish)).expect(201)
    return {
        "application_no": number,
        "out_trade_no": trade,
        "out_refund_no": str(refund["out_refund_no"]),
        "submitted": await applicant.submitted(),
    }


async def _rated_case_with_parcel(applicant: Applicant, scene: Surroundings) -> Facts:
    case, person = await applicant.draft(), applicant.phone.person
    number, street = str(case["application_no"]), "平阳路88号3号楼2单元501"
    address = {"recipient": person["name"], "phone": person["phone"], "division_code": person["division"]}
    kept = (await applicant.phone.call("POST", "/addresses", address | {"street": street})).expect(201)
    choice = {"method": "COURIER", "address_id": kept["id"]}
    (await applicant.phone.call("PUT", f"/applications/{number}/delivery", choice)).expect(200)
    (await applicant.phone.call("POST", f"/applications/{number}/submit", {})).expect(200)
    (await applicant.window.call("POST", f"/cases/{number}/accept", {})).expect(200)
    bill = await until("bill", lambda: applicant.bill(number), lambda seen: bool(seen.get("payment_code")))
    await applicant.tap(await applicant.order(str(bill["bill_no"])))
    await applicant.paid(number)
    await applicant.approved(number)
    await applicant.phone.case_in(number, "DELIVERING")

    async def parcel() -> dict[str, Any]:
        listed = (await applicant.phone.call("GET", f"/applications/{number}/shipments")).expect(200)["data"]
        return dict(listed[0]) if listed else {}

    shipment_no = str((await until("parcel", parcel, lambda seen: bool(seen.get("waybill_no"))))["shipment_no"])
    dispatch_no = await _batch(scene)
    for state in ("picked_up", "out_for_delivery", "delivered"):
        path = f"/control/sf/orders/{shipment_no}/move"
        (await applicant.control.send("POST", path, value={"to": state})).expect(200)
    await applicant.phone.case_in(number, "CLOSED")
    rating = {"subject_no": number, "grade": 1, "comment": "等候时间较长"}
    (await applicant.phone.call("POST", "/ratings", rating)).expect(201)
    chief = await scene.counter("approver-xiaodian")
    waiting = (await chief.call("GET", "/rating-follow-ups")).expect(200)["data"]
    return {"shipment_no": shipment_no, "dispatch_no": dispatch_no, "follow_up_id": str(waiting[0]["follow_up_id"])}


async def _batch(scene: Surroundings) -> str:
    dispatcher = await scene.counter("dispatcher")
    waits = (await dispatcher.call("GET", "/dispatches/waiting")).expect(200)["data"][0]
    wish = {name: waits[name] for name in ("division_code", "department_code", "courier")}
    return str((await dispatcher.call("POST", "/dispatches", wish)).expect(201)["dispatch_no"])


async def _consultation(applicant: Applicant, number: str) -> Facts:
    wish = {"title": "补领身份证", "text": "身份证丢失期间如何乘坐火车？", "application_no": number}
    made = (await applicant.phone.call("POST", "/consultations", wish)).expect(201)
    return {"consultation_no": str(made["consultation_no"])}


async def _campaign(scene: Surroundings) -> Facts:
    publisher = await scene.counter("publisher")
    draft = {
        "title": "社保补贴政策告知",
        "template_code": "campaign.policy",
        "variables": {
            "policy": "灵活就业人员社保补贴",
            "summary": "符合条件的可在12月底前申领",
            "issuer": "太原市小店区人社局",
            "page_code": "ZC20261101",
        },
        "audience": {"level": "L2"},
    }
    made = (await publisher.call("POST", "/campaigns", draft)).expect(201)
    number = str(made["campaign_no"])
    sized = (await publisher.call("POST", f"/campaigns/{number}/estimate", {})).expect(200)
    (await publisher.call("POST", f"/campaigns/{number}/submit", {"version": sized["version"]})).expect(200)
    return {"campaign_no": number}


def _pages(looker: str, *paths: str, **more: str) -> tuple[Page, ...]:
    return tuple(Page(path, looker, more) for path in paths)


PAGES: tuple[Page, ...] = (
    *_pages(
        "reviewer-xiaodian",
        "/staff",
        "/staff/profile",
        "/staff/cases",
        "/staff/cases/<application_no:str>",
        "/staff/cases/<application_no:str>/materials",
        "/staff/cases/<application_no:str>/hold",
        "/staff/cases/<application_no:str>/push",
        "/staff/queues",
    ),
    *_pages("reviewer-xiaodian", "/staff/cases/<application_no:str>/<act:str>", act="approve"),
    *_pages("reviewer-xiaodian", "/staff/queues/<name:str>", name="unclaimed"),
    *_pages("window-xiaodian", "/staff/consultations", "/staff/consultations/<consultation_no:str>"),
    *_pages(
        "cashier",
        "/staff/payments",
        "/staff/payments/quarantined",
        "/staff/payments/<out_trade_no:str>",
        "/staff/refunds",
        "/staff/statements",
        "/staff/reconciliations",
        "/staff/discrepancies",
    ),
    *_pages("reviewer-xiaodian", "/staff/licences"),
    *_pages("cashier-second", "/staff/refunds/<out_refund_no:str>/<act:str>", act="approve"),
    *_pages("dispatcher", "/staff/deliveries", "/staff/deliveries/<shipment_no:str>"),
    *_pages("dispatcher", "/staff/deliveries/<shipment_no:str>/order"),
    *_pages("admin", "/staff/delivery-rules"),
    *_pages("admin", "/staff/delivery-rules/couriers/<rule_code:str>", rule_code="new"),
    *_pages("admin", "/staff/delivery-rules/postage/<rule_code:str>", rule_code="new"),
    *_pages("window-xiaodian", "/staff/mailings", "/staff/collections"),
    *_pages("dispatcher", "/staff/delivery-tasks", "/staff/custody", "/staff/deliveries/<shipment_no:str>/declare"),
    *_pages(
        "dispatcher",
        "/staff/dispatches",
        "/staff/dispatches/<dispatch_no:str>",
        "/staff/dispatches/<dispatch_no:str>/scan",
        "/staff/courier-statements",
    ),
    *_pages("approver-xiaodian", "/staff/ratings", "/staff/ratings/<follow_up_id:str>", "/staff/rating-figures"),
    *_pages(
        "publisher",
        "/staff/campaigns",
        "/staff/campaigns/new",
        "/staff/campaigns/<campaign_no:str>",
        "/staff/audience-lists",
        "/staff/templates",
        "/staff/templates/new",
        "/staff/items",
        "/staff/items/report",
    ),
    *_pages("approver", "/staff/campaigns/<campaign_no:str>/approval"),
    *_pages("publisher", "/staff/templates/<code:str>", "/staff/templates/<code:str>/new", code="campaign.policy"),
    *_pages("admin", "/staff/members", "/staff/members/new", "/staff/audit", "/staff/providers", "/staff/jobs"),
    *_pages("admin", "/staff/members/<username:str>", "/staff/members/<username:str>/edit", username="dispatcher"),
    *_pages("admin", "/staff/providers/of/<provider:str>", provider="wechat"),
    *_pages(
        "admin",
        "/staff/items/<item_code:str>",
        "/staff/items/<item_code:str>/versions/<version:str>",
        item_code=STORY["item_code"],
        version="1",
    ),
)
NO_PAGES = frozenset(
    {
        # Parts of pages, which their pages show.
        "/staff/today/work",
        "/staff/today/deadlines",
        "/staff/today/charts",
        "/staff/queue-counts",
        "/staff/audit/check",
        "/staff/stream",
        # Pictures and files.
        "/staff/totp.svg",
        "/staff/files/<upload_id:str>",
        "/staff/looks/<token:str>/<number:str>",
        "/staff/cases/<application_no:str>/documents/<document_no:str>",
        # Shown by tests of their own, in the course of an act.
        "/staff/setup",
        "/staff/cases/<application_no:str>/request-correction",
        "/staff/campaigns/<campaign_no:str>/edit",
        "/staff/audience-lists/<list_id:str>",
        "/staff/templates/<code:str>/versions/<version:str>/edit",
        "/staff/items/<item_code:str>/versions/<version:str>/<act:str>",
        "/staff/items/<item_code:str>/versions/<version:str>/changes",
        "/staff/licences/<licence_no:str>",
        "/staff/courier-statements/<statement_no:str>",
        "/staff/delivery-tasks/<task_id:str>",
        "/staff/mailings/<application_no:str>",
        "/staff/collections/<application_no:str>",
        "/staff/discrepancies/<discrepancy_id:str>/<act:str>",
    }
)
"""Addresses that are no pages by themselves; those that end in /part and /export are parts and files as well."""
