"""Access tokens: what is forged, expired, revoked or merged away, without any I/O."""

from __future__ import annotations

import uuid

import jwt
import pytest

from app import tokens
from app.errors import SettingsError, Unauthenticated
from app.tokens import ACCESS_SECONDS, AccessTokens

KEY, OLD_KEY = b"n" * 32, b"o" * 32


def _issued(issuer: AccessTokens, citizen: uuid.UUID | None = None, session: uuid.UUID | None = None) -> str:
    return issuer.issue(citizen or uuid.uuid4(), session or uuid.uuid4(), uuid.uuid4(), "WECHAT")


def _refusal(issuer: AccessTokens, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        issuer.verify(token)
    return refused.value.stable_code


def test_issued_token_names_its_caller() -> None:
    issuer, citizen, session = AccessTokens({"n": KEY}), uuid.uuid4(), uuid.uuid4()
    caller = issuer.verify(_issued(issuer, citizen, session))
    assert (caller.citizen_id, caller.session_id, caller.provider) == (citizen, session, "WECHAT")


def test_token_of_an_older_key_is_believed_and_new_ones_use_the_newest() -> None:
    old = _issued(AccessTokens({"o": OLD_KEY}))
    both = AccessTokens({"n": KEY, "o": OLD_KEY})
    assert both.verify(old)
    assert jwt.get_unverified_header(_issued(both))["kid"] == "n"


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_token_of_another_algorithm_is_forged(algorithm: str) -> None:
    issuer = AccessTokens({"n": KEY})
    claims = jwt.decode(_issued(issuer), KEY, algorithms=["HS256"])
    forged = jwt.encode(claims, None if algorithm == "none" else KEY * 2, algorithm=algorithm, headers={"kid": "n"})
    assert _refusal(issuer, forged) == "token_invalid"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "Ω.Ω.Ω"])
def test_nonsense_is_invalid(token: str) -> None:
    assert _refusal(AccessTokens({"n": KEY}), token) == "token_invalid"


def test_token_of_an_unknown_key_is_invalid() -> None:
    assert _refusal(AccessTokens({"n": KEY}), _issued(AccessTokens({"x": OLD_KEY}))) == "token_invalid"


def test_token_expires_also_when_it_was_verified_before(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = AccessTokens({"n": KEY})
    token = _issued(issuer)
    issuer.verify(token)
    now = tokens.timestamp()
    monkeypatch.setattr(tokens, "timestamp", lambda: now + ACCESS_SECONDS)
    assert _refusal(issuer, token) == "token_expired"


def test_revoked_session_is_refused_and_others_are_not() -> None:
    issuer, session = AccessTokens({"n": KEY}), uuid.uuid4()
    revoked, other = _issued(issuer, session=session), _issued(issuer)
    issuer.verify(revoked)
    issuer.revoke(session)
    assert _refusal(issuer, revoked) == "token_revoked"
    assert issuer.verify(other)


def test_revocations_are_forgotten_only_when_their_tokens_have_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer, session = AccessTokens({"n": KEY}), uuid.uuid4()
    token = _issued(issuer, session=session)
    issuer.revoke(session)
    for _ in range(3_000):
        issuer.revoke(uuid.uuid4())
    assert _refusal(issuer, token) == "token_revoked"
    now = tokens.timestamp()
    monkeypatch.setattr(tokens, "timestamp", lambda: now + ACCESS_SECONDS + 1)
    for _ in range(5_000):
        issuer.revoke(uuid.uuid4())
    assert len(issuer._revoked) == 5_000


def test_token_from_before_a_merge_speaks_for_the_survivor() -> None:
    issuer, old, survivor = AccessTokens({"n": KEY}), uuid.uuid4(), uuid.uuid4()
    seen, unseen = _issued(issuer, old), _issued(issuer, old)
    issuer.verify(seen)
    issuer.redirect(old, survivor)
    assert {issuer.verify(token).citizen_id for token in (seen, unseen)} == {survivor}


def test_merge_of_a_survivor_carries_on() -> None:
    issuer, first, second, third = AccessTokens({"n": KEY}), uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    token = _issued(issuer, first)
    issuer.redirect(first, second)
    issuer.redirect(second, third)
    assert issuer.verify(token).citizen_id == third
    issuer.redirect(first, second)
    assert issuer.verify(token).citizen_id == third


def test_short_key_is_a_settings_error() -> None:
    with pytest.raises(SettingsError):
        AccessTokens({"n": b"short"})


@pytest.mark.parametrize(
    "change", [{"sub": 5}, {"sid": []}, {"idn": {}}, {"prv": 1}, {"sub": "nobody"}, {"exp": "soon"}]
)
def test_own_signature_over_claims_of_another_shape_is_refused(change: dict[str, object]) -> None:
    issuer = AccessTokens({"n": KEY})
    claims = jwt.decode(_issued(issuer), options={"verify_signature": False}) | change
    assert _refusal(issuer, jwt.encode(claims, KEY, algorithm="HS256", headers={"kid": "n"})) == "token_invalid"
