"""What crosses the door of the accounts room: requests, views and the profile that other rooms ask for.

Views are masked; only `CitizenProfile` and `EnterpriseProfile` (and the `PlainAddress` of the address book) hold plain
personal data, and none prints them.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec

from app.identifiers import shorten
from services.accounts.mandates.scope import names_item

Level = Literal["L0", "L1", "L2", "L3"]
_LETTERS = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffffA-Za-z"
_NO_CONTROLS = r"[^\x00-\x1f\x7f]"
PersonName = Annotated[
    str,
    msgspec.Meta(
        min_length=2,
        max_length=50,
        # "$" alone would let one newline pass at the end.
        pattern=rf"^ *[{_LETTERS}][{_LETTERS}·•・．. '-]+$(?!\n)",
        description="姓名",
    ),
]
PrintedText = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=100, pattern=rf"^{_NO_CONTROLS}*[0-9０-９{_LETTERS}]{_NO_CONTROLS}*$(?!\n)"),
]
"""A line as a courier prints it; of signs that nobody sees there would be nothing on the label."""
DivisionCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$", description="六位行政区划代码")]
PhoneText = Annotated[str, msgspec.Meta(min_length=11, max_length=20)]
IdNumberText = Annotated[str, msgspec.Meta(min_length=15, max_length=30)]


class CitizenView(msgspec.Struct, frozen=True, kw_only=True):
    """The signed-in person as shown to them: masked."""

    id: str
    real_name_level: Level
    name: str
    id_number: str
    phone: str
    signed_up_at: str


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """A new access token (seconds of life in `expires_in`) and the refresh token that replaces the one used."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"] = "Bearer"


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a sign-in."""

    access_token: str
    refresh_token: str
    expires_in: int
    citizen: CitizenView
    token_type: Literal["Bearer"] = "Bearer"


class PhoneProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the mini-program got when the person allowed their phone number; which fields depends on the platform."""

    code: Annotated[str, msgspec.Meta(max_length=512)] = ""
    response: str | dict[str, Any] = ""
    sign: Annotated[str, msgspec.Meta(max_length=2048)] = ""
    sign_type: Annotated[str, msgspec.Meta(max_length=16)] = ""
    encrypt_type: Annotated[str, msgspec.Meta(max_length=16)] = ""
    charset: Annotated[str, msgspec.Meta(max_length=16)] = ""


class RealNameRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name and ID number to be checked; `code` where the platform's own dialog gave one."""

    name: PersonName
    id_number: IdNumberText
    code: Annotated[str, msgspec.Meta(max_length=512)] = ""

    def __repr__(self) -> str:
        return "RealNameRequest(…)"


class RealNameVerified(msgspec.Struct, frozen=True, kw_only=True):
    """The person is verified; after a merge `citizen` is the surviving one."""

    real_name_level: Level
    citizen: CitizenView
    merged: bool
    status: Literal["VERIFIED"] = "VERIFIED"


class RealNameAction(msgspec.Struct, frozen=True, kw_only=True):
    """The person must go through the platform's face check first; then the same request is sent again."""

    certify_id: str
    url: str
    status: Literal["ACTION_REQUIRED"] = "ACTION_REQUIRED"


Topic = Literal["case", "payment", "delivery", "licence", "consultation", "policy", "account"]
TOPIC_NAMES: dict[Topic, str] = {
    "case": "办件进度",
    "payment": "缴费退费",
    "delivery": "证照寄送",
    "licence": "电子证照",
    "consultation": "咨询答复",
    "policy": "政策通知",
    "account": "账号安全",
}
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", description="北京时间 HH:MM")]
TagText = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class TopicPreferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person wants of one topic; what is left out is wanted."""

    subscribe_messages: bool = True
    sms: bool = True


class Preferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the person wants to be served. The in-app inbox and statutory notices cannot be switched off.

    `quiet` keeps what is not urgent back between two times of day; `division_code` is the home that the person chose
    ("" for none), `tags` are words of the house's list that they say of themselves.
    """

    elder_mode: bool = False
    subscribe_messages: bool = True
    sms: bool = True
    topics: dict[Topic, TopicPreferences] = {}
    quiet: bool = True
    quiet_from: TimeOfDay = "21:00"
    quiet_until: TimeOfDay = "08:00"
    language: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$(?!\n)")] = "zh-CN"
    division_code: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{6})?$(?!\n)")] = ""
    tags: Annotated[list[TagText], msgspec.Meta(max_length=20)] = []


def stored_preferences(text: str | bytes) -> Preferences:
    """Read preferences as stored, also those of earlier times: what is missing is as if never said."""
    stored = msgspec.json.decode(text)
    known = {name: stored[name] for name in Preferences.__struct_fields__ if name in stored}
    return msgspec.convert(known, Preferences)


class PreferenceChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may choose from: words about themselves, and topics by name."""

    tags: list[str]
    topics: dict[Topic, str]


@dataclass(frozen=True, slots=True)
class CitizenProfile:
    """A citizen in plain text, for the rooms that must print it on a licence or a form. Never log it."""

    citizen_id: uuid.UUID
    real_name_level: Level
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnterpriseProfile:
    """An enterprise in plain text (一企一档), for forms and licences. Never log it."""

    enterprise_id: uuid.UUID
    uscc: str
    name: str
    address: str
    legal_representative: str = field(repr=False)
    phone: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthorityRules:
    """What authority over others takes: a real-name level, and for how many days it may be given and believed."""

    level: Level = "L2"
    mandate_days: int = 365
    proof_days: int = 180


@dataclass(frozen=True, slots=True)
class PlatformIdentity:
    """By which identity a platform knows the citizen: the payer of an order, the receiver of a message."""

    identity_id: uuid.UUID
    citizen_id: uuid.UUID
    provider: str
    app_id: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonContacts:
    """How one person can be reached: identities (latest used first), phone ("" for none), and what they wish."""

    citizen_id: uuid.UUID
    identities: tuple[PlatformIdentity, ...]
    phone: str = field(repr=False)
    preferences: Preferences


class OnBehalfOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom a case is begun: an enterprise that the caller represents, or the principal of a mandate."""

    enterprise_id: uuid.UUID | None = None
    mandate_no: Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[0-9A-Z]*$(?!\n)")] = ""

    def __post_init__(self) -> None:
        if (self.enterprise_id is None) == (not self.mandate_no):
            raise ValueError("enterprise_id or mandate_no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """A caller who acts for somebody: both persons, and by which authority. Names are masked.

    `citizen_id` is the person in whose name the case stands: the principal; where an enterprise is the principal, the
    caller who files for it.
    """

    citizen_id: uuid.UUID
    enterprise_id: uuid.UUID | None = None
    agent_id: uuid.UUID | None = None
    mandate_id: uuid.UUID | None = None
    mandate_no: str = ""
    caller_shown: str
    principal_shown: str

    @property
    def shown(self) -> str:
        """Name both persons as the timeline does, in at most 64 characters of which each has a part."""
        who, principal = shorten(self.caller_shown, 16), shorten(self.principal_shown, 36)
        if self.agent_id is None:
            return f"法定代表人 {who}（代表 {principal}）"
        return f"代办人 {who}（受 {principal} 委托）"


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """One principal for whom a caller may act today: an enterprise or a person, and in which items (none = every)."""

    enterprise_id: uuid.UUID | None = None
    citizen_id: uuid.UUID | None = None
    item_codes: Sequence[str] = ()

    def covers(self, item_code: str) -> bool:
        """Tell whether an item is among those."""
        return names_item(self.item_codes, item_code)
