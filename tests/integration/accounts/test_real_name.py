"""Phone and real name: levels rise by proof only, and one verified ID number is one person."""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, InvalidRequest, SanjinError, TooManyRequests
from app.events import DomainEvent
from services.accounts.addresses.types import NewAddress
from services.accounts.reactions import announce_merge
from services.accounts.sweeps import tidy_accounts
from services.accounts.types import PhoneProof, RealNameAction, RealNameRequest, RealNameVerified
from tests.integration.accounts.conftest import LI_NA, SOONER_SECONDS, ZHANG_WEI, House
from tests.waiting import until

pytestmark = pytest.mark.anyio
HOME = NewAddress(recipient="张伟", phone="13800000001", division_code="140105", street="长风街1号院2号楼301")


@pytest.fixture
def people(house: House) -> House:
    """Both platforms know both persons."""
    for platform in (house.wechat, house.alipay):
        platform.owners = {"zhang-wei": ZHANG_WEI, "li-na": LI_NA}
        platform.phones = {
            "zhang-phone": "+86 138-0000-0001",
            "replayable-zhang": "13800000001",
            "abroad": "+85251234567",
        }
    return house


async def _events() -> list[DomainEvent]:
    rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
    return [msgspec.json.decode(row["payload"], type=DomainEvent) for row in rows]


async def test_phone_raises_level_and_is_shown_masked(people: House) -> None:
    _, caller = await people.sign_in("zhang-wei")
    with pytest.raises(Forbidden) as refused:
        await people.accounts.require_level(caller, "L1")
    assert refused.value.stable_code == "phone_required"
    view = await people.accounts.bind_phone(caller, PhoneProof(code="zhang-phone"))
    assert (view.real_name_level, view.phone) == ("L1", "138****0001")
    await people.accounts.require_level(caller, "L1")
    assert (await people.accounts.profile(caller.citizen_id)).phone == "13800000001"


async def test_phone_of_another_country_is_refused(people: House) -> None:
    _, caller = await people.sign_in("zhang-wei")
    with pytest.raises(InvalidRequest) as refused:
        await people.accounts.bind_phone(caller, PhoneProof(code="abroad"))
    assert refused.value.stable_code == "phone_unsupported"


async def test_replayable_phone_proof_serves_its_first_citizen_only(people: House) -> None:
    _, first = await people.sign_in("zhang-wei", "ALIPAY")
    _, thief = await people.sign_in("li-na", "ALIPAY")
    proof = PhoneProof(code="replayable-zhang")
    assert await people.accounts.bind_phone(first, proof) == await people.accounts.bind_phone(first, proof)
    with pytest.raises(Conflict) as refused:
        await people.accounts.bind_phone(thief, proof)
    assert refused.value.stable_code == "phone_proof_used"
    assert (await people.accounts.me(thief)).phone == ""
    await db.execute("UPDATE phone_proof SET used_at = used_at - interval '91 days'")
    assert (await people.accounts.bind_phone(thief, proof)).phone == "138****0001"


async def test_right_name_and_number_give_level_l2(people: House) -> None:
    _, caller = await people.sign_in("zhang-wei")
    answer = await people.accounts.verify_real_name(
        caller, RealNameRequest(name=" 张伟 ", id_number="140105 19900307 0012")
    )
    assert isinstance(answer, RealNameVerified)
    assert (answer.real_name_level, answer.merged) == ("L2", False)
    assert (answer.citizen.name, answer.citizen.id_number) == ("*伟", "140105********0012")
    await people.accounts.require_level(caller, "L2")
    profile = await people.accounts.profile(caller.citizen_id)
    assert (profile.name, profile.id_number) == ("张伟", "140105199003070012")
    assert "张伟" not in repr(profile)


async def test_personal_data_are_encrypted_at_rest(people: House) -> None:
    _, caller = await people.sign_in("zhang-wei")
    await people.accounts.bind_phone(caller, PhoneProof(code="zhang-phone"))
    await people.accounts.verify_real_name(caller, ZHANG_WEI)
    tables = await db.fetch_all(
        "SELECT to_jsonb(citizen)::text AS row FROM citizen UNION ALL"
        " SELECT to_jsonb(real_name_check)::text FROM real_name_check"
    )
    stored = " ".join(row["row"] for row in tables)
    plain = ("张伟", "140105199003070012", "13800000001")
    assert not any(text in stored or text.encode().hex() in stored for text in plain)


async def test_repeated_check_of_a_verified_person_asks_nobody(people: House) -> None:
    _, caller = await people.sign_in("zhang-wei")
    first = await people.accounts.verify_real_name(caller, ZHANG_WEI)
    assert await people.accounts.verify_real_name(caller, ZHANG_WEI) == first
    with pytest.raises(Conflict) as refused:
        await people.accounts.verify_real_name(caller, LI_NA)
    assert refused.value.stable_code == "already_verified"
    assert people.wechat.asked == 1


@pytest.mark.parametrize("claim", [LI_NA, RealNameRequest(name="张苇", id_number=ZHANG_WEI.id_number)])
async def test_name_or_number_of_another_person_is_a_mismatch(people: House, claim: RealNameRequest) -> None:
    _, caller = await people.sign_in("zhang-wei")
    with pytest.raises(Conflict) as refused:
        await people.accounts.verify_real_name(caller, claim)
    assert refused.value.stable_code == "real_name_mismatch"
    assert (await people.accounts.me(caller)).real_name_level == "L0"
    row = await db.fetch_row("SELECT status FROM real_name_check")
    assert row is not None
    assert row["status"] == "FAILED"


@pytest.mark.parametrize("number", ["140105199003070013", "990105199003070012", "140105199013070012", "１" * 18])
async def test_impossible_id_number_is_refused_before_anybody_is_asked(people: House, number: str) -> None:
    _, caller = await people.sign_in("zhang-wei")
    with pytest.raises(InvalidRequest) as refused:
        await people.accounts.verify_real_name(caller, RealNameRequest(name="张伟", id_number=number))
    assert refused.value.faults[0].path == "id_number"
    assert people.wechat.asked == 0


async def test_guessing_is_limited(people: House) -> None:
    _, caller = await people.sign_in("zhang-wei")
    for _ in range(10):
        with pytest.raises(Conflict):
            await people.accounts.verify_real_name(caller, LI_NA)
    with pytest.raises(TooManyRequests):
        await people.accounts.verify_real_name(caller, LI_NA)


async def test_check_that_needs_an_action_is_finished_by_the_same_request(people: House) -> None:
    people.alipay.needs_action = True
    _, caller = await people.sign_in("zhang-wei", "ALIPAY")
    first = await people.accounts.verify_real_name(caller, ZHANG_WEI)
    assert isinstance(first, RealNameAction)
    assert await people.accounts.verify_real_name(caller, ZHANG_WEI) == first
    assert people.alipay.asked == 1
    people.alipay.finished.add(first.certify_id)
    second = await people.accounts.verify_real_name(caller, ZHANG_WEI)
    assert isinstance(second, RealNameVerified)
    assert second.real_name_level == "L2"


async def test_open_check_is_not_finished_for_another_name(people: House) -> None:
    people.alipay.needs_action = True
    _, caller = await people.sign_in("zhang-wei", "ALIPAY")
    first = await people.accounts.verify_real_name(caller, ZHANG_WEI)
    assert isinstance(first, RealNameAction)
    people.alipay.finished.add(first.certify_id)
    other = await people.accounts.verify_real_name(caller, RealNameRequest(name="张苇", id_number=ZHANG_WEI.id_number))
    assert isinstance(other, RealNameAction)
    assert other.certify_id != first.certify_id
    assert (await people.accounts.me(caller)).real_name_level == "L0"


async def test_unfinished_check_is_given_up_and_forgotten(people: House) -> None:
    people.alipay.needs_action = True
    _, caller = await people.sign_in("zhang-wei", "ALIPAY")
    await people.accounts.verify_real_name(caller, ZHANG_WEI)
    await db.execute("UPDATE real_name_check SET created_at = created_at - interval '25 hours'")
    await tidy_accounts()
    row = await db.fetch_row("SELECT status, name_cipher, id_number_cipher FROM real_name_check")
    assert row is not None
    assert tuple(row.values()) == ("FAILED", b"", b"")


async def test_same_number_on_the_second_platform_merges_into_the_first_citizen(
    people: House, other_process: House, divisions: None
) -> None:
    _, wechat = await people.sign_in("zhang-wei")
    await people.accounts.verify_real_name(wechat, ZHANG_WEI)
    await people.accounts.addresses.add(wechat.citizen_id, HOME)
    signed_in, alipay = await people.sign_in("zhang-wei", "ALIPAY")
    await people.accounts.bind_phone(alipay, PhoneProof(code="replayable-zhang"))
    await people.accounts.addresses.add(alipay.citizen_id, HOME)
    assert other_process.tokens.verify(signed_in.access_token).citizen_id == alipay.citizen_id

    answer = await people.accounts.verify_real_name(alipay, ZHANG_WEI)
    assert isinstance(answer, RealNameVerified)
    assert (answer.merged, answer.citizen.id) == (True, wechat.citizen_id.hex)
    assert answer.citizen.phone == "138****0001"

    # The token issued before speaks for the survivor, here and in the other process, and so do its successors.
    assert people.tokens.verify(signed_in.access_token).citizen_id == wechat.citizen_id
    verify = other_process.tokens.verify
    await until("the survivor", lambda: verify(signed_in.access_token).citizen_id == wechat.citizen_id, SOONER_SECONDS)
    refreshed = await people.accounts.refresh(signed_in.refresh_token, "a")
    assert people.tokens.verify(refreshed.access_token).citizen_id == wechat.citizen_id
    _, again = await people.sign_in("zhang-wei", "ALIPAY")
    assert again.citizen_id == wechat.citizen_id

    assert {i.provider for i in await people.accounts.identities(wechat.citizen_id)} == {"WECHAT", "ALIPAY"}
    book = await people.accounts.addresses.list(wechat.citizen_id)
    assert [address.is_default for address in book] == [True, False]
    assert (await people.accounts.profile(alipay.citizen_id)).citizen_id == wechat.citizen_id

    old = await db.fetch_row(
        "SELECT status, merged_into_id, phone_cipher FROM citizen WHERE id = $1", alipay.citizen_id
    )
    assert old is not None
    assert tuple(old.values()) == ("MERGED", wechat.citizen_id, None)
    history = await db.fetch_row("SELECT from_citizen_id, into_citizen_id, moved FROM citizen_merge")
    assert history is not None
    assert (history["from_citizen_id"], history["into_citizen_id"]) == (alipay.citizen_id, wechat.citizen_id)
    assert msgspec.json.decode(history["moved"])["addresses"] == 1


async def test_merge_is_told_now_and_once_more_when_old_tokens_have_expired(people: House) -> None:
    _, wechat = await people.sign_in("zhang-wei")
    await people.accounts.verify_real_name(wechat, ZHANG_WEI)
    _, alipay = await people.sign_in("zhang-wei", "ALIPAY")
    await people.accounts.verify_real_name(alipay, ZHANG_WEI)
    now, later = await _events()
    assert now == later
    assert (now.name, now.subject_no, now.citizen_id) == (
        "citizen.merged", wechat.citizen_id.hex, wechat.citizen_id.hex
    )  # fmt: skip
    assert uuid.UUID(now.facts["from_citizen_id"]) == alipay.citizen_id
    row = await db.fetch_row("SELECT max(execute_after) AS last FROM pgqueuer")
    assert row is not None
    assert 900 < (row["last"] - clock.now()).total_seconds() < 1000


async def test_reaction_to_a_merge_redirects_tokens_again(people: House) -> None:
    signed_in, caller = await people.sign_in("zhang-wei")
    survivor = uuid.uuid4()
    facts = {"from_citizen_id": caller.citizen_id.hex, "into_citizen_id": survivor.hex}
    await announce_merge(people.accounts, DomainEvent(name="citizen.merged", subject_no=survivor.hex, facts=facts))
    assert people.tokens.verify(signed_in.access_token).citizen_id == survivor


async def test_concurrent_checks_of_one_number_on_two_platforms_end_in_one_citizen(people: House) -> None:
    (_, wechat), (_, alipay) = await people.sign_in("zhang-wei"), await people.sign_in("zhang-wei", "ALIPAY")
    answers = await asyncio.gather(
        *(people.accounts.verify_real_name(caller, ZHANG_WEI) for caller in (wechat, alipay) for _ in range(4)),
        return_exceptions=True,
    )
    unexpected = [a for a in answers if isinstance(a, BaseException) and not isinstance(a, SanjinError)]
    assert unexpected == []
    rows = await db.fetch_all("SELECT status, count(*) AS n FROM citizen GROUP BY status")
    assert {row["status"]: row["n"] for row in rows} == {"ACTIVE": 1, "MERGED": 1}
    identities = await db.fetch_row("SELECT count(DISTINCT citizen_id) AS n FROM identity")
    assert identities is not None
    assert identities["n"] == 1


async def test_sign_ins_during_a_merge_all_end_at_the_survivor(people: House) -> None:
    _, wechat = await people.sign_in("zhang-wei")
    await people.accounts.verify_real_name(wechat, ZHANG_WEI)
    _, alipay = await people.sign_in("zhang-wei", "ALIPAY")
    await asyncio.gather(
        people.accounts.verify_real_name(alipay, ZHANG_WEI), *(people.sign_in("zhang-wei", "ALIPAY") for _ in range(10))
    )
    rows = await db.fetch_all("SELECT DISTINCT citizen_id FROM citizen_session")
    assert [row["citizen_id"] for row in rows] == [wechat.citizen_id]


async def test_citizen_who_closed_the_account_is_not_merged_into(people: House) -> None:
    _, wechat = await people.sign_in("zhang-wei")
    await people.accounts.verify_real_name(wechat, ZHANG_WEI)
    await db.execute("UPDATE citizen SET status = 'CLOSED' WHERE id = $1", wechat.citizen_id)
    _, alipay = await people.sign_in("zhang-wei", "ALIPAY")
    with pytest.raises(Conflict) as refused:
        await people.accounts.verify_real_name(alipay, ZHANG_WEI)
    assert refused.value.stable_code == "account_closed"
