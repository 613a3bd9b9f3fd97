"""The pages of the console as the browser visits them: who looks, and at what. Made once a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.conftest import Surroundings
from tests.e2e.steps import Applicant

Facts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its route, who looks, and how its address is made from what there is."""

    path: str
    username: str
    name: str
    made: Callable[[Facts], str] | None = None

    def address(self, facts: Facts) -> str:
        """Return the address to visit."""
        return self.made(facts) if self.made else self.path


@dataclass
class Shown:
    """Makes what the pages show: a case with pictures, a payment, a refund that waits."""

    _facts: Facts = field(default_factory=dict)

    async def facts(self, scene: Surroundings) -> Facts:
        """Return the numbers of what there is; makes it at the first call."""
        if not self._facts:
            applicant = await scene.applicant("wechat", "wang-fang")
            self._facts |= await _paid_case(applicant)
        return self._facts


async def _paid_case(applicant: Applicant) -> Facts:
    number, bill_no = await applicant.billed()
    order = await applicant.order(bill_no)
    await applicant.tap(order)
    await applicant.paid(number)
    waiting = await applicant.submitted()
    return {"case": number, "payment": str(order["out_trade_no"]), "bill": bill_no, "submitted": waiting}


PAGES: tuple[Page, ...] = (
    Page("/staff", "reviewer-xiaodian", "today"),
    Page("/staff/cases", "reviewer-xiaodian", "cases"),
    Page(
        "/staff/cases/<application_no:str>", "reviewer-xiaodian", "case", lambda facts: f"/staff/cases/{facts['case']}"
    ),
    Page(
        "/staff/cases/<application_no:str>/<act:str>",
        "reviewer-xiaodian",
        "case-act",
        lambda facts: f"/staff/cases/{facts['case']}/approve",
    ),
    Page("/staff/payments", "cashier", "payments"),
    Page(
        "/staff/payments/<out_trade_no:str>",
        "cashier",
        "payment",
        lambda facts: f"/staff/payments/{facts['payment']}",
    ),
)
