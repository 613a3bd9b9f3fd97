"""A hundred copies of one callback at once on three API processes: one effect, and all are told that they arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from demo.wire import until
from tests.e2e.books import Books
from tests.e2e.conftest import Product, Surroundings, free_ports, product_folder
from tests.e2e.steps import Applicant

pytestmark = pytest.mark.anyio
PROCESSES, COPIES = 3, 100


@pytest.fixture(scope="module")
def crowded() -> Iterator[Product]:
    """A product with several API processes, which asks about silent orders late."""
    port, sim_port = free_ports()
    extra = {"SJT_WORKERS": str(PROCESSES), "SJT_PAYMENT_SWEEP_SECONDS": "600", "SJT_CITIZEN_RATE": "100000/minute"}
    with product_folder() as folder:
        product = Product(folder / "var", port, sim_port, extra)
        product.start()
        yield product
        product.stop()


@pytest.fixture
async def scene(crowded: Product) -> AsyncIterator[Surroundings]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Surroundings(crowded, session)


@pytest.mark.parametrize(("platform", "key", "said"), [("wechat", "liu-yang", ""), ("alipay", "chen-jing", "success")])
async def test_a_hundred_copies_at_once_have_one_effect(
    scene: Surroundings, platform: str, key: str, said: str
) -> None:
    assert len([child for child in scene.product.children() if scene.product.listens(child)]) >= PROCESSES
    applicant, books = await scene.applicant(platform, key), Books(scene)
    number, bill_no = await applicant.billed()
    order = await applicant.order(bill_no)
    await applicant.tap(order, "none")
    assert (await applicant.payment(order))["status"] == "AWAITING"
    sent = await applicant.notify(order, concurrent=COPIES)
    answers = [(each["status"], each["answer"]) for each in sent["callbacks"] if each is not None]
    assert answers == [(200 if said else 204, said)] * COPIES
    await applicant.paid(number)
    number_there = order["out_trade_no"]
    assert await books.value("SELECT count(*) FROM inbox_event WHERE reference_no = $1", number_there) == 1
    assert await books.transfer(f"payment.succeeded:{number_there}") == (2, 0)
    refunds = "SELECT count(*) FROM refund r JOIN bill b ON b.id = r.bill_id WHERE b.bill_no = $1"
    assert await books.value(refunds, bill_no) == 0
    assert await books.value("SELECT count(*) FROM quarantined_callback") == 0
    await _check_told_once(applicant, number)


async def _check_told_once(applicant: Applicant, number: str) -> None:
    async def told() -> list[str]:
        notices = (await applicant.phone.call("GET", "/notices?limit=100")).expect(200)["data"]
        return [each["event"] for each in notices if each["subject_no"] == number and each["event"] == "bill.paid"]

    assert await until("the notice", told, bool) == ["bill.paid"]
    steps = (await applicant.phone.call("GET", f"/applications/{number}/timeline")).expect(200)["data"]
    assert [step["title"] for step in steps].count("已缴费") == 1
