"""Words of a template, and values cut to what each channel takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.events import DomainEvent
from notify import render
from notify.channels import alipay, sms, wechat
from notify.states import PATIENCE, RETRY_SECONDS, next_try_at
from notify.templates import read_templates

ROOT = Path(__file__).parents[3]
TEMPLATES = read_templates(ROOT / "data" / "templates.json")
EVENT = DomainEvent(
    name="bill.paid",
    subject_no="A20261121ABCDEFGHJK",
    citizen_id="0" * 32,
    occurred_at=datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC),
    facts={
        "item_name": "居民身份证换领、补领（含跨省通办、全程网办及邮寄送达服务）",
        "title": "居民身份证工本费",
        "amount_fen": 2005,
        "channel": "WECHAT",
        "outcome": "GRANTED",
        "reason": "照片不清晰，请重新上传\n近期免冠照片",
        "bill_no": "B20261121ABCDEFGHJK",
        "receipt_code": "14010126",
        "receipt_number": "0123456789",
        "courier_name": "顺丰速运",
        "waybill_no": "SF1234567890123",
        "what": "您寄给窗口的材料",
        "promise": "预计12月25日18:00前送达",
        "contact": "派送员电话138****5678",
        "place": "小店区平阳路街道坞城社区菜鸟驿站（太榆路与学府街交叉口东北角二层）",
        "collector": "窗口会前往领取",
        "signer": "收发室或物业代收，请核对",
        "problem": "未能由快递公司接单",
        "follow_up": "工作人员会与您联系重新寄送或到窗口领取",
        "type_name": "居民身份证",
        "promised_on": "2026-12-01",
        "until": "2026-12-20",
        "days": 10,
        "licence_no": "ZZ20261121ABCDEFGHJKMN",
        "expires_on": "2026-12-21",
        "until_on": "2027-05-21",
        "days_left": "30",
        "cause": "遗失",
        "change_text": "有效期届满",
        "status_text": "暂扣",
        "verifier": "太原市小店区某某酒店管理有限公司前台登记处",
        "body_name": "太原市小店区行政审批服务管理局（综合受理窗口）",
        "package_name": "开办餐饮店一件事（含个体工商户登记、食品经营许可）",
        "part_name": "城乡居民基本医疗保险参保登记",
        "parts": 3,
        "result": "共3项，办成2项，未办成1项，未办理1项",
        "fee_fen": None,
        "place_name": "太原市公安局出入境接待大厅自助取证柜",
        "place_address": "太原市万柏林区迎泽西大街53号一层自助区（由北门进入）",
        "place_hours": "周一至周五 9:00-12:00，13:00-17:00（法定节假日除外）",
        "contents": "原居民身份证、居民户口簿、不动产权证书、医院收费票据、诊断证明或出院记录、委托…",
        "condition_text": "与所需材料不符",
        "collector_text": "申请人本人",
        "open": True,
    },
)


def test_variables_speak_chinese_and_yuan() -> None:
    found = render.variables_of(EVENT)
    assert (found["amount"], found["channel"], found["outcome"]) == ("20.05元", "微信支付", "准予办理")
    assert (found["time"], found["date"]) == ("2026-11-21 09:02", "2026-11-21")
    assert "open" not in found


def test_missing_variable_shows_as_a_dash_and_long_text_is_cut() -> None:
    assert render.filled("编号{nothing}。", {}) == "编号—。"
    assert render.filled("一二三四五六", {}, 4) == "一二三…"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.code)
def test_delivered_template_fits_every_channel_with_the_longest_facts(template) -> None:
    own = {variable.name: variable.longest or variable.sample for variable in template.variables}
    variables = render.variables_of(EVENT) | own
    assert "—" not in render.filled(template.inbox_text, variables)
    for name, binding in template.bindings.items():
        values = render.filled_all(binding.fields, variables)
        fitted = {"WECHAT": wechat, "ALIPAY": alipay, "SMS": sms}[name].fitted(values)
        assert fitted.keys() == values.keys()
        assert all(fitted.values())
    wechat_binding = template.binding("WECHAT")
    assert wechat_binding is None or len(wechat_binding.template_id) == 43


def test_sms_of_a_result_to_be_fetched_says_where_and_until_when_uncut() -> None:
    template = next(each for each in TEMPLATES if each.code == "collection.ready")
    binding = template.binding("SMS")
    assert binding is not None
    assert template.channels[-1] == "SMS", "phones with the mini-program are told there first"
    variables = render.variables_of(EVENT) | {each.name: each.longest or each.sample for each in template.variables}
    values = sms.fitted(render.filled_all(binding.fields, variables))
    text = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], binding.text)
    assert all(variables[name] in text for name in ("place_name", "place_address", "until"))
    assert "取件码" in text


def test_events_that_concern_a_citizen_have_one_template() -> None:
    codes = [template.code for template in TEMPLATES if template.used_for == "EVENT"]
    assert len(codes) == len(set(codes))
    assert {code.split(".")[0] for code in codes} == {
        "application", "bill", "receipt", "refund", "licence", "shipment", "citizen", "package",
        "rating", "mandate", "assistance", "consultation", "mailing", "collection",
    }  # fmt: skip
    sms_codes = [t.bindings["SMS"].template_id for t in TEMPLATES if "SMS" in t.bindings]
    assert len(sms_codes) == len(set(sms_codes))
    assert all(t.bindings["SMS"].text for t in TEMPLATES if t.statutory)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.code)
def test_delivered_template_declares_every_variable_that_it_uses(template) -> None:
    texts = [template.title, template.inbox_text]
    texts += [text for binding in template.bindings.values() for text in (binding.page, *binding.fields.values())]
    used = {name for text in texts for name in re.findall(r"\{(\w+)\}", text)}
    declared = {variable.name for variable in template.variables}
    assert used <= declared | {"subject_no", "time", "date"}
    if template.used_for == "EVENT":
        assert declared <= render.variables_of(EVENT).keys() | {"right_body"}


def test_pushes_and_mass_pushes_are_there_and_switch_off_with_a_topic() -> None:
    uses = [template.used_for for template in TEMPLATES]
    assert (uses.count("PUSH"), uses.count("CAMPAIGN")) >= (4, 3)
    assert not any(template.statutory for template in TEMPLATES if template.used_for != "EVENT")
    assert {template.topic for template in TEMPLATES if template.used_for == "CAMPAIGN"} == {"policy"}


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("thing1", "一" * 21, "一" * 19 + "…"),
        ("thing1", "两行\n文字", "两行 文字"),
        ("phrase2", "已受理（含）", "已受理含"),
        ("phrase2", "不予行政许可决定", "不予行政许"),
        ("character_string4", "X" * 10 + "1" * 32, "1" * 32),
        ("character_string4", "编号AB12", "AB12"),
        ("amount5", "20.05元", "20.05元"),
        ("time3", "2026-11-21 09:02", "2026-11-21 09:02"),
    ],
)
def test_wechat_value_is_made_to_fit_its_type(key: str, text: str, expected: str) -> None:
    assert wechat.fitted({key: text}) == {key: expected}


@pytest.mark.parametrize(
    ("key", "text"), [("phrase2", "ABC"), ("amount5", "二十元"), ("time3", "昨天"), ("odd9x", "一")]
)
def test_wechat_value_that_cannot_fit_is_named(key: str, text: str) -> None:
    with pytest.raises(ValueError, match=key):
        wechat.fitted({key: text})


def test_alipay_and_sms_values_are_one_line_and_short() -> None:
    assert alipay.fitted({"keyword1": "一" * 51})["keyword1"] == "一" * 49 + "…"
    assert alipay.fitted({"keyword1": "两\n行"}) == {"keyword1": "两 行"}
    assert len(sms.fitted({"item": "一" * 40})["item"]) == 35


def test_tries_are_spread_and_begin_anew() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for tries, seconds in enumerate(RETRY_SECONDS, start=1):
        found = next_try_at(tries, moment)
        assert 0.75 * seconds <= (found - moment).total_seconds() <= 1.25 * seconds
    again = next_try_at(PATIENCE + 1, moment)
    assert (again - moment).total_seconds() <= 1.25 * RETRY_SECONDS[0], "the next channel begins anew"


def test_template_file_with_a_channel_without_binding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "templates.json"
    path.write_text('[{"code":"a.b","title":"一","inbox_text":"二","channels":["SMS"]}]')
    with pytest.raises(SettingsError, match=r"a\.b"):
        read_templates(path)
    path.write_text('[{"code":1}]')
    with pytest.raises(SettingsError):
        read_templates(path)
