"""What the service writes while people are served: nothing of theirs, and none of our secrets."""

from __future__ import annotations

import json
import re
from dataclasses import fields

import pytest
from rich.console import Console

from app.settings import Settings
from demo.journey import Journey
from tests.e2e.conftest import ROOT, Product, Surroundings
from tests.e2e.steps import STORY

pytestmark = pytest.mark.anyio


def _private(product: Product) -> dict[str, str]:
    """What must not be written, by what it is."""
    found = {}
    for person in json.loads((ROOT / "data" / "people.json").read_text(encoding="utf-8")):
        found |= {f"{name} of {person['key']}": person[name] for name in ("name", "id_number", "phone", "address")}
    keys = json.loads((product.var / "keys" / "demo.json").read_text(encoding="utf-8"))
    secret = {f"SJT_{each.name.upper()}" for each in fields(Settings) if each.metadata["secret"]}
    found |= {name: value.rpartition(":")[2] for name, value in keys.items() if name in secret}
    for row in json.loads((product.var / "keys" / "staff.json").read_text(encoding="utf-8")):
        found |= {f"{name} of {row['username']}": row[name] for name in ("password", "totp_secret")}
    found |= {f"token of {who}": token for who, token in product.staff_tokens.items()}
    found |= {f"token of {who}": token for who, token in product.citizen_tokens.items()}
    return {what: value for what, value in found.items() if len(value) > 1}


async def test_nothing_private_is_written_while_a_journey_is_played(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "zhao-min")
    window, reviewer = applicant.window, applicant.reviewer
    play = Journey(applicant.phone, window, reviewer, scene.control, STORY, scene.session, Console(quiet=True))
    await play.play()
    scene.product.citizen_tokens["wechat", "zhao-min"] = applicant.phone.token
    # Errors carry more text than good answers do.
    await applicant.phone.call("POST", "/me/real-name", {"name": "赵敏", "id_number": "142401195001010011"})
    await applicant.phone.call("POST", "/applications", {"item_code": "X", "form": applicant.form()})
    await applicant.phone.call("GET", f"/licences/{applicant.phone.person['id_number']}")
    await applicant.phone.call("GET", f"/notices?cursor={applicant.phone.person['phone']}")
    log = scene.product.log.read_text(encoding="utf-8", errors="replace")
    assert '"route":"/api/v1/payments"' in log, "the log was read"
    assert [what for what, value in _private(scene.product).items() if value in log] == []
    looks_like = re.compile(r"(?<![\w.])(?:1[3-9]\d{9}|\d{17}[\dX])(?!\w)|eyJ[\w-]{10,}\.|-----BEGIN")
    assert sorted({found[:60] for found in looks_like.findall(log)}) == []
    assert not [line for line in log.splitlines() if '"event":"unhandled_error"' in line]
