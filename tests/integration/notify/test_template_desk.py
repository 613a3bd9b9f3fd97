"""The template desk on a real database: versions, two editors at once, the second person, test sends, refusals."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from app import db
from app.db import Transaction
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound
from app.ids import new_id
from app.tables import CITIZEN_EVENTS
from notify.channels import alipay, sms, wechat
from notify.templates import import_templates
from notify.templating.comparing import Comparison
from notify.templating.service import TemplateDesk
from notify.templating.types import Content, Editor, TemplateAct, TemplateView
from tests.fakes.notify_house import TEMPLATES, NotifyHouse

pytestmark = pytest.mark.anyio
EDITOR = Editor("pan", may_look=True, may_edit=True, may_confirm=False)
CHIEF = Editor("hou", may_look=True, may_edit=True, may_confirm=True)
APPROVER = Editor("liang", may_look=True, may_edit=False, may_confirm=True)
CLERK = Editor("hao", may_look=False, may_edit=False, may_confirm=False)


@dataclass
class Trail:
    """Keeps the acts instead of an audit trail."""

    acts: list[str] = field(default_factory=list)

    async def record(self, act: TemplateAct, tx: Transaction) -> None:
        self.acts.append(f"{act.actor} {act.action} {act.object_no}")


@dataclass
class People:
    """The test recipients."""

    found: list[uuid.UUID] = field(default_factory=list)

    async def ids(self) -> Sequence[uuid.UUID]:
        return self.found


class Announced(list[str]):
    """Keeps the topics."""

    async def __call__(self, topic: str) -> None:
        self.append(topic)


@dataclass
class Room:
    """The desk and what it stands on."""

    house: NotifyHouse
    desk: TemplateDesk
    trail: Trail
    testers: People
    announced: Announced


@pytest.fixture
def room(house: NotifyHouse) -> Room:
    """A desk whose channels fit values as the real ones do."""
    trail, testers, announced = Trail(), People(), Announced()
    for channel, real in ((house.wechat, wechat), (house.alipay, alipay), (house.sms, sms)):
        channel.fitted = real.fitted
    shelf = house.service.shelf
    desk = TemplateDesk(
        shelf, house.service.table, audit=trail, testers=testers, announce=announced,
        comparison=Comparison(shelf, None), events=CITIZEN_EVENTS, sign="三晋通",
    )  # fmt: skip
    return Room(house, desk, trail, testers, announced)


async def _next(
    room: Room, code: str = "push.progress_note", editor: Editor = EDITOR, **changes: object
) -> TemplateView:
    newest = (await room.desk.versions(EDITOR, code))[0]
    content = msgspec.structs.replace(newest.content, **changes)
    return await room.desk.draft(editor, code, newest.line.used_for, content)


async def test_every_shipped_template_may_be_saved_as_it_is(room: Room) -> None:
    for line in (await room.desk.overview(EDITOR)).data:
        view = await _next(room, line.code)
        assert view.line.version == line.version + 1, line.code


async def test_life_of_a_version_from_draft_to_its_successor(room: Room) -> None:
    draft = await _next(room, title="进度说明（新）")
    assert (draft.line.status, draft.line.edited_by) == ("DRAFT", "pan")
    content = msgspec.structs.replace(draft.content, inbox_text="关于“{item_name}”：{note}")
    edited = await room.desk.edit(EDITOR, draft.line.code, 2, draft.line.edit, content)
    assert edited.line.edit > draft.line.edit
    await room.desk.enable(EDITOR, draft.line.code, 2, edited.line.edit)
    newest = await room.house.service.shelf.newest("push.progress_note")
    assert newest is not None
    assert (newest.version, newest.title) == (2, "进度说明（新）")
    assert [view.line.status for view in await room.desk.versions(EDITOR, "push.progress_note")] == [
        "ENABLED",
        "RETIRED",
    ]
    await room.desk.enable(EDITOR, "push.progress_note", 1, "")
    assert [view.line.status for view in await room.desk.versions(EDITOR, "push.progress_note")] == [
        "RETIRED",
        "ENABLED",
    ]
    assert room.trail.acts == [
        "pan template.drafted push.progress_note:2",
        "pan template.edited push.progress_note:2",
        "pan template.enabled push.progress_note:2",
        "pan template.enabled push.progress_note:1",
    ]
    assert set(room.announced) == {"templates"}


async def test_of_two_editors_the_second_is_told(room: Room) -> None:
    draft = await _next(room)
    edits = [
        room.desk.edit(EDITOR, draft.line.code, 2, draft.line.edit, msgspec.structs.replace(draft.content, title=title))
        for title in ("甲", "乙", "丙")
    ]
    outcomes = await asyncio.gather(*edits, return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, Conflict)]
    assert [each.stable_code for each in refused] == ["stale_version"] * 2


async def test_of_drafts_made_at_once_one_stands(room: Room) -> None:
    outcomes = await asyncio.gather(*(_next(room) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, TemplateView) for each in outcomes) == 1
    assert {each.stable_code for each in outcomes if isinstance(each, Conflict)} == {"draft_exists"}


async def test_versions_enabled_at_once_leave_exactly_one(room: Room) -> None:
    draft = await _next(room)
    await asyncio.gather(
        *(room.desk.enable(EDITOR, "push.progress_note", n, edit) for n, edit in ((1, ""), (2, draft.line.edit)) * 4)
    )
    statuses = [view.line.status for view in await room.desk.versions(EDITOR, "push.progress_note")]
    assert sorted(statuses) == ["ENABLED", "RETIRED"]


async def test_a_statutory_draft_is_written_by_one_so_that_a_second_person_reads_it(room: Room) -> None:
    draft = await _next(room, "bill.issued", CHIEF, title="有一笔费用待缴纳")
    with pytest.raises(Forbidden) as others:
        await room.desk.edit(EDITOR, "bill.issued", 2, draft.line.edit, draft.content)
    assert others.value.stable_code == "not_author"
    again = await room.desk.edit(CHIEF, "bill.issued", 2, draft.line.edit, draft.content)
    with pytest.raises(Forbidden):
        await room.desk.enable(CHIEF, "bill.issued", 2, again.line.edit)
    assert (await room.desk.enable(APPROVER, "bill.issued", 2, again.line.edit)).line.status == "ENABLED"


async def test_statutory_template_takes_a_second_person_and_stays_statutory(room: Room) -> None:
    with pytest.raises(InvalidRequest) as unset:
        await _next(room, "bill.issued", statutory=False)
    assert [fault.path for fault in unset.value.faults] == ["statutory"]
    draft = await _next(room, "bill.issued", CHIEF, title="有一笔费用待缴纳")
    for editor in (EDITOR, CHIEF):
        with pytest.raises(Forbidden) as own:
            await room.desk.enable(editor, "bill.issued", 2, draft.line.edit)
        assert own.value.stable_code == "second_person"
    assert (await room.desk.enable(APPROVER, "bill.issued", 2, draft.line.edit)).line.status == "ENABLED"
    with pytest.raises(Conflict) as retired:
        await room.desk.retire(CHIEF, "bill.issued", 2, draft.line.edit)
    assert retired.value.stable_code == "statutory_template"


async def test_start_overwrites_no_version_of_staff(room: Room) -> None:
    draft = await _next(room, title="自己的标题")
    await room.desk.enable(EDITOR, "push.progress_note", 2, draft.line.edit)
    await import_templates(TEMPLATES)
    room.house.service.shelf.forget()
    newest = await room.house.service.shelf.newest("push.progress_note")
    assert newest is not None
    assert newest.title == "自己的标题"


def _wechat(content: Content, **fields: str) -> dict[str, object]:
    binding = content.bindings["WECHAT"]
    changed = msgspec.structs.replace(binding, fields=binding.fields | fields)
    return {"bindings": content.bindings | {"WECHAT": changed}}


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"phrase2": "{note}"}, "bindings.WECHAT.fields.phrase2", "最多5个汉字"),
        ({"time3": "{note}"}, "bindings.WECHAT.fields.time3", "应为时间"),
        ({"character_string4": "{item_name}"}, "bindings.WECHAT.fields.character_string4", "32位以内"),
        ({"amount5": "{note}"}, "bindings.WECHAT.fields.amount5", "应为金额"),
        ({"thing1": "{nobody}"}, "bindings.WECHAT.fields.thing1", "没有这个变量：nobody"),
        ({"thing1": "{{item_name}}"}, "bindings.WECHAT.fields.thing1", "花括号"),
        ({"thing1": "\x00"}, "bindings.WECHAT.fields.thing1", "控制字符"),
        ({"thing1": " "}, "bindings.WECHAT.fields.thing1", "不能为空"),
        ({"标题": "{item_name}"}, "bindings.WECHAT.fields", "字段键"),
    ],
)
async def test_field_that_cannot_hold_its_value_is_refused(
    room: Room, fields: dict[str, str], path: str, words: str
) -> None:
    content = (await room.desk.versions(EDITOR, "push.progress_note"))[0].content
    with pytest.raises(InvalidRequest) as refused:
        await _next(room, **_wechat(content, **fields))
    (fault,) = refused.value.faults
    assert fault.path == path
    assert words in fault.message


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"inbox_text": "{nobody}"}, "inbox_text"),
        ({"statutory": True}, "statutory"),
        ({"channels": ["WECHAT", "WECHAT", "ALIPAY"]}, "channels"),
        ({"channels": ["WECHAT"]}, "bindings.ALIPAY"),
        ({"channels": ["WECHAT", "ALIPAY", "SMS"]}, "bindings.SMS"),
    ],
)
async def test_template_that_makes_no_sense_is_refused(room: Room, changes: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await _next(room, **changes)
    assert path in [fault.path for fault in refused.value.faults]


async def test_sms_text_names_its_variables_in_order(room: Room) -> None:
    content = (await room.desk.versions(EDITOR, "push.call_back"))[0].content
    binding = msgspec.structs.replace(content.bindings["SMS"], text="请致电${phone}，事项${item}")
    with pytest.raises(InvalidRequest) as refused:
        await _next(room, "push.call_back", bindings=content.bindings | {"SMS": binding})
    assert [fault.path for fault in refused.value.faults] == ["bindings.SMS.text"]


async def test_event_has_the_variables_it_has_whatever_the_form_says(room: Room) -> None:
    newest = (await room.desk.versions(EDITOR, "bill.issued"))[0].content
    made_up = [*newest.variables, replace_name(newest.variables[0], "made_up")]
    with pytest.raises(InvalidRequest) as refused:
        await _next(room, "bill.issued", variables=made_up, inbox_text="{made_up}")
    assert [fault.path for fault in refused.value.faults] == ["inbox_text"]
    with pytest.raises(InvalidRequest) as strange:
        await room.desk.draft(EDITOR, "bill.dreamt", "EVENT", newest)
    assert "code" in [fault.path for fault in strange.value.faults]


async def test_fields_of_an_sms_stand_in_the_order_of_its_text(room: Room) -> None:
    template = await room.house.service.shelf.newest("bill.issued")
    assert template is not None
    assert list(template.bindings["SMS"].fields) == ["item", "amount", "no"]
    assert list(template.bindings["WECHAT"].fields) == ["thing1", "phrase2", "time3", "character_string4", "amount5"]


def replace_name(variable: object, name: str) -> object:
    return msgspec.structs.replace(variable, name=name)


async def test_preview_shows_what_the_phone_shows(room: Room) -> None:
    content = (await room.desk.versions(EDITOR, "push.call_back"))[0].content
    shown = {each.channel: each for each in (await room.desk.preview(EDITOR, "push.call_back", "PUSH", content)).data}
    assert list(shown) == ["SMS", "WECHAT", "ALIPAY", "INBOX"]
    assert shown["SMS"].text.startswith("【三晋通】工作人员就您申请的居民身份证补领希望")
    assert [line.value for line in shown["WECHAT"].lines][1] == "请联系"
    unfit = await room.desk.preview(
        EDITOR, "push.call_back", "PUSH", msgspec.structs.replace(content, **_wechat(content, phrase2="ABC"))
    )
    assert [each.problem for each in unfit.data if each.channel == "WECHAT"] == [
        "字段 phrase2 的内容不符合该渠道的要求"
    ]


async def test_test_message_goes_to_the_testers_once(room: Room) -> None:
    with pytest.raises(Conflict) as nobody:
        await room.desk.try_out(EDITOR, "push.progress_note", 1)
    assert nobody.value.stable_code == "no_tester"
    room.testers.found = [room.house.caller.citizen_id]
    draft = await _next(room, title="试试看")
    token = new_id().hex
    for _ in range(3):
        assert (await room.desk.try_out(EDITOR, "push.progress_note", 2, token)).recipients == 1
    rows = await db.fetch_all("SELECT title, pushed_by, template_version, citizen_id FROM notice")
    assert [(row["title"], row["pushed_by"], row["template_version"]) for row in rows] == [("【测试】试试看", "pan", 2)]
    assert [act for act in room.trail.acts if "tried" in act] == ["pan template.tried push.progress_note:2"]
    assert draft.line.version == 2
    for stale in ("0" * 32, "f" * 32, uuid.uuid4().hex, "018bcfe5-6800"):
        with pytest.raises(InvalidRequest):
            await room.desk.try_out(EDITOR, "push.progress_note", 2, stale)


async def test_only_those_may_act_who_may(room: Room) -> None:
    acts = [
        room.desk.overview(CLERK),
        room.desk.version(CLERK, "bill.issued", 1),
        room.desk.draft(APPROVER, "a.b", "PUSH", Content(title="一", inbox_text="二")),
        room.desk.enable(CLERK, "push.progress_note", 1, ""),
        room.desk.retire(APPROVER, "push.progress_note", 1, ""),
        room.desk.try_out(APPROVER, "push.progress_note", 1),
    ]
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    assert all(isinstance(each, Forbidden) for each in outcomes)
    with pytest.raises(NotFound):
        await room.desk.version(EDITOR, "bill.issued", 99)
    assert replace(EDITOR, may_look=False).may_edit


class Platform:
    """WeChat's list, as the test wants it."""

    def __init__(self, keys: dict[str, tuple[str, ...]]) -> None:
        self.listed = keys

    async def keys(self) -> dict[str, tuple[str, ...]]:
        return self.listed


async def test_fields_that_differ_from_the_platform_are_warned_of(room: Room) -> None:
    shelf = room.house.service.shelf
    progress = room.house.template_id("application.accepted")
    comparison = Comparison(shelf, Platform({progress: ("thing1", "phrase2", "time3", "thing9")}))
    assert await comparison.refresh()
    template = await shelf.newest("application.accepted")
    assert template is not None
    assert comparison.warnings(template.binding("WECHAT")) == [
        "缺少微信模板的字段：thing9",
        "微信模板没有这些字段：character_string4",
    ]
    paid = await shelf.newest("bill.paid")
    assert paid is not None
    assert "没有模板" in comparison.warnings(paid.binding("WECHAT"))[0]
