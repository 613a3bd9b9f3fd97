"""Ports of rooms fulfilled by other rooms: those that may not know each other meet here."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, time

from app.db import Transaction
from app.tokens import Caller
from notify.preferences import Preferences, TopicWish
from notify.pushing.types import PushedCase
from notify.templating.types import TemplateAct
from notify.types import ContactIdentity, Contacts, KnownIdentity
from payments.types import AuditedAct, Payer
from services.accounts.service import AccountsService
from services.accounts.types import Level, PersonContacts, PlatformIdentity
from services.accounts.types import Preferences as AccountPreferences
from services.applications.documents.ports import Sealed as SealedDocument
from services.applications.service import ApplicationService
from services.licences.ports import SealAuthority
from services.ratings.types import RatedSubject, RaterContact
from services.staff.audit import AuditTrail
from services.staff.types import UNMASKING, Act, StaffCaller


class AccountPayers:
    """Names people at the payment channels (port payments.ports.Payers)."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def payer(self, citizen_id: uuid.UUID, identity_id: uuid.UUID, channel: str) -> Payer | None:
        """Prefer the signed-in identity; else the person's newest one at this channel."""
        listed = [found for found in await self._accounts.identities(citizen_id) if found.provider == channel]
        signed_in = [found for found in listed if found.identity_id == identity_id]
        chosen: PlatformIdentity | None = next(iter(signed_in + listed), None)
        return None if chosen is None else Payer(chosen.app_id, chosen.subject)


class PaymentAudit:
    """Writes acts on money into the audit trail of staff (port payments.ports.Audit)."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    async def record(self, act: AuditedAct, tx: Transaction) -> None:
        """Append an act in the transaction of the act itself."""
        trace = Act(act.actor, act.action, act.object_kind, act.object_no, act.details, act.address)
        await self._trail.record(trace, tx)


class AccountRecipients:
    """Knows how people can be reached (port notify.ports.Recipients)."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def contacts_of(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Contacts]:
        """Return the identities, phones and wishes of people; nothing to reach them by for those who have gone."""
        found = await self._accounts.contacts_of(citizen_ids)
        # Those who wish the same share one object.
        said = {id(person.preferences): person.preferences for person in found.values()}
        heeded = {key: wishes(preferences) for key, preferences in said.items()}
        known = {asked: _contacts(person, heeded[id(person.preferences)]) for asked, person in found.items()}
        nobody = Contacts((), "")
        return {asked: known.get(asked, nobody) for asked in citizen_ids}

    async def find(self, provider: str, app_id: str, subject: str) -> KnownIdentity | None:
        """Return who a platform means by its name for somebody."""
        found = await self._accounts.known_identity(provider, app_id, subject)
        return None if found is None else KnownIdentity(found.identity_id, found.citizen_id)


def _contacts(person: PersonContacts, heeded: Preferences) -> Contacts:
    return Contacts(
        tuple(ContactIdentity(one.identity_id, one.provider, one.app_id, one.subject) for one in person.identities),
        person.phone,
        heeded,
    )


def wishes(stored: AccountPreferences) -> Preferences:
    """Turn preferences as people give them into what delivery heeds."""
    return Preferences(
        elder_mode=stored.elder_mode,
        subscribe_messages=stored.subscribe_messages,
        sms=stored.sms,
        topics={
            topic: TopicWish(subscribe_messages=wish.subscribe_messages, sms=wish.sms)
            for topic, wish in stored.topics.items()
        },
        quiet=stored.quiet,
        quiet_from=time.fromisoformat(stored.quiet_from),
        quiet_until=time.fromisoformat(stored.quiet_until),
        language=stored.language,
    )


class NoticeAudit:
    """Writes acts on templates and direct pushes into the audit trail (port notify.templating.ports.Audit)."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    async def record(self, act: TemplateAct, tx: Transaction) -> None:
        """Append an act in the transaction of the act itself."""
        trace = Act(act.actor, act.action, act.object_kind, act.object_no, act.details, act.address)
        await self._trail.record(trace, tx)


class TrialPhones:
    """Knows who gets test messages (port notify.templating.ports.Testers)."""

    def __init__(self, accounts: AccountsService, phones: Sequence[str]) -> None:
        self._accounts = accounts
        self._phones = phones

    async def ids(self) -> Sequence[uuid.UUID]:
        """Find the accounts that have bound one of the phones."""
        found = [await self._accounts.find_citizens(phone=phone) for phone in self._phones]
        return [citizen_id for ids in found for citizen_id in ids]


class PushedCases:
    """Knows the cases that staff may push to (port notify.pushing.ports.Cases)."""

    def __init__(self, applications: ApplicationService) -> None:
        self._applications = applications

    async def case(self, staff: StaffCaller, subject_no: str) -> PushedCase:
        """Return a case within the scope of somebody who works on cases. Raises: Forbidden, NotFound."""
        staff.require_role(*UNMASKING)
        told = await self._applications.desk.told_person(staff, subject_no)
        return PushedCase(told.application_no, told.item_name, told.citizen_id)


class RatedCases:
    """Knows the cases that may be rated, and the working days (ports services.ratings.ports.Subjects, WorkingDays)."""

    def __init__(self, applications: ApplicationService) -> None:
        self._applications = applications

    async def ended(self, caller: Caller, subject_no: str) -> RatedSubject:
        """Return an own case or package that has ended."""
        return RatedSubject(**asdict(await self._applications.rateable.ended(caller, subject_no)))

    async def note_rated(self, subject_no: str) -> None:
        """Take it off the list of those that wait."""
        await self._applications.rateable.note_rated(subject_no)

    def after(self, start: date, count: int) -> date:
        """Count working days."""
        return self._applications.parts.calendar.add_working_days(start, count).on


class AccountRaters:
    """Knows how a rater is reached (port services.ratings.ports.Raters)."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def contact(self, citizen_id: uuid.UUID) -> RaterContact:
        """Return name and phone in plain text."""
        profile = await self._accounts.profile(citizen_id)
        return RaterContact(name=profile.name, phone=profile.phone)


class LicenceHolders:
    """Says who may show what (port services.licences.ports.Holders)."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def require_level(self, caller: Caller, least: Level) -> None:
        """Refuse callers below a real-name level. Raises: Forbidden."""
        await self._accounts.require_level(caller, least)

    async def enterprises_of(self, citizen_id: uuid.UUID) -> Collection[uuid.UUID]:
        """Name the enterprises that somebody represents today."""
        return await self._accounts.enterprises.represented_ids(citizen_id)

    async def enterprise(self, enterprise_id: uuid.UUID) -> tuple[str, str]:
        """Return name and credit code of an enterprise. Raises: NotFound."""
        profile = await self._accounts.enterprises.profile(enterprise_id)
        return profile.name, profile.uscc


class DocumentSealing:
    """Seals written documents of cases (port services.applications.documents.ports.Seal).

    The authority's word stands as a comment line behind the end of the PDF, so that the file proves itself: the seal is
    on everything before that line.
    """

    def __init__(self, authority: SealAuthority) -> None:
        self._authority = authority

    async def seal(self, pdf: bytes, document_no: str, issuer_code: str) -> SealedDocument:
        """Put the seal of a body on a document. Idempotent: yes, by number and content."""
        # Numbers of documents have Chinese signs; one that had to be drawn otherwise is another sealing.
        reference = hashlib.sha256(document_no.encode() + b"\n" + pdf).hexdigest()[:40]
        sealed = await self._authority.seal(pdf, reference, issuer_code)
        return SealedDocument(sealed.pdf + b"\n%SJT-SEAL " + sealed.evidence.encode() + b"\n", sealed.seal_no)
