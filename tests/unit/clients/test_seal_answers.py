"""Answers of the seal authority: what is not its word is told apart, whatever stands in the headers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clients.seal.signing import answer_fault
from clients.seal.types import SealAccount

ACCOUNT = SealAccount(base_url="http://seal.invalid", app_id="sjt", secret="s" * 32, authority_keys=())
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("signature", ["0" * 64, "\udcff" * 64, "签"], ids=["forged", "bytes", "chinese"])
def test_an_answer_under_another_signature_is_a_fault(signature: str) -> None:
    headers = {
        "X-Seal-Timestamp": str(int(NOW.timestamp())),
        "X-Seal-Nonce": "0" * 32,
        "X-Seal-Signature": signature,
    }
    assert answer_fault(ACCOUNT, "/seal/v1/seals", 200, headers, b"{}", nonce="0" * 32, now=NOW) == "signature"
