"""Pages of templates and direct pushes: the editor, what differs, a second person, hostile forms, pushing once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import db
from app.adapters import NoticeAudit, PushedCases, TrialPhones
from app.events import DomainEvent
from app.ids import new_id
from app.tables import CITIZEN_EVENTS
from notify.channels import alipay, sms, wechat
from notify.ports import NoticeTable
from notify.pushing.service import Pushing
from notify.templates import Shelf, import_templates
from notify.templating.comparing import Comparison
from notify.templating.service import TemplateDesk
from services.staff.audit import AuditTrail
from tests.fakes.notify_house import FakeNoticeChannel
from tests.integration.console.conftest import Browser, House

pytestmark = pytest.mark.anyio
DATA = Path(__file__).parents[3] / "data"


@pytest.fixture
def heard() -> list[DomainEvent]:
    """What open phones were told."""
    return []


@pytest.fixture(autouse=True)
async def _desk(house: House, heard: list[DomainEvent]) -> None:
    """Put the desk of templates and direct pushes into the house."""
    await import_templates(DATA / "templates.json")
    channels = {}
    for name, real in (("WECHAT", wechat), ("ALIPAY", alipay), ("SMS", sms)):
        channels[(name, "")] = FakeNoticeChannel()
        channels[(name, "")].fitted = real.fitted
    audit, shelf = NoticeAudit(AuditTrail(b"k" * 32)), Shelf()
    announce = house.announcements.publish
    house.templates = TemplateDesk(
        shelf, NoticeTable(channels), audit=audit, testers=TrialPhones(house.accounts, ("13800000001",)),
        announce=announce, comparison=Comparison(shelf, None), events=CITIZEN_EVENTS, sign="三晋通",
    )  # fmt: skip

    async def hear(event: DomainEvent) -> None:
        heard.append(event)

    house.pushing = Pushing(shelf, house.templates, PushedCases(house.applications), audit, announce, hear)


async def _form(browser: Browser, path: str) -> dict[str, str]:
    page = (await browser.get(path)).split("<main", 1)[1]
    found = dict(re.findall(r'<input[^>]*name="(\w+)" value="([^"]*)"', page))
    found |= dict(re.findall(r'<textarea id="(\w+)"[^>]*>([^<]*)</textarea>', page))
    for name, options in re.findall(r'<select id="(\w+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    found.pop("urgent", None)
    found.pop("statutory", None)
    return {name: text.replace("&#34;", '"').replace("&amp;", "&") for name, text in found.items()}


async def test_version_is_written_previewed_saved_compared_and_enabled(browser: Browser) -> None:
    await browser.sign_in("chief")
    assert "办理进度说明" in await browser.get("/staff/templates?use=PUSH")
    form = await _form(browser, "/staff/templates/push.progress_note/new")
    form["title"] = "办理进度<说明>"
    status, _, page = await browser.post("/staff/templates/push.progress_note/new", **form, act="preview")
    assert (status, page.count("phone-screen")) == (200, 3)
    assert "办理进度&lt;说明&gt;" in page
    status, location, page = await browser.post("/staff/templates/push.progress_note/new", **form, act="save")
    assert (status, location) == (303, "/staff/templates/push.progress_note?version=2&done=saved"), page
    page = await browser.get(location)
    assert "<del>办理进度说明</del>" in page
    assert "<ins>办理进度&lt;说明&gt;</ins>" in page
    edit = re.search(r'name="edit" value="(\d+)"', page)
    assert edit is not None
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    act = {"csrf_token": token[1], "edit": edit[1]}
    status, location, _ = await browser.post("/staff/templates/push.progress_note/versions/2/enable", **act)
    assert status == 303
    assert "已启用" in await browser.get(location)
    status, _, page = await browser.post(
        "/staff/templates/push.progress_note/versions/2/retire", csrf_token=token[1], edit="1"
    )
    assert (status, "已被他人更改" in page) == (409, True)


async def test_faulty_form_comes_back_with_what_was_written(browser: Browser) -> None:
    await browser.sign_in("chief")
    form = await _form(browser, "/staff/templates/push.progress_note/new")
    form |= {"wechat_fields": "thing1={nobody}\nphrase2=ABC\ntime3={time}", "inbox_text": "新的内容{note}"}
    status, _, page = await browser.post("/staff/templates/push.progress_note/new", **form, act="save")
    assert status == 400
    assert 'href="#wechat_fields"' in page
    assert "没有这个变量：nobody" in page
    assert "新的内容{note}" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "x" * 5000},
        {"inbox_text": "\ud7ff" * 600},
        {"variables": "no bars"},
        {"variables": "9|甲|乙"},
        {"wechat_fields": "no equals"},
        {"lifetime_hours": "99999"},
        {"lifetime_hours": "-1"},
        {"topic": "nothing"},
        {"channel_1": "PIGEON"},
        {"channel_1": "SMS", "channel_2": "SMS"},
        {"on_unknown": ""},
        {"sms_sign": "一" * 40},
        {"wechat_kind": "FOREVER"},
    ],
    ids=str,
)
async def test_hostile_form_is_refused_in_the_page(browser: Browser, changes: dict[str, str]) -> None:
    await browser.sign_in("chief")
    form = await _form(browser, "/staff/templates/push.call_back/new") | changes
    status, _, page = await browser.post("/staff/templates/push.call_back/new", **form, act="save")
    assert (status, 'role="alert"' in page) == (400, True)
    assert (await browser.post("/staff/templates/preview", **form, act="preview"))[0] == 200


async def test_new_code_that_is_no_code_is_refused(browser: Browser) -> None:
    await browser.sign_in("chief")
    form = await _form(browser, "/staff/templates/push.call_back/new")
    for code in ("", "Push", "a", "push.x y", "x" * 64 + ".y"):
        status, _, page = await browser.post("/staff/templates/new", **(form | {"code": code}), act="save")
        assert (status, "push.reminder" in page) == (400, True), code
    status, location, page = await browser.post("/staff/templates/new", **(form | {"code": "push.visit"}), act="save")
    assert (status, location) == (303, "/staff/templates/push.visit?version=1&done=saved"), page


async def test_form_that_lost_its_fields_is_refused_in_the_page(browser: Browser) -> None:
    await browser.sign_in("chief")
    token = (await _form(browser, "/staff/templates/campaign.policy/new"))["csrf_token"]
    status, _, page = await browser.post("/staff/templates/campaign.policy/new", csrf_token=token)
    assert (status, "群发" in page) == (400, True)
    assert (await browser.post("/staff/templates/no.such/new", csrf_token=token))[0] == 404


async def test_pages_of_templates_are_for_those_who_edit_or_approve(browser: Browser) -> None:
    await browser.sign_in("clerk")
    for path in ("/staff/templates", "/staff/templates/new", "/staff/templates/bill.issued"):
        await browser.get(path, 403)
    await browser.sign_in("chief")
    for path in ("/staff/templates/no.such", "/staff/templates/bill.issued?version=99"):
        await browser.get(path, 404)
    await browser.get("/staff/templates/bill.issued/versions/x/edit", 404)
    await browser.get("/staff/templates/bill.issued?version=0", 400)


async def test_push_is_seen_before_it_is_sent_and_goes_out_once(
    house: House, clerk: Browser, heard: list[DomainEvent]
) -> None:
    number = await house.submitted_case()
    path = f"/staff/cases/{number}/push"
    assert path in await clerk.get(f"/staff/cases/{number}")
    assert "材料提醒" in await clerk.get(path)
    form = await _form(clerk, f"{path}?template=push.material_reminder")
    form |= {"var_note": "请补一张<b>照片</b>", "var_until": "2026-12-20"}
    status, _, page = await clerk.post(path, **form, act="preview")
    assert (status, page.count("phone-screen")) == (200, 4)
    assert "请补一张&lt;b&gt;照片&lt;/b&gt;" in page
    for _ in range(3):
        assert (await clerk.post(path, **form, act="send"))[:2] == (303, f"{path}?done=1")
    rows = await db.fetch_all("SELECT pushed_by, subject_no, status, text FROM notice WHERE pushed_by <> ''")
    assert [(row["pushed_by"], row["subject_no"], row["status"]) for row in rows] == [("clerk", number, "QUEUED")]
    acts = await db.fetch_all("SELECT object_no, details FROM audit_entry WHERE action = 'case.pushed'")
    assert [act["object_no"] for act in acts] == [number]
    assert "照片" not in str(acts[0]["details"])
    jobs = await db.fetch_all("SELECT 1 FROM pgqueuer WHERE entrypoint = 'notify.deliver'")
    assert len(jobs) == 1
    assert [(event.name, event.subject_no) for event in heard] == [("notice.created", number)]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"var_note": ""}, "var_note"),
        ({"var_note": "{item_name}"}, "var_note"),
        ({"var_note": "字" * 400}, "var_note"),
        ({"var_until": "\x07"}, "var_until"),
        ({"var_other": "x"}, "var_other"),
        ({"template": "bill.issued"}, "template"),
        ({"template": "no.such"}, "template"),
        ({"token": "0" * 32}, "token"),
        ({"token": "x"}, "template"),
    ],
    ids=str,
)
async def test_hostile_push_is_refused(house: House, clerk: Browser, changes: dict[str, str], fault: str) -> None:
    path = f"/staff/cases/{await house.submitted_case()}/push"
    form = await _form(clerk, f"{path}?template=push.material_reminder")
    form |= {"var_note": "请补照片", "var_until": "2026-12-20"}
    status, _, page = await clerk.post(path, **(form | changes), act="send")
    assert (status, f'href="#{fault}"' in page) == (400, True)
    assert not await db.fetch_all("SELECT 1 FROM notice WHERE pushed_by <> ''")


async def test_value_that_fits_no_field_is_named(house: House, clerk: Browser) -> None:
    path = f"/staff/cases/{await house.submitted_case()}/push"
    form = await _form(clerk, f"{path}?template=push.visit_appointment")
    form |= {"var_visit_at": "明天上午", "var_place": "3号窗口", "token": new_id().hex}
    status, _, page = await clerk.post(path, **form, act="send")
    assert (status, 'href="#var_visit_at"' in page) == (400, True)


async def test_nobody_pushes_to_a_case_out_of_scope_or_without_working_on_it(house: House, browser: Browser) -> None:
    number = await house.submitted_case()
    for username, status in (("stranger", 404), ("cashier", 403), ("auditor", 403)):
        await browser.sign_in(username)
        await browser.get(f"/staff/cases/{number}/push", status)
        assert (await browser.post(f"/staff/cases/{number}/push", template="push.call_back"))[0] in (status, 403)
    await browser.sign_in("clerk")
    await browser.get("/staff/cases/1420261122K7QF75CX9V/push", 404)
