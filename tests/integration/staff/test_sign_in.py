"""Staff sign-in: two factors, each code once, five tries, sessions that end; and accounts made from a file once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Forbidden, SettingsError, TooManyRequests, Unauthenticated
from services.staff import repository as staff_repository
from services.staff import sessions
from services.staff.accounts_file import import_staff, read_records
from services.staff.audit import AuditTrail
from services.staff.service import StaffService
from services.staff.sweeps import forget_ended_sessions
from services.staff.types import Origin, Role
from tests.integration.staff.conftest import House, make_service
from tests.waiting import until

pytestmark = pytest.mark.anyio
DATA = Path(__file__).parents[3] / "data" / "staff.json"


async def _actions() -> list[str]:
    return [row["action"] for row in await db.fetch_all("SELECT action FROM audit_entry ORDER BY seq")]


async def test_password_and_code_open_a_session(house: House) -> None:
    signed_in, caller = await house.sign_in()
    assert signed_in.expires_in == 36_000
    assert signed_in.staff.roles == [Role.REVIEWER, Role.WINDOW]
    assert (caller.username, caller.divisions, caller.csrf_token) == ("window-1", ("140105",), signed_in.csrf_token)
    assert (await _actions())[-1] == "staff.signed_in"


@pytest.mark.parametrize("wrong", ["password", "code", "username", "old_code"])
async def test_every_wrong_part_is_refused_alike(house: House, wrong: str) -> None:
    username = "nobody" if wrong == "username" else "window-1"
    password = "wrong" if wrong == "password" else house.credentials["window-1"].password
    code = {"code": "000000", "old_code": house.code("window-1", -3)}.get(wrong, house.code("window-1"))
    with pytest.raises(Unauthenticated) as refused:
        await house.staff.sign_in(username, password, code, "a")
    assert refused.value.stable_code == "staff_sign_in_refused"


@pytest.mark.parametrize("steps", [-1, 1])
async def test_code_of_a_neighbouring_step_is_accepted(house: House, steps: int) -> None:
    assert (await house.sign_in(steps=steps))[1].username == "window-1"


async def test_code_works_once_also_for_four_at_once(house: House) -> None:
    outcomes = await asyncio.gather(*(house.sign_in() for _ in range(4)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    with pytest.raises(Unauthenticated):
        await house.sign_in()
    with pytest.raises(Unauthenticated):
        await house.sign_in(steps=-1)
    await house.sign_in(steps=1)


async def test_five_failures_lock_for_thirty_minutes_also_the_right_password(house: House) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await house.staff.sign_in("window-1", "wrong", house.code("window-1"), "a")
    with pytest.raises(Unauthenticated):
        await house.sign_in()
    assert (await _actions())[-1] == "staff.locked"
    await db.execute("UPDATE staff_member SET locked_until = locked_until - interval '31 minutes'")
    assert (await house.sign_in())[1].username == "window-1"
    row = await db.fetch_row("SELECT failed_count, locked_until FROM staff_member WHERE username = 'window-1'")
    assert row is not None
    assert tuple(row.values()) == (0, None)


async def test_parallel_guesses_share_five_tries(house: House) -> None:
    await asyncio.gather(
        *(house.staff.sign_in("window-1", f"guess-{n}", "000000", "a") for n in range(12)), return_exceptions=True
    )
    assert len([action for action in await _actions() if action.startswith(("staff.sign_in", "staff.locked"))]) == 5


async def test_success_forgives_earlier_failures(house: House) -> None:
    for _ in range(4):
        with pytest.raises(Unauthenticated):
            await house.staff.sign_in("window-1", "wrong", "000000", "a")
    await house.sign_in()
    row = await db.fetch_row("SELECT failed_count FROM staff_member WHERE username = 'window-1'")
    assert row is not None
    assert row["failed_count"] == 0


async def test_sign_in_is_limited_per_address(redis: Redis, cipher: FieldCipher, audit: AuditTrail) -> None:
    service = make_service(redis, cipher, audit, "2/minute")
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await service.sign_in("nobody", "x", "000000", "10.0.0.9")
    with pytest.raises(TooManyRequests):
        await service.sign_in("nobody", "x", "000000", "10.0.0.9")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE staff_session SET last_seen_at = now() - interval '16 minutes'",
        "UPDATE staff_session SET expires_at = now() - interval '1 minute'",
        "UPDATE staff_member SET status = 'DISABLED'",
    ],
)
async def test_session_ends(house: House, redis: Redis, change: str) -> None:
    signed_in, _ = await house.sign_in()
    await db.execute(change)
    fresh = make_service(redis, house.cipher, house.audit)
    with pytest.raises(Unauthenticated) as refused:
        await fresh.authenticate(signed_in.access_token)
    assert refused.value.stable_code == "staff_session_ended"


@pytest.mark.parametrize("change", ["status = 'DISABLED'", "password_hash = 'another'"])
async def test_what_changes_while_the_password_is_compared_keeps_the_session_from_opening(
    house: House, change: str
) -> None:
    member = await staff_repository.claim_attempt("window-1", clock.now(), 5, timedelta(minutes=30))
    assert member is not None
    await db.execute(f"UPDATE staff_member SET {change} WHERE username = 'window-1'")
    async with db.transaction() as tx:
        assert await house.staff.sessions.begin(tx, member, clock.timestamp() // 30, [], Origin("10.0.0.1")) is None
    assert await db.fetch_all("SELECT id FROM staff_session") == []


async def test_use_keeps_a_session_alive(house: House, redis: Redis) -> None:
    signed_in, _ = await house.sign_in()
    await db.execute("UPDATE staff_session SET last_seen_at = now() - interval '14 minutes'")
    await make_service(redis, house.cipher, house.audit).authenticate(signed_in.access_token)
    row = await db.fetch_row("SELECT now() - last_seen_at < interval '5 seconds' AS fresh FROM staff_session")
    assert row is not None
    assert row["fresh"]


async def _lets_in(staff: StaffService, token: str) -> bool:
    try:
        await staff.authenticate(token)
    except Unauthenticated:
        return False
    return True


async def test_sign_out_ends_the_session_in_every_process(
    house: House, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_KEPT_SECONDS", 3600.0)  # only the broadcast can end it
    signed_in, caller = await house.sign_in()
    other = make_service(redis, house.cipher, house.audit)
    await other.open()
    listening = asyncio.create_task(other.sessions._broadcast.run())
    await until("the broadcast", lambda: other.sessions._broadcast.connected)
    await other.authenticate(signed_in.access_token)
    await house.staff.sign_out(caller, "a")
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(signed_in.access_token)
    async with asyncio.timeout(20):
        while await _lets_in(other, signed_in.access_token):
            await asyncio.sleep(0.02)
    await house.staff.sign_out(caller, "a")
    assert (await _actions()).count("staff.signed_out") == 1
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_csrf_token_of_another_session_is_refused(house: House) -> None:
    _, caller = await house.sign_in()
    house.staff.check_csrf(caller, caller.csrf_token)
    for wrong in ("", "短", caller.csrf_token[:-1]):
        with pytest.raises(Forbidden):
            house.staff.check_csrf(caller, wrong)


async def test_secrets_of_staff_are_stored_hashed_or_encrypted(house: House) -> None:
    signed_in, _ = await house.sign_in()
    rows = await db.fetch_all(
        "SELECT to_jsonb(staff_member)::text AS row FROM staff_member"
        " UNION ALL SELECT to_jsonb(staff_session)::text FROM staff_session"
    )
    stored = " ".join(row["row"] for row in rows)
    secrets = [signed_in.access_token, *(entry.password for entry in house.credentials.values())]
    secrets += [entry.totp_secret for entry in house.credentials.values()]
    assert [secret for secret in secrets if secret in stored or secret.encode().hex() in stored] == []


async def test_import_again_changes_nothing(house: House, records: Path, tmp_path: Path, audit: AuditTrail) -> None:
    file = tmp_path / "staff-credentials.json"
    before = file.read_bytes()
    again = await import_staff(records, file, house.cipher, audit)
    assert {entry.username: entry for entry in again} == house.credentials
    assert file.read_bytes() == before
    assert (await _actions()).count("staff.added") == 2


async def test_import_into_a_new_database_keeps_the_known_passwords(
    house: House, records: Path, tmp_path: Path, audit: AuditTrail
) -> None:
    await db.execute("DELETE FROM staff_member WHERE username = 'window-1'")
    again = await import_staff(records, tmp_path / "staff-credentials.json", house.cipher, audit)
    assert {entry.username: entry for entry in again} == house.credentials
    await house.sign_in()


async def test_credentials_file_is_for_its_owner_only(house: House, tmp_path: Path) -> None:
    assert (tmp_path / "staff-credentials.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["{}", '[{"username": "a b"}]', "nonsense"])
def test_faulty_staff_file_is_a_settings_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "staff.json"
    file.write_text(content)
    with pytest.raises(SettingsError):
        read_records(file)


def test_demonstration_staff_can_be_read_and_play_every_role() -> None:
    records = read_records(DATA)
    assert {role for record in records for role in record.roles} == set(Role)


async def test_sweep_keeps_sessions_for_six_months(house: House) -> None:
    await house.sign_in()
    await forget_ended_sessions()
    assert await db.fetch_row("SELECT 1 FROM staff_session") is not None
    await db.execute("UPDATE staff_session SET expires_at = now() - interval '181 days'")
    await forget_ended_sessions()
    assert await db.fetch_row("SELECT 1 FROM staff_session") is None
