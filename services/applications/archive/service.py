"""What a form may be filled with beforehand: profile, licences, earlier answers, materials (一人一档、一企一档).

The citizens' door calls it before a form is shown. It stores nothing: what the applicant leaves as it is comes back
with the draft. Plain values go only to their owner, verified by real name; whoever acts for somebody else gets none.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.db import Row
from app.errors import NotFound
from app.tokens import Caller
from services.accounts.types import Acting, CitizenProfile, EnterpriseProfile, OnBehalfOf
from services.applications.archive import repository
from services.applications.archive.matching import fits, from_earlier, offer
from services.applications.archive.types import EarlierCase, FieldOffer, OfferKind, OfferSource, Prefill
from services.applications.archive.ways import MaterialWays
from services.applications.materials.owner import Owner
from services.applications.materials.sources import Sources
from services.applications.parts import Parts
from services.catalogue.types import Item

_LATEST_CASES = 20
_VERIFIED = "L2"
_LICENCE = "licence:"


class Archive:
    """Reads the archive of a person or an enterprise for one form."""

    def __init__(self, parts: Parts, sources: Sources, ways: MaterialWays) -> None:
        self._catalogue, self._people, self._vault = parts.catalogue, parts.people, parts.vault
        self._sources, self._ways = sources, ways

    async def prefill(self, caller: Caller, item_code: str, on_behalf_of: OnBehalfOf | None = None) -> Prefill:
        """Return what may fill the form of an open item, each value with its source.

        Raises: NotFound (item, role, mandate), Conflict `item_closed`, Forbidden (mandate).
        """
        item = await self._catalogue.open_item(item_code)
        acting = await self._people.acting(caller, on_behalf_of, item_code) if on_behalf_of else None
        owner = Owner.acting(caller, acting)
        profile = await self._people.profile(caller.citizen_id)
        is_own = acting is None or acting.agent_id is None
        shows_all = is_own and profile.real_name_level >= _VERIFIED
        offers: dict[str, FieldOffer] = {}
        if is_own:
            for each in await self._offers(item, owner, acting, profile if shows_all else None):
                if fits(item, each.field, each.value) and (shows_all or not each.is_sensitive):
                    offers.setdefault(each.field, each)
        return Prefill(
            item_code=item.record.item_code,
            item_version=item.record.version,
            fields=[offers[name] for name in item.fields if name in offers],
            materials=await self._ways.of(owner, item),
        )

    async def _offers(
        self, item: Item, owner: Owner, acting: Acting | None, profile: CitizenProfile | None
    ) -> list[FieldOffer]:
        """Return offers, the most trustworthy source first. `profile` None: nothing sensitive may be read."""
        found = list(_from_profile(item, profile)) if profile is not None else []
        if acting is not None and acting.enterprise_id is not None:
            found += _from_enterprise(item, await self._people.enterprise_profile(acting.enterprise_id))
        found += await self._from_licences(item, owner)
        rows = await repository.list_accepted(owner.citizen_id, owner.enterprise_id, _LATEST_CASES)
        # What another representative answered for the enterprise may tell of that person: the masked part of it only.
        whole = [profile is not None and row["citizen_id"] == owner.caller_id for row in rows]
        found_cases = [await self._case(row, is_whole) for row, is_whole in zip(rows, whole, strict=True)]
        cases = [case for case in found_cases if case is not None]
        return [*found, *from_earlier(item, cases)]

    async def _case(self, row: Row, is_whole: bool) -> EarlierCase | None:
        try:
            item = await self._catalogue.item(row["item_code"], row["item_version"])
        except NotFound:
            return None
        answers = self._vault.open(row) if is_whole else self._vault.shown(row)
        return EarlierCase(row["application_no"], item, row["accepted_at"], is_whole, answers)

    async def _from_licences(self, item: Item, owner: Owner) -> list[FieldOffer]:
        """Offer what stands on the owner's licences, for fields that ask for it (`licence:<type>:<word>`)."""
        offers = []
        for name, wanted in item.prefill.items():
            kind, _, word = wanted.removeprefix(_LICENCE).partition(":")
            if not wanted.startswith(_LICENCE) or name not in item.fields:
                continue
            for licence in (await self._sources.usable_of_type(owner, kind))[:1]:
                values = {
                    "licence_no": licence.licence_no,
                    "issuer_name": licence.issuer_name,
                    "issued_on": licence.issued_on.isoformat(),
                    "expires_on": licence.expires_on.isoformat() if licence.expires_on else None,
                }
                if values.get(word) is not None:
                    text = f"来自您的电子证照“{licence.type_name}”"
                    source = OfferSource(kind="licence", text=text, reference=licence.licence_no)
                    offers.append(offer(item, name, values[word], source))
        return offers


def _from_profile(item: Item, profile: CitizenProfile) -> Iterator[FieldOffer]:
    values = {"name": profile.name, "id_number": profile.id_number, "phone": profile.phone}
    for name, wanted in item.prefill.items():
        if name in item.fields and values.get(wanted):
            text = "来自您绑定的手机号" if wanted == "phone" else "来自您的实名认证信息"
            yield offer(item, name, values[wanted], _told("profile", text))


def _from_enterprise(item: Item, profile: EnterpriseProfile) -> Iterator[FieldOffer]:
    """Offer what is registered of an enterprise, by the word a field names or by the field's own name."""
    values = {
        "uscc": profile.uscc,
        "entity_name": profile.name,
        "enterprise_name": profile.name,
        "enterprise_address": profile.address,
        "legal_representative": profile.legal_representative,
        "enterprise_phone": profile.phone,
    }
    for name in item.fields:
        value = values.get(item.prefill.get(name, name))
        if value:
            yield offer(item, name, value, _told("enterprise", "来自企业登记信息"))


def _told(kind: OfferKind, text: str) -> OfferSource:
    return OfferSource(kind=kind, text=text)
