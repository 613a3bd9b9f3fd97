"""What the accounts room does when something happened: one short idempotent function a domain event.

Wiring lists them; they call own use cases only.
"""

from __future__ import annotations

import uuid

from app.events import DomainEvent
from services.accounts.service import AccountsService


async def take_over(accounts: AccountsService, event: DomainEvent) -> None:
    """On `citizen.merged`: roles and mandates follow the person."""
    await accounts.representation.take_over(
        uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
    )


async def withdraw_consent(accounts: AccountsService, event: DomainEvent) -> None:
    """On `platform.user_auth_cancelled`: the person is signed out there and gets no more messages."""
    facts = event.facts
    await accounts.withdraw_consent(facts["provider"], facts["app_id"], facts["subject"], event.occurred_at)


async def announce_merge(accounts: AccountsService, event: DomainEvent) -> None:
    """On `citizen.merged`: tell every process again, in case the one that merged died before it could."""
    await accounts.announce_merge(uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"]))
