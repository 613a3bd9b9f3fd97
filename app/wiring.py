"""Puts the house together, visibly: every table of providers, reactions, jobs and sweeps stands here.

`build` is the only place that knows all rooms. No decorator registers anything, no module holds a client.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

import aiohttp
from redis.asyncio import Redis

from app import assembly, providers
from app.adapters import (
    PaymentAudit,
)
from app.broadcast import Broadcast
from app.consulting import consultations_room
from app.crypto import FieldCipher, parse_keys
from app.jobs import JobTable
from app.limits import RateLimits
from app.live import Announcements, LiveEvents
from app.notice_rooms import notice_rooms
from app.provider_health import ProviderHealth
from app.revocations import Revocations
from app.settings import Settings
from app.showcase import Showcase
from app.storage import FileStore
from app.tables import CITIZEN_EVENTS, job_table
from app.tokens import AccessTokens
from notify.campaigns.room import CampaignRoom
from notify.pushing.service import Pushing
from notify.service import NotifyService
from notify.templating.service import TemplateDesk
from payments.service import PaymentService
from services.accounts import repository as account_repository
from services.accounts.service import AccountsService
from services.applications import calendar_days
from services.applications.service import ApplicationService
from services.audiences.service import AudienceService
from services.catalogue.publishing.service import Publishing
from services.catalogue.service import CatalogueService
from services.consultations.service import ConsultationService
from services.delivery.service import DeliveryService
from services.exchange.service import ExchangeService
from services.licences.adapters.seal import SealAdapter
from services.licences.service import LicenceService
from services.operations.service import OperationsService
from services.ratings.service import RatingService
from services.staff.audit import AuditTrail
from services.staff.service import StaffService
from services.staff.types import StaffCaller


@dataclass(frozen=True)
class Container:
    """One object per room and what the doors share; made once per process."""

    settings: Settings
    session: aiohttp.ClientSession
    redis: Redis
    cipher: FieldCipher
    tokens: AccessTokens
    limits: RateLimits
    storage: FileStore
    broadcast: Broadcast
    live: LiveEvents
    announcements: Announcements
    revocations: Revocations
    clients: providers.Clients
    accounts: AccountsService
    catalogue: CatalogueService
    publishing: Publishing
    licences: LicenceService
    delivery: DeliveryService
    applications: ApplicationService
    staff: StaffService
    ratings: RatingService
    payments: PaymentService
    notify: NotifyService
    templates: TemplateDesk
    pushing: Pushing[StaffCaller]
    audiences: AudienceService
    campaigns: CampaignRoom
    exchange: ExchangeService
    health: ProviderHealth
    operations: OperationsService
    consultations: ConsultationService
    showcase: Showcase
    _background: list[asyncio.Task[None]] = field(default_factory=list)

    @cached_property
    def job_table(self) -> JobTable:
        """What follows from events, which function a job names, what runs when."""
        return job_table(self)

    async def open(self) -> None:
        """Start what runs beside the requests of an API process: broadcasts and revocations."""
        self._background.append(asyncio.create_task(self.broadcast.run()))
        self._background.append(asyncio.create_task(self.revocations.run()))
        self.watch_merchants()
        self.watch_calendar()
        self.watch_providers()
        self._background.append(asyncio.create_task(self.templates.comparison.watch()))
        await self.staff.open()

    def watch_merchants(self) -> None:
        """Start keeping the payment channels in step with the rows of merchant accounts; every process needs it."""
        self._background.append(asyncio.create_task(self.payments.merchants.watch()))

    def watch_calendar(self) -> None:
        """Start keeping the calendar in step with the published days; every process needs it."""
        self._background.append(asyncio.create_task(calendar_days.watch(self.applications.parts.calendar)))

    def watch_providers(self) -> None:
        """Start passing on how the calls to providers went; every process needs it."""
        self._background.append(asyncio.create_task(self.health.run(self.announcements.publish)))

    async def close(self) -> None:
        """Stop it all, in reverse."""
        for task in reversed(self._background):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.session.close()
        await self.redis.aclose()


async def build(settings: Settings) -> Container:
    """Make the house from its settings; asks nobody anything, so it works while a database is away."""
    session = aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=60)
    )
    redis = Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=1, max_connections=64)
    health = ProviderHealth(redis)
    clients = providers.make(settings, session, redis, health)
    hash_key = next(iter(parse_keys(settings.hash_key).values()))
    cipher = FieldCipher(parse_keys(settings.field_keys), hash_key, settings.cipher)
    tokens, limits, broadcast = AccessTokens(parse_keys(settings.token_keys)), RateLimits(redis), Broadcast(redis)
    storage, live, announcements = FileStore(settings.storage_url), LiveEvents(broadcast), Announcements(broadcast)
    revocations = Revocations(tokens, broadcast, account_repository.recent_revocations)
    accounts = assembly.accounts_room(settings, clients, tokens, cipher, limits, revocations)
    audit = AuditTrail(hash_key)
    catalogue = CatalogueService()
    seals = SealAdapter(clients.seal) if clients.seal else None
    licences = assembly.licences_room(settings, clients, accounts, cipher, storage, seals)
    payments = assembly.payments_room(settings, clients, accounts, PaymentAudit(audit))
    tools = (health, cipher, audit, storage, announcements.publish)
    delivery = assembly.delivery_room(settings, clients, *tools, payments, accounts)
    neighbours = (catalogue, accounts, licences, delivery, payments)
    applications = assembly.applications_room(settings, *neighbours, audit, cipher, storage, seals)
    people = (accounts, applications, audit, live, announcements, CITIZEN_EVENTS)
    told = notice_rooms(settings, clients, redis, limits, cipher, hash_key, *people)
    return Container(
        settings=settings,
        session=session,
        redis=redis,
        cipher=cipher,
        tokens=tokens,
        limits=limits,
        storage=storage,
        broadcast=broadcast,
        live=live,
        announcements=announcements,
        revocations=revocations,
        clients=clients,
        accounts=accounts,
        catalogue=catalogue,
        publishing=Publishing(audit),
        licences=licences,
        delivery=delivery,
        applications=applications,
        staff=assembly.staff_room(settings, cipher, limits, broadcast, audit),
        ratings=assembly.ratings_room(settings, accounts, applications, audit, cipher),
        payments=payments,
        notify=told.notify,
        templates=told.templates,
        pushing=told.pushing,
        audiences=told.audiences,
        campaigns=told.campaigns,
        exchange=assembly.exchange_room(settings, session, applications, accounts, catalogue, audit, cipher, health),
        health=health,
        operations=OperationsService(health, audit, announcements.publish),
        consultations=consultations_room(settings, clients, accounts, catalogue, applications, audit, cipher, limits),
        showcase=Showcase(settings, session),
    )
