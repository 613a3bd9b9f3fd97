"""Platform certificates (平台证书) of accounts in that mode: fetched by jobs, kept as key rows, watched for their end.

Never inside a callback: one signed by an unknown certificate is refused, and a job fetches what may be new.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import asyncpg
import structlog

from app import clock, db, metrics
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from app.jobs import JobFunction
from payments.merchants import repository
from payments.merchants.records import FETCH_CERTIFICATES, Address, Merchant
from payments.merchants.registry import Registry

_ALARM = timedelta(days=10)
_BETWEEN_SECONDS = 60.0
log = structlog.get_logger()


class Certificates:
    """Fetches and watches certificates; safe to run in several processes at once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._asked_at: dict[str, float] = {}

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload."""

        async def fetch(payload: dict[str, str]) -> None:
            await self.fetch(payload["code"])

        return {FETCH_CERTIFICATES: fetch}

    async def refresh_certificates(self) -> None:
        """Fetch the platform certificates of every account in that mode, and watch the end of the newest."""
        await self._registry.reload()
        for merchant in self._fetching():
            try:
                await self.fetch(merchant.account.code)
            except (ProviderUnavailable, ProviderRejected, ProviderProtocolError) as error:
                log.warning("certificates_not_fetched", account=merchant.account.code, code=error.stable_code)
        self.watch()

    async def fetch(self, code: str) -> None:
        """Fetch the certificates of one account and keep the new ones; all unexpired ones stay believed.

        Raises: ProviderUnavailable, ProviderProtocolError. Idempotent: yes, by serial number.
        """
        await self._registry.reload()
        merchant, made = self._registry.present.merchants.get(code), self._registry.present.made.get(code)
        if merchant is None or made is None or made.certificates is None:
            log.warning("certificates_not_fetched", account=code, reason="no_such_account")
            return
        try:
            found = await made.certificates.fetch_certificates()
        except ProviderRejected as error:
            if error.retryable:
                raise
            log.error("certificates_refused", account=code, provider_code=error.provider_code)
            return
        new = await repository.record_certificates(merchant.id, found)
        await self._registry.reload()
        log.info("certificates_fetched", account=code, found=len(found), new=new)

    async def ask(self, address: Address) -> None:
        """Have a job fetch what may be new at an address, at most once a minute from here. Never raises for a database
        that is away: the sender comes again."""
        merchant = next((each for each in self._fetching() if each.address == address), None)
        if merchant is not None:
            await self._request(merchant.account.code)

    async def ask_missing(self) -> None:
        """Have jobs fetch for the accounts in certificate mode that hold no key yet."""
        moment = clock.now()
        for merchant in self._fetching():
            end = _newest_end(merchant)
            if end is None or end <= moment:
                await self._request(merchant.account.code)

    def watch(self) -> None:
        """Show for how many days the newest certificate of each account is good."""
        for merchant in self._fetching():
            left = (_newest_end(merchant) or clock.now()) - clock.now()
            metrics.CERTIFICATE_DAYS_LEFT.labels(merchant.account.code).set(left / timedelta(days=1))
            if left < _ALARM:
                log.error("certificate_expiring", account=merchant.account.code, days_left=left.days)

    def _fetching(self) -> list[Merchant]:
        """One account for each address: those that share it share their certificates."""
        present = self._registry.present
        found = [m for code, m in present.merchants.items() if m.fetches_certificates and code in present.made]
        return list({merchant.address: merchant for merchant in reversed(found)}.values())

    async def _request(self, code: str) -> None:
        if clock.monotonic() - self._asked_at.get(code, float("-inf")) < _BETWEEN_SECONDS:
            return
        self._asked_at[code] = clock.monotonic()
        with suppress(*db.AWAY, asyncpg.PostgresError):
            await repository.request_certificates(code)


def _newest_end(merchant: Merchant) -> datetime | None:
    return max((key.expires_at for key in merchant.active_keys if key.expires_at is not None), default=None)
