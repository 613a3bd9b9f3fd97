"""A mass push in a real browser: composed beside the phone's picture, approved by somebody else, seen to its end."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from demo.wire import until
from tests.e2e.browser.conftest import Desks
from tests.e2e.conftest import Surroundings

pytestmark = pytest.mark.anyio
_POLICY = "灵活就业人员社保补贴"
_FIELDS = {
    "variables.policy": _POLICY,
    "variables.summary": "符合条件的可在12月底前申领",
    "variables.issuer": "太原市小店区人社局",
    "variables.page_code": "ZC20261101",
}


async def test_campaign_goes_from_the_form_to_the_phones_by_two_people(desks: Desks, scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "wang-fang")
    await applicant.ready()
    author, second = await desks.of("publisher"), await desks.of("approver")
    page = await author.open("/staff/campaigns/new?template=campaign.policy")
    await page.get_by_label("任务名称").fill("社保补贴政策告知")
    for name, value in _FIELDS.items():
        await page.locator(f"[name='{name}']").fill(value)
    await page.get_by_label("实名等级").select_option("L2")
    await expect(page.locator("#preview")).to_contain_text(_POLICY)
    assert await author.faults() == []
    await author.picture("campaign-composed")
    await author.press("保存草稿")
    number = page.url.partition("?")[0].rsplit("/", 1)[-1]
    await author.press("重新估算人数")
    await author.press("提交")
    await expect(page.get_by_text("待审核").first).to_be_visible()
    assert await page.get_by_role("link", name="审核", exact=True).count() == 0
    await second.open(f"/staff/campaigns/{number}/approval")
    assert await second.faults() == []
    await second.picture("campaign-approval")
    await second.press("同意群发")
    await author.open(f"/staff/campaigns/{number}")
    await author.press("立即开始")
    await expect(page.get_by_text("已完成").first).to_be_visible(timeout=60_000)
    await expect(page.get_by_role("button", name="暂停")).to_have_count(0)
    assert await author.faults() == []
    await author.picture("campaign-finished")

    async def heard() -> list[dict[str, str]]:
        found = (await applicant.phone.call("GET", "/notices?limit=20")).expect(200)["data"]
        return [notice for notice in found if _POLICY in notice["text"]]

    assert len(await until("notice", heard, bool)) == 1
