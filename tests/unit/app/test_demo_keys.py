"""Demo mode's keys: made once, and completed where an older version has made fewer."""

from __future__ import annotations

import json
from pathlib import Path

from app import demo_keys
from app.settings import load

DATA = Path(__file__).parents[3] / "data"


def prepare(var: Path) -> dict[str, str]:
    return demo_keys.prepare(var, DATA, "127.0.0.1", 8000, 8100)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    files = contents(tmp_path / "keys")
    assert prepare(tmp_path) == first
    assert contents(tmp_path / "keys") == files


def test_keys_of_an_older_start_are_kept_and_completed(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    keys = tmp_path / "keys"
    older = json.loads((keys / "demo.json").read_text())
    del older["SJT_FISCAL_APP_ID"]
    (keys / "demo.json").write_text(json.dumps(older))
    for file in keys.glob("fiscal_*.pem"):
        file.unlink()
    merchant_key = (keys / "wechat_pay_merchant.pem").read_bytes()
    second = prepare(tmp_path)
    assert (keys / "wechat_pay_merchant.pem").read_bytes() == merchant_key
    changed = {name for name in second if second[name] != first[name]}
    assert changed == {"SJT_FISCAL_APP_ID"}
    assert len(list(keys.glob("fiscal_*.pem"))) == 4
    assert json.loads((keys / "demo.json").read_text())["SJT_FISCAL_APP_ID"] == second["SJT_FISCAL_APP_ID"]


def test_both_sides_of_the_fiscal_platform_know_each_other(tmp_path: Path) -> None:
    made = prepare(tmp_path)
    settings = load({}, made)
    assert "fiscal" in settings.simulated()
    told = json.loads((tmp_path / "keys" / "simulators.json").read_text())["fiscal"]
    assert [app["app_id"] for app in told["apps"]] == [settings.fiscal_app_id]
    public_key = tmp_path / "keys" / "fiscal_platform.pub.pem"
    assert settings.fiscal_public_key == str(public_key)


def test_an_older_start_gets_the_further_merchants_that_it_lacks(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    keys = tmp_path / "keys"
    made = json.loads((keys / "merchants.json").read_text())
    before = contents(keys)
    (keys / "merchants.json").write_text(json.dumps(made[1:]))
    (keys / "merchants" / made[0]["key_reference"] / "apiv3_key").unlink()
    assert prepare(tmp_path) == first
    again = json.loads((keys / "merchants.json").read_text())
    assert again[1:] == made[1:]
    assert (again[0]["code"], len(again)) == (made[0]["code"], len(made))
    changed = {name for name, content in contents(keys).items() if before.get(name) != content}
    assert changed == {"merchants.json", "simulators.json", f"merchants/{made[0]['key_reference']}/apiv3_key"}


def test_both_sides_of_the_further_merchants_know_each_other(tmp_path: Path) -> None:
    prepare(tmp_path)
    keys = tmp_path / "keys"
    accounts = {entry["channel"]: entry for entry in json.loads((keys / "merchants.json").read_text())}
    told = json.loads((keys / "simulators.json").read_text())
    provider = told["wechat_pay"]["merchants"][1]
    assert (provider["mch_id"], provider["sub_merchants"]) == (
        accounts["WECHAT"]["mch_id"],
        [accounts["WECHAT"]["sub_mch_id"]],
    )
    assert len(provider["apiv3_key"]) == 32
    assert (keys / provider["public_key_file"]).is_file()
    authorised = told["alipay"]["apps"][0]["merchants"][0]
    assert authorised["auth_app_id"] == accounts["ALIPAY"]["sub_mch_id"]
    assert authorised["token"] == (keys / "merchants" / "traffic-police-alipay" / "app_auth_token").read_text()
