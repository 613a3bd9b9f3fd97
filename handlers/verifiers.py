"""Doors of verifiers: whoever was shown a presentation code, or holds a licence's document. Nobody signs in here.

What they learn is the least that their purpose needs, after the holder's consent; every try is limited by address.
"""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec

from app.errors import NotFound
from handlers.citizen.licences import PRINTED
from handlers.doors import Auth, Call, Reply, Route
from services.licences.types import SealCheck, VerificationResult, VerificationView, VerifiedLicence

_TAG = "证照核验"
_RATE, _POLL_RATE = "60/minute", "300/minute"
_OPAQUE = r"^[A-Za-z0-9_-]+$"
Code = Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern=_OPAQUE)]


class PresentedCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that a holder showed (亮证码)."""

    code: Code


class VerificationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to know what, and what for; the holder reads it before consenting."""

    code: Code
    verifier: Annotated[str, msgspec.Meta(min_length=2, max_length=40, pattern=PRINTED)]
    purpose: Annotated[str, msgspec.Meta(min_length=2, max_length=60, pattern=PRINTED)]
    fields: Annotated[list[Annotated[str, msgspec.Meta(max_length=41)]], msgspec.Meta(max_length=30)] = []


class VerificationToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token that came with the request."""

    token: Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern=_OPAQUE)]


class DocumentDigest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SHA-256 of a licence's PDF, as `sha256sum` prints it: the file itself need not be sent."""

    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


async def verify_presentation(call: Call[PresentedCode]) -> Reply:
    """Exchange a presented code for the least that proves the licence."""
    await call.house.limits.hit(_RATE, "verify", call.address)
    return Reply(await call.house.licences.presenting.verify(call.body.code, "现场核验"))


async def ask(call: Call[VerificationRequest]) -> Reply:
    """Ask the holder of a shown code for fields of the licence."""
    await call.house.limits.hit(_RATE, "verify", call.address)
    body = call.body
    view = await call.house.licences.presenting.ask(body.code, body.verifier.strip(), body.purpose.strip(), body.fields)
    return Reply(view, status=201)


async def fetch(call: Call[VerificationToken]) -> Reply:
    """Tell how a request stands, and once, after consent, what was asked for."""
    await call.house.limits.hit(_POLL_RATE, "verify-result", call.address)
    try:
        verification_id = uuid.UUID(call.path["verification_id"])
    except ValueError:
        raise NotFound("亮证码无效或已过期，请持证人重新出示", code="presentation_invalid") from None
    found = await call.house.licences.presenting.result(verification_id, call.body.token)
    return Reply(found, status=202 if found.status == "ASKED" else 200)


async def check_document(call: Call[DocumentDigest]) -> Reply:
    """Tell what a document is, how its licence stands, and whether its seal is genuine."""
    await call.house.limits.hit(_RATE, "verify", call.address)
    return Reply(await call.house.licences.check_document(call.body.sha256))


ROUTES = (
    Route(
        "POST",
        "/api/v1/presentations/verify",
        verify_presentation,
        auth=Auth.PUBLIC,
        body=PresentedCode,
        answer=VerifiedLicence,
        summary="核验亮证码",
        tag=_TAG,
        example={"code": "0123456789abcdefABCDEF_-"},
        remembers=False,
    ),
    Route(
        "POST",
        "/api/v1/licence-verifications",
        ask,
        auth=Auth.PUBLIC,
        body=VerificationRequest,
        answer=VerificationView,
        status=201,
        summary="凭亮证码请求核验证照信息（须持证人同意）",
        tag=_TAG,
        example={
            "code": "0123456789abcdefABCDEF_-",
            "verifier": "太原市某某酒店",
            "purpose": "入住登记",
            "fields": ["name", "id_number"],
        },
        remembers=False,
    ),
    Route(
        "POST",
        "/api/v1/licence-verifications/<verification_id:str>/result",
        fetch,
        auth=Auth.PUBLIC,
        body=VerificationToken,
        answer=VerificationResult,
        summary="领取核验结果（一次）",
        tag=_TAG,
        example={"token": "0123456789abcdefABCDEF_-0123456789abcdefABC"},
        remembers=False,
    ),
    Route(
        "POST",
        "/api/v1/licence-documents/verify",
        check_document,
        auth=Auth.PUBLIC,
        body=DocumentDigest,
        answer=SealCheck,
        summary="验真：证照文件及其电子印章",
        tag=_TAG,
        example={"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        remembers=False,
    ),
)
