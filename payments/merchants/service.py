"""The sub-door of merchant accounts: keeping the channels in step, platform certificates, and what operators do.

The payments door and wiring hold it; the command line calls the operators' part. It knows no vendor and no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.errors import CallbackRejected, Conflict, NotFound
from app.jobs import JobFunction, Sweep
from payments.merchants import intake, repository, sweeps
from payments.merchants.certificates import Certificates
from payments.merchants.intake import FaultyImport, Planned
from payments.merchants.ports import ChannelFactory, UnusableMerchant, Witness
from payments.merchants.records import Merchant, PlatformKey, StoredKey
from payments.merchants.registry import Assembly, Registry, assemble
from payments.ports import ChannelTable

_UNKNOWN_SIGNER = ("unknown_serial", "expired_certificate")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with an account; `usable` tells whether it works all the same."""

    code: str
    text: str
    usable: bool


class MerchantService:
    """Use cases of merchant accounts.

    Args:
        channels: the table to keep in step; it holds the settings' accounts.
        factory: makes channels of rows; None leaves the table as it is.
    """

    def __init__(self, channels: ChannelTable, factory: ChannelFactory | None) -> None:
        self._factory = factory
        self._registry = None if factory is None else Registry(channels, factory)
        self._certificates = None if self._registry is None else Certificates(self._registry)

    @property
    def present(self) -> Assembly:
        """What the stored accounts are in this process at this moment."""
        return Assembly() if self._registry is None else self._registry.present

    async def watch(self) -> None:
        """Keep the channels in step with the rows until cancelled; outlives a database that is away."""
        if self._registry is not None and self._certificates is not None:
            await self._registry.run(self._certificates.ask_missing)

    async def reload(self) -> bool:
        """Take over what was changed, once; for commands that use the channels. Raises what a lost database does."""
        return self._registry is not None and await self._registry.reload()

    async def look_again(self, *, patient: bool) -> bool:
        """Look for an account that was missing, at most once a second; tell whether anything has come.

        Args:
            patient: wait for that second to pass; for people who are signed in, not for whoever knocks.
        """
        return self._registry is not None and await self._registry.look_again(patient=patient)

    async def heed(self, refusal: CallbackRejected, channel: str, address: str) -> None:
        """Have certificates fetched by a job when a callback was signed by one that we do not hold. Never raises."""
        if self._certificates is not None and refusal.details.get("reason") in _UNKNOWN_SIGNER:
            await self._certificates.ask((channel, address))

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload, for wiring's job table."""
        return {} if self._certificates is None else self._certificates.jobs()

    def sweeps(self) -> Mapping[str, tuple[str, Sweep]]:
        """Return sweep name → (cron expression, coroutine) for wiring."""
        return {} if self._certificates is None else sweeps.table(self._certificates)

    async def all(self) -> Sequence[Merchant]:
        """Return all accounts by code."""
        return await repository.list_merchants()

    async def check(self) -> list[Finding]:
        """Try to make the channel of every account, with its keys; return what is wrong."""
        return self._findings(await repository.list_merchants())

    async def plan(self, wanted: Sequence[Merchant]) -> tuple[list[Planned], list[Finding]]:
        """Return what importing these accounts would change, and what would be wrong with them. Changes nothing.

        Raises: FaultyImport.
        """
        checked = [self._with_ends(merchant) for merchant in wanted]
        present = {merchant.account.code: merchant for merchant in await repository.list_merchants()}
        planned = intake.plan(checked, present)
        after = present | {each.merchant.account.code: _joined(each.merchant, present) for each in planned}
        codes = {each.merchant.account.code for each in planned}
        return planned, [finding for finding in self._findings([*after.values()]) if finding.code in codes]

    async def import_merchants(self, planned: Sequence[Planned], witness: Witness) -> None:
        """Write what `plan` returned. Idempotent: yes, by code; what is unchanged is left alone."""
        changed = [(each.merchant, each.changes) for each in planned if each.changes]
        await repository.record_merchants(changed, witness)

    async def add_key(self, code: str, key: PlatformKey, witness: Witness) -> None:
        """Believe a further key; the present ones stay. Takes effect everywhere within seconds.

        Raises: NotFound, UnusableMerchant (the key cannot be read), Conflict (this id stands for another key).
        Idempotent: yes, by key id.
        """
        merchant = await self._get(code)
        checked = key if self._factory is None else self._factory.check_key(merchant.account.channel, key)
        known = next((stored.key for stored in merchant.keys if stored.key.key_id == key.key_id), None)
        if known is not None and known.pem.split() != checked.pem.split():
            raise Conflict(f"公钥 {key.key_id} 已存在且内容不同", code="key_differs")
        await repository.record_key(merchant, checked, witness)

    async def retire_key(self, code: str, key_id: str, witness: Witness) -> None:
        """Stop believing a key, at every account of the same address. Raises: NotFound. Idempotent: yes.

        Raises: Conflict `last_key` when callbacks could not be verified any more.
        """
        merchant = await self._get(code)
        address = [m for m in await repository.list_merchants() if m.address == merchant.address]
        held = {stored.key.key_id for each in address for stored in each.keys}
        left = {key.key_id for each in address for key in each.active_keys} - {key_id}
        if key_id not in held:
            raise NotFound("该账户没有这个公钥", code="key_unknown")
        if not left and not any(each.key_reference == "settings" for each in address):
            raise Conflict("这是最后一个有效公钥，请先加入新的", code="last_key")
        await repository.record_retired(code, key_id, witness)

    async def set_enabled(self, code: str, enabled: bool, witness: Witness) -> bool:
        """Let an account take new orders or not; those it has are followed either way. Raises: NotFound."""
        await self._get(code)
        return await repository.record_enabled(code, enabled, witness)

    async def _get(self, code: str) -> Merchant:
        for merchant in await repository.list_merchants():
            if merchant.account.code == code:
                return merchant
        raise NotFound("没有这个商户账户", code="account_unknown")

    def _with_ends(self, merchant: Merchant) -> Merchant:
        """Give every certificate its own end. Raises: FaultyImport for a key that cannot be read."""
        if self._factory is None:
            return merchant
        try:
            keys = [self._factory.check_key(merchant.account.channel, key) for key in merchant.active_keys]
        except UnusableMerchant as refusal:
            raise FaultyImport([f"{merchant.account.code}：{refusal}"]) from None
        return replace(merchant, keys=tuple(StoredKey(key=key, active=True) for key in keys))

    def _findings(self, merchants: Sequence[Merchant]) -> list[Finding]:
        if self._factory is None:
            return []
        made = assemble(self._factory, merchants)
        found = [Finding(code, reason, usable=False) for code, reason in made.unusable.items()]
        return found + [
            Finding(code, fault, usable=True) for code, channel in made.made.items() for fault in channel.faults
        ]


def _joined(merchant: Merchant, present: Mapping[str, Merchant]) -> Merchant:
    """Return an imported account with the keys that it holds already: importing takes none away."""
    stored = present.get(merchant.account.code)
    if stored is None:
        return merchant
    own = {each.key.key_id for each in stored.keys}
    return replace(merchant, keys=(*stored.keys, *(each for each in merchant.keys if each.key.key_id not in own)))
