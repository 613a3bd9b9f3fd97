"""Many merchants in the running product: a department that collects in its own name, an operator who changes that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from demo.wire import until
from tests.e2e.books import Books
from tests.e2e.commands import command
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import Applicant

pytestmark = pytest.mark.anyio
PLATFORMS = pytest.mark.parametrize(("platform", "key"), [("wechat", "liu-yang"), ("alipay", "chen-jing")])


def _account(scene: Surroundings, platform: str) -> dict[str, Any]:
    """The made-up account of the department at a platform."""
    listed = json.loads((scene.product.var / "keys" / "merchants.json").read_text(encoding="utf-8"))
    return next(dict(entry) for entry in listed if entry["channel"] == platform.upper())


async def _told(scene: Surroundings, applicant: Applicant, order: dict[str, Any]) -> dict[str, Any]:
    """The order as the platform has it."""
    part = "wechat_pay/orders" if applicant.phone.platform == "wechat" else "alipay/trades"
    return dict((await scene.control.send("GET", f"/control/{part}/{order['out_trade_no']}")).expect(200))


async def _merchants(scene: Surroundings, *arguments: str) -> str:
    printed = await command(scene.product, "merchants", *arguments)
    assert printed.code == 0, printed.text
    return printed.text


@PLATFORMS
async def test_department_collects_in_its_own_name(scene: Surroundings, platform: str, key: str) -> None:
    applicant, account = await scene.applicant(platform, key), _account(scene, platform)
    number, bill_no = await applicant.billed()
    await Books(scene).give(bill_no, account["department_code"])
    order = await applicant.order(bill_no)
    told = await _told(scene, applicant, order)
    if platform == "wechat":
        assert (told["sp_mchid"], told["sub_mchid"]) == (account["mch_id"], account["sub_mch_id"])
    else:
        assert (told["seller_id"], told["auth_app_id"]) == (account["mch_id"], account["sub_mch_id"])
    answered = await applicant.tap(order)
    assert answered["callback"]["status"] in (200, 204)
    await applicant.paid(number)


async def test_disabled_account_is_followed_and_the_next_bill_goes_elsewhere(scene: Surroundings) -> None:
    applicant, account = await scene.applicant("wechat", "liu-yang"), _account(scene, "wechat")
    number, bill_no = await applicant.billed()
    await Books(scene).give(bill_no, account["department_code"])
    order = await applicant.order(bill_no)
    _, next_bill = await applicant.billed()
    await Books(scene).give(next_bill, account["department_code"])
    try:
        assert "已停用" in await _merchants(scene, "disable", account["code"])
        next_order = await applicant.order(next_bill)
        assert "sub_mchid" not in await _told(scene, applicant, next_order)
        assert (await applicant.tap(order))["callback"]["status"] == 204
        await applicant.paid(number)
    finally:
        await _merchants(scene, "enable", account["code"])


async def test_bill_whose_registration_was_not_answered_is_given_away_after_it_was(scene: Surroundings) -> None:
    """Other words under the same number would be refused as a contradiction."""
    applicant, account = await scene.applicant("wechat", "liu-yang"), _account(scene, "wechat")
    fault = {"provider": "fiscal", "call": "notice/issue", "kind": "drop_after", "times": 3}
    (await scene.control.send("POST", "/control/faults", value=fault)).expect(201)
    _, bill_no = await applicant.billed()
    await until("answers that were lost", lambda: _faults(scene), lambda left: not left)
    listed = await _registered_there(scene, bill_no)
    await Books(scene).give(bill_no, account["department_code"])
    told = await _told(scene, applicant, await applicant.order(bill_no))
    assert told["sub_mchid"] == account["sub_mch_id"]
    assert listed == await _registered_there(scene, bill_no), "one notice, with the words of the beginning"


async def _faults(scene: Surroundings) -> list[Any]:
    return list((await scene.control.send("GET", "/control/faults")).expect(200))


async def _registered_there(scene: Surroundings, bill_no: str) -> list[str]:
    """The 缴款码 that the fiscal platform has for a bill, with the body that collects."""
    listed = (await scene.control.send("GET", "/control/fiscal/bills")).expect(200)
    return [f"{one['PayCode']} {one['AgenCode']}" for one in listed if one["BizNo"] == bill_no]
