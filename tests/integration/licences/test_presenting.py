"""Codes and verifiers: the least, after consent, once, and every step in the holder's log."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound
from services.licences.presenting import Presenting
from services.licences.service import LicenceService
from services.licences.types import Change
from tests.integration.licences.conftest import FOOD_LICENCE, HOLDER, NEW, OTHER, GivenHolders, holder, told

pytestmark = pytest.mark.anyio


@pytest.fixture
async def number(licences: LicenceService) -> str:
    return await licences.issue(NEW)


@pytest.fixture
def codes(licences: LicenceService) -> Presenting:
    return licences.presenting


async def asked(codes: Presenting, number: str, *fields: str) -> Any:
    shown = await codes.present(holder(), number, asks_first=True)
    return await codes.ask(shown.code, "某某酒店", "入住登记", fields)


async def test_verifier_learns_the_least_after_consent_once(
    licences: LicenceService, codes: Presenting, number: str
) -> None:
    request = await asked(codes, number, "name", "id_number", "residence_address", "born_on", "sex")
    assert (request.status, request.fields) == ("ASKED", ["name", "id_number", "sex"])
    before = await codes.result(uuid.UUID(request.verification_id), request.token)
    assert (before.status, before.licence, before.fields) == ("ASKED", None, [])
    (waiting,) = (await codes.asked(HOLDER)).data
    assert (waiting.verifier, waiting.purpose, waiting.licence_no) == ("某某酒店", "入住登记", number)
    assert [(field.key, field.value) for field in waiting.fields] == [
        ("name", "*伟"),
        ("id_number", "140105********0012"),
        ("sex", "男"),
    ]
    await codes.consent(HOLDER, uuid.UUID(waiting.presentation_id), None)
    result = await codes.result(uuid.UUID(request.verification_id), request.token)
    assert result.fields == waiting.fields
    assert result.licence is not None
    assert (result.licence.status, result.licence.holder_shown) == ("VALID", "*伟")
    with pytest.raises(NotFound):
        await codes.result(uuid.UUID(request.verification_id), request.token)
    shows = (await licences.licence(HOLDER, number)).shows
    assert [(show.kind, show.by, show.purpose) for show in reversed(shows)] == [
        ("PRESENTED", "本人", ""),
        ("ASKED", "某某酒店", "入住登记"),
        ("CONSENTED", "某某酒店", "入住登记"),
        ("VERIFIED", "某某酒店", "入住登记"),
    ]
    assert (await codes.asked(HOLDER)).data == []


async def test_holder_is_told_live_who_asks(codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name")
    event = (await told())[-1]
    assert (event.name, event.citizen_id) == ("licence.asked", HOLDER.hex)
    assert event.facts["presentation_id"] == request.verification_id
    assert "伟" not in str(event.facts)


async def test_holder_may_grant_less_but_nothing_else(codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name", "id_number")
    one = uuid.UUID(request.verification_id)
    with pytest.raises(InvalidRequest):
        await codes.consent(HOLDER, one, ["name", "sex"])
    await codes.consent(HOLDER, one, ["name"])
    assert [field.key for field in (await codes.result(one, request.token)).fields] == ["name"]


async def test_refused_verifier_learns_nothing(licences: LicenceService, codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name")
    one = uuid.UUID(request.verification_id)
    await codes.refuse(HOLDER, one)
    result = await codes.result(one, request.token)
    assert (result.status, result.licence, result.fields) == ("REFUSED", None, [])
    for late in (codes.consent(HOLDER, one, None), codes.refuse(HOLDER, one)):
        with pytest.raises(Conflict) as refused:
            await late
        assert refused.value.stable_code == "presentation_ended"
    assert (await licences.licence(HOLDER, number)).shows[0].kind == "REFUSED"


async def test_only_the_holder_answers_and_only_the_verifier_fetches(codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name")
    one = uuid.UUID(request.verification_id)
    assert (await codes.asked(OTHER)).data == []
    for attempt in (
        codes.consent(OTHER, one, None),
        codes.refuse(OTHER, one),
        codes.result(one, "another-token"),
        codes.result(uuid.uuid4(), request.token),
        codes.consent(HOLDER, uuid.uuid4(), None),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_code_that_asks_first_gives_nothing_at_the_plain_door(codes: Presenting, number: str) -> None:
    shown = await codes.present(holder(), number, asks_first=True)
    with pytest.raises(NotFound):
        await codes.verify(shown.code, "现场核验")
    assert (await codes.ask(shown.code, "某某酒店", "入住登记", [])).status == "ASKED"


async def test_showing_is_consent_to_the_least_only(codes: Presenting, number: str) -> None:
    least = await codes.ask((await codes.present(holder(), number)).code, "某某酒店", "入住登记", [])
    assert least.status == "CONSENTED"
    result = await codes.result(uuid.UUID(least.verification_id), least.token)
    assert (result.status, result.fields) == ("CONSENTED", [])
    more = await codes.ask((await codes.present(holder(), number)).code, "某某酒店", "入住登记", ["name"])
    assert more.status == "ASKED"


async def test_field_that_the_type_has_not_is_named(codes: Presenting, number: str) -> None:
    shown = await codes.present(holder(), number)
    with pytest.raises(InvalidRequest) as refused:
        await codes.ask(shown.code, "某某酒店", "入住登记", ["name", "blood_type"])
    assert [fault.path for fault in refused.value.faults] == ["fields[1]"]
    assert (await codes.verify(shown.code, "现场核验")).status == "VALID"


async def test_one_verifier_wins_a_code(codes: Presenting, number: str) -> None:
    shown = await codes.present(holder(), number)
    tries: list[Any] = [codes.ask(shown.code, f"核验方{place}", "核验", ["name"]) for place in range(6)]
    tries += [codes.verify(shown.code, "现场核验") for _ in range(3)]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(end, BaseException) for end in ends) == 1
    assert sum(isinstance(end, NotFound) for end in ends) == 8
    rows = await db.fetch_all("SELECT kind FROM licence_show WHERE kind IN ('ASKED', 'VERIFIED')")
    assert len(rows) == 1


async def test_one_word_of_the_holder_counts(codes: Presenting, number: str) -> None:
    one = uuid.UUID((await asked(codes, number, "name")).verification_id)
    words = [codes.consent(HOLDER, one, None) for _ in range(3)] + [codes.refuse(HOLDER, one) for _ in range(3)]
    ends = await asyncio.gather(*words, return_exceptions=True)
    assert sum(end is None for end in ends) == 1
    row = await db.fetch_row("SELECT (consented_at IS NULL) <> (refused_at IS NULL) AS either FROM presentation")
    assert row is not None
    assert row["either"]


async def test_answer_is_fetched_once_also_at_once(codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name")
    one = uuid.UUID(request.verification_id)
    await codes.consent(HOLDER, one, None)
    ends = await asyncio.gather(*(codes.result(one, request.token) for _ in range(6)), return_exceptions=True)
    assert sum(not isinstance(end, BaseException) for end in ends) == 1


async def test_request_that_nobody_answers_ends(codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name")
    one = uuid.UUID(request.verification_id)
    await db.execute("UPDATE presentation SET expires_at = now() - interval '1 minute'")
    assert (await codes.asked(HOLDER)).data == []
    with pytest.raises(Conflict):
        await codes.consent(HOLDER, one, None)
    with pytest.raises(NotFound):
        await codes.result(one, request.token)


async def test_consent_that_is_not_fetched_in_time_ends(codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name")
    one = uuid.UUID(request.verification_id)
    await codes.consent(HOLDER, one, None)
    await db.execute("UPDATE presentation SET expires_at = now() - interval '1 minute'")
    with pytest.raises(NotFound):
        await codes.result(one, request.token)


async def test_revocation_before_the_fetch_is_seen(licences: LicenceService, codes: Presenting, number: str) -> None:
    request = await asked(codes, number, "name")
    one = uuid.UUID(request.verification_id)
    await codes.consent(HOLDER, one, None)
    await licences.change_status(number, Change.REVOKE)
    result = await codes.result(one, request.token)
    assert result.licence is not None
    assert result.licence.status == "REVOKED"


async def test_showing_needs_the_level_that_is_set(make: Callable[..., LicenceService]) -> None:
    holders = GivenHolders(level="L2")
    number = await make(holders=holders).issue(NEW)
    assert (await make(holders=holders).presenting.present(holder(), number)).code
    strict = make(holders=holders, show_level="L3").presenting
    with pytest.raises(Forbidden):
        await strict.present(holder(), number)
    holders.level = "L3"
    assert (await strict.present(holder(), number)).code


@pytest.mark.parametrize("seconds", [59, 301])
async def test_codes_live_as_long_as_the_rules_allow(make: Callable[..., LicenceService], seconds: int) -> None:
    assert make(presentation_seconds=60)
    with pytest.raises(ValueError, match="60 to 300"):
        make(presentation_seconds=seconds)


async def test_enterprise_licence_is_presented_by_its_representative(make: Callable[..., LicenceService]) -> None:
    enterprise = uuid.UUID(int=9)
    licences = make(holders=GivenHolders(represented={OTHER: [enterprise]}))
    food = replace(NEW, type_code=FOOD_LICENCE, type_name="食品经营许可证", enterprise_id=enterprise)
    number = await licences.issue(replace(food, answers={"operator_name": "平阳餐饮", "main_kind": "餐饮服务"}))
    shown = await licences.presenting.present(holder(OTHER), number, asks_first=True)
    request = await licences.presenting.ask(shown.code, "市场监管所", "检查", ["entity_name", "main_kind"])
    one = uuid.UUID(request.verification_id)
    with pytest.raises(NotFound):
        await licences.presenting.consent(HOLDER, one, None)
    await licences.presenting.consent(OTHER, one, None)
    fields = (await licences.presenting.result(one, request.token)).fields
    assert [(field.key, field.value) for field in fields] == [("entity_name", "平阳餐饮"), ("main_kind", "餐饮服务")]


async def test_copy_carries_its_purpose_and_is_logged(licences: LicenceService, number: str) -> None:
    copy = await licences.copy(HOLDER, number, "某某酒店入住")
    assert copy.startswith(b"%PDF-")
    assert copy != await licences.document(HOLDER, number)
    assert copy != await licences.copy(HOLDER, number, "租房")
    kinds = [(show.kind, show.purpose) for show in (await licences.licence(HOLDER, number)).shows]
    assert ("COPIED", "某某酒店入住") in kinds
    with pytest.raises(NotFound):
        await licences.copy(OTHER, number, "租房")
    await licences.change_status(number, Change.SUSPEND)
    with pytest.raises(Conflict):
        await licences.copy(HOLDER, number, "租房")
