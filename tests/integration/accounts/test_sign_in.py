"""Signing in and out: one citizen for one person, one use for one refresh token, one logout for all processes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from app import clock, db
from app.crypto import FieldCipher, hash_secret
from app.errors import Conflict, Forbidden, SanjinError, TooManyRequests, Unauthenticated
from app.tokens import AccessTokens
from services.accounts.sweeps import tidy_accounts
from tests.integration.accounts.conftest import SOONER_SECONDS, House, make_house
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def _count(table: str) -> int:
    row = await db.fetch_row(f"SELECT count(*) AS n FROM {table}")
    assert row is not None
    return int(row["n"])


async def test_first_sign_in_makes_a_citizen_of_level_l0(house: House) -> None:
    signed_in, caller = await house.sign_in("zhang-wei")
    assert signed_in.citizen.real_name_level == "L0"
    assert signed_in.citizen.id == caller.citizen_id.hex
    assert (signed_in.token_type, signed_in.expires_in) == ("Bearer", 900)


async def test_twenty_concurrent_first_sign_ins_make_one_citizen(house: House) -> None:
    answers = await asyncio.gather(*(house.sign_in("zhang-wei") for _ in range(20)))
    assert len({caller.citizen_id for _, caller in answers}) == 1
    assert len({caller.session_id for _, caller in answers}) == 20
    assert (await _count("citizen"), await _count("identity"), await _count("citizen_session")) == (1, 1, 20)


async def test_different_apps_and_persons_are_different_citizens(house: House) -> None:
    people = [
        await house.sign_in("zhang-wei"),
        await house.sign_in("li-na"),
        await house.sign_in("zhang-wei", "ALIPAY"),
    ]
    assert len({caller.citizen_id for _, caller in people}) == 3


async def test_token_tells_the_level_the_citizen_had_when_it_was_made(house: House) -> None:
    signed_in, caller = await house.sign_in("zhang-wei")
    assert caller.level == "L0"
    await db.execute("UPDATE citizen SET real_name_level = 'L2'")
    refreshed = await house.accounts.refresh(signed_in.refresh_token, "a")
    risen = house.tokens.verify(refreshed.access_token)
    assert risen.level == "L2"
    await house.accounts.require_level(risen, "L2")
    await house.accounts.require_level(caller, "L2")
    with pytest.raises(Forbidden):
        await house.accounts.require_level(risen, "L3")


async def test_used_login_code_is_unauthenticated(house: House) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await house.sign_in("bad")
    assert refused.value.stable_code == "login_code_invalid"
    assert await _count("citizen") == 0


async def test_closed_citizen_gets_no_session(house: House) -> None:
    await house.sign_in("zhang-wei")
    await db.execute("UPDATE citizen SET status = 'CLOSED'")
    with pytest.raises(Forbidden):
        await house.sign_in("zhang-wei")
    assert await _count("citizen_session") == 1


async def test_session_key_is_stored_encrypted_with_the_one_before(house: House) -> None:
    house.wechat.session_keys = True
    await house.sign_in("zhang-wei:first")
    _, caller = await house.sign_in("zhang-wei:second")
    assert await house.accounts.session_keys(caller.identity_id) == (
        "key of zhang-wei:second",
        "key of zhang-wei:first",
    )
    row = await db.fetch_row("SELECT session_key_cipher FROM identity")
    assert row is not None
    assert b"key of" not in row["session_key_cipher"]


async def test_late_session_key_of_an_earlier_sign_in_is_not_stored(house: House) -> None:
    house.wechat.session_keys = True
    _, caller = await house.sign_in("zhang-wei:newer")
    await db.execute("UPDATE identity SET signed_in_at = $1", clock.now() + timedelta(minutes=1))
    await house.sign_in("zhang-wei:older")
    assert await house.accounts.session_keys(caller.identity_id) == ("key of zhang-wei:newer",)


async def test_identity_of_an_old_user_id_keeps_its_citizen_when_open_ids_come(house: House) -> None:
    _, before = await house.sign_in("zhang-wei", "ALIPAY")
    await db.execute("UPDATE identity SET subject = '2088zhang-wei'")
    house.alipay.old_ids = True
    _, after = await house.sign_in("zhang-wei", "ALIPAY")
    assert after.citizen_id == before.citizen_id
    assert await _count("identity") == 1


async def test_sign_in_is_limited_per_address(
    database: str, redis: Redis, cipher: FieldCipher, token_keys: dict[str, bytes]
) -> None:
    house = make_house(redis, cipher, token_keys, "3/minute")
    for _ in range(3):
        await house.accounts.sign_in("WECHAT", "zhang-wei", "10.0.0.1")
    with pytest.raises(TooManyRequests):
        await house.accounts.sign_in("WECHAT", "zhang-wei", "10.0.0.1")
    await house.accounts.sign_in("WECHAT", "zhang-wei", "10.0.0.2")


async def test_refresh_gives_new_tokens_of_the_same_session(house: House) -> None:
    signed_in, caller = await house.sign_in("zhang-wei")
    tokens = await house.accounts.refresh(signed_in.refresh_token, "a")
    assert house.tokens.verify(tokens.access_token).session_id == caller.session_id
    assert tokens.refresh_token != signed_in.refresh_token
    row = await db.fetch_row("SELECT 1 FROM refresh_token WHERE token_hash = $1", hash_secret(tokens.refresh_token))
    assert row is not None


async def test_of_ten_concurrent_refreshes_one_wins_and_the_session_lives(house: House) -> None:
    signed_in, _ = await house.sign_in("zhang-wei")
    outcomes = await asyncio.gather(
        *(house.accounts.refresh(signed_in.refresh_token, "a") for _ in range(10)), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, SanjinError)]
    assert len(won) == 1
    assert {error.stable_code for error in lost} == {"refresh_token_used"}
    assert await _count("refresh_token") == 2
    assert await house.accounts.refresh(won[0].refresh_token, "a")


async def test_used_refresh_token_shown_again_later_ends_the_session(house: House) -> None:
    signed_in, caller = await house.sign_in("zhang-wei")
    tokens = await house.accounts.refresh(signed_in.refresh_token, "a")
    await db.execute("UPDATE refresh_token SET used_at = used_at - interval '11 seconds' WHERE used_at IS NOT NULL")
    with pytest.raises(Unauthenticated) as refused:
        await house.accounts.refresh(signed_in.refresh_token, "a")
    assert refused.value.stable_code == "refresh_token_reused"
    with pytest.raises(Unauthenticated):
        house.tokens.verify(tokens.access_token)
    with pytest.raises(Unauthenticated):
        await house.accounts.refresh(tokens.refresh_token, "a")
    row = await db.fetch_row("SELECT revoked_reason FROM citizen_session WHERE id = $1", caller.session_id)
    assert row is not None
    assert row["revoked_reason"] == "REFRESH_REUSED"


async def test_used_refresh_token_shown_within_ten_seconds_gives_nothing_and_ends_nothing(house: House) -> None:
    signed_in, _ = await house.sign_in("zhang-wei")
    tokens = await house.accounts.refresh(signed_in.refresh_token, "a")
    with pytest.raises(Conflict):
        await house.accounts.refresh(signed_in.refresh_token, "a")
    assert house.tokens.verify(tokens.access_token)


@pytest.mark.parametrize(
    "change", ["UPDATE refresh_token SET expires_at = now()", "UPDATE citizen_session SET expires_at = now()"]
)
async def test_refresh_after_the_end_is_unauthenticated(house: House, change: str) -> None:
    signed_in, _ = await house.sign_in("zhang-wei")
    await db.execute(change)
    with pytest.raises(Unauthenticated) as refused:
        await house.accounts.refresh(signed_in.refresh_token, "a")
    assert refused.value.stable_code == "refresh_token_invalid"


async def test_unknown_refresh_token_is_unauthenticated(house: House) -> None:
    with pytest.raises(Unauthenticated):
        await house.accounts.refresh("x" * 43, "a")


async def test_sign_out_is_heard_by_another_process_at_once(house: House, other_process: House) -> None:
    signed_in, caller = await house.sign_in("zhang-wei")
    assert other_process.tokens.verify(signed_in.access_token)
    await house.accounts.sign_out(caller)
    with pytest.raises(Unauthenticated):
        house.tokens.verify(signed_in.access_token)

    await until("the end", lambda: _refuses(other_process.tokens, signed_in.access_token), SOONER_SECONDS)
    with pytest.raises(Unauthenticated):
        await house.accounts.refresh(signed_in.refresh_token, "a")


async def test_sign_out_reaches_a_process_without_redis_through_the_database(
    house: House, database: str, cipher: FieldCipher, token_keys: dict[str, bytes]
) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.1)
    deaf = make_house(nowhere, cipher, token_keys, "1000/minute")
    running = asyncio.create_task(deaf.revocations.run())
    signed_in, caller = await house.sign_in("zhang-wei")
    await deaf.accounts.sign_out(caller)
    await house.revocations.catch_up()
    assert _refuses(house.tokens, signed_in.access_token)

    again, caller = await house.sign_in("zhang-wei")
    await house.accounts.sign_out(caller)
    await until("the end", lambda: _refuses(deaf.tokens, again.access_token), SOONER_SECONDS)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await nowhere.aclose()


async def test_process_started_after_a_sign_out_knows_it(
    house: House, redis: Redis, cipher: FieldCipher, token_keys: dict[str, bytes]
) -> None:
    signed_in, caller = await house.sign_in("zhang-wei")
    await house.accounts.sign_out(caller)
    late = make_house(redis, cipher, token_keys, "1000/minute")
    assert not _refuses(late.tokens, signed_in.access_token)
    await late.revocations.catch_up()
    assert _refuses(late.tokens, signed_in.access_token)


async def test_tidying_forgets_what_ended_long_ago_and_nothing_else(house: House) -> None:
    await house.sign_in("zhang-wei")
    await house.sign_in("li-na")
    await db.execute(
        "UPDATE citizen_session SET expires_at = now() - interval '31 days'"
        " WHERE citizen_id = (SELECT citizen_id FROM identity WHERE subject = 'li-na@wx1')"
    )
    await tidy_accounts()
    assert (await _count("citizen_session"), await _count("refresh_token"), await _count("citizen")) == (1, 1, 2)


def _refuses(tokens: AccessTokens, token: str) -> bool:
    try:
        tokens.verify(token)
    except Unauthenticated as refused:
        return refused.stable_code == "token_revoked"
    return False
