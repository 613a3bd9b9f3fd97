"""Sealing a digest under the caller's reference, and telling what became of a reference.

Source: docs/providers/seal.md, seals and seals/query (profile).
"""

import base64
import hashlib
import re
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from simulators.clock import BEIJING
from simulators.core import World
from simulators.seal.wire import SECTION, Call, Refusal

SIGNED_FIELDS = ("Reference", "DocumentSha256", "SealOwner", "SealNo", "SealedAt")
_IMAGE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120"><circle cx="60" cy="60" r="54" fill="none"'
    ' stroke="#c00" stroke-width="4"/><text x="60" y="66" text-anchor="middle" fill="#c00">电子印章</text></svg>'
)


def seal(call: Call) -> dict[str, Any]:
    """Put a body's seal on a digest; the same reference and digest give the same statement again."""
    reference = _text(call, "Reference", r"[0-9A-Za-z_-]{1,64}")
    digest = _text(call, "DocumentSha256", r"[0-9a-f]{64}")
    owner = _text(call, "SealOwner", r"[0-9A-Z]{18}")
    table = statements(call.world)
    key = f"{call.app_id}:{reference}"
    found = table.get(key)
    if found is not None:
        if (found["DocumentSha256"], found["SealOwner"]) != (digest, owner):
            raise Refusal("SE1002")
        return dict(found)
    if (call.app.owners and owner not in call.app.owners) or owner in withdrawn(call.world):
        raise Refusal("SE1003")
    sealed_at = datetime.fromtimestamp(call.world.clock.timestamp(), BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    made = {
        "Reference": reference,
        "DocumentSha256": digest,
        "SealOwner": owner,
        "SealNo": seal_no(owner),
        "SealedAt": sealed_at,
        "SealName": "电子印章（演示）",
        "SealImage": base64.b64encode(_IMAGE.encode()).decode(),
    }
    made["Signature"] = _signature(call, made)
    table[key] = made
    call.world.state.touch()
    call.exchange.note(reference=reference)
    return dict(made)


def query(call: Call) -> dict[str, Any]:
    """Tell what a reference stands for."""
    found = statements(call.world).get(f"{call.app_id}:{_text(call, 'Reference', '[0-9A-Za-z_-]{1,64}')}")
    if found is None:
        raise Refusal("SE1001")
    return dict(found)


def statements(world: World) -> dict[str, Any]:
    """Return every statement by app and reference."""
    return world.state.table(SECTION, "statements")


def withdrawn(world: World) -> dict[str, Any]:
    """Return the bodies whose seal the control API has taken away."""
    return world.state.table(SECTION, "withdrawn")


def seal_no(owner: str) -> str:
    """Return the number of a body's seal: 13 digits, always the same."""
    return f"14{int(hashlib.sha256(owner.encode()).hexdigest(), 16) % 10**11:011d}"


def _signature(call: Call, made: dict[str, Any]) -> str:
    text = "".join(f"{line}\n" for line in ("SJT-SEAL-1", *(made[name] for name in SIGNED_FIELDS))).encode()
    return base64.b64encode(call.key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def _text(call: Call, name: str, pattern: str) -> str:
    value = call.content.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise Refusal("SE0001", f"参数 {name} 有误")
    return value
