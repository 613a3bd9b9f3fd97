"""Demo mode's keys: made once, and completed where an older version has made fewer."""

from __future__ import annotations

import json
from pathlib import Path

from app import demo_keys
from app.settings import load

DATA = Path(__file__).parents[3] / "data"


def prepare(var: Path) -> dict[str, str]:
    return demo_keys.prepare(var, DATA, "127.0.0.1", 8000, 8100)


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    files = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    assert prepare(tmp_path) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == files


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
