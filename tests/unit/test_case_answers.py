"""Form answers as people read them: order and titles of the schema, Chinese yes and no, yuan, nested records."""

from __future__ import annotations

from handlers.staff.answers import Line, lines

SCHEMA = {
    "properties": {
        "income_fen": {"title": "月收入", "type": "integer", "x-order": 2},
        "agreed": {"title": "是否同意", "type": "boolean", "x-order": 1},
        "kinds": {"title": "险种", "type": "array", "x-order": 3},
        "members": {"title": "家庭成员", "x-order": 4, "items": {"properties": {"name": {"title": "姓名"}}}},
    }
}


def test_lines_follow_the_form_and_speak_chinese() -> None:
    form = {
        "extra": None,
        "kinds": ["养老", "医疗"],
        "income_fen": 6850,
        "agreed": False,
        "members": [{"name": "李娜"}],
    }
    assert lines(SCHEMA, form) == [
        Line("是否同意", "否"),
        Line("月收入", "68.50元"),
        Line("险种", "养老、医疗"),
        Line("家庭成员", groups=[[Line("姓名", "李娜")]]),
        Line("extra", "—"),
    ]


def test_answers_without_schema_keep_their_names() -> None:
    assert lines({}, {"a": 1, "b": {"c": True}, "d": []}) == [
        Line("a", "1"),
        Line("b", groups=[[Line("c", "是")]]),
        Line("d", "—"),
    ]
