"""What crosses the door about enterprises: requests and masked views."""

from __future__ import annotations

from typing import Annotated

import msgspec

from services.accounts.types import PhoneText, PrintedText

Uscc = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]{18}$(?!\n)", description="统一社会信用代码")]
EnterpriseName = Annotated[
    str, msgspec.Meta(min_length=2, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)", description="企业名称")
]


class EnterpriseClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enterprise that the caller says they represent."""

    uscc: Uscc
    name: EnterpriseName


class EnterpriseChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of the archive (一企一档); what is left out stays."""

    address: PrintedText | None = None
    phone: PhoneText | None = None

    def __repr__(self) -> str:
        return "EnterpriseChange(…)"


class EnterpriseView(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise as its representative sees it; person and phone are masked.

    `confirmed_until` is when the register must be asked again, by the same request as the first time.
    """

    id: str
    uscc: str
    name: str
    address: str
    legal_representative: str
    phone: str
    confirmed_at: str
    confirmed_until: str


class EnterpriseList(msgspec.Struct, frozen=True, kw_only=True):
    """The enterprises that the caller represents; there is never a next page."""

    data: list[EnterpriseView]
    next_cursor: None = None
