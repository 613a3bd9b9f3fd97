"""Makes each room from the settings, the clients and the other rooms that it needs. Called by wiring only."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import aiohttp
import msgspec

from app import providers
from app.adapters import (
    AccountPayers,
    AccountRaters,
    DocumentSealing,
    LicenceHolders,
    PaymentAudit,
    RatedCases,
)
from app.broadcast import Broadcast
from app.crypto import FieldCipher
from app.delivery_parts import AccountHolders, CasePostage, courier_table
from app.limits import RateLimits
from app.provider_health import ProviderHealth
from app.revocations import Revocations
from app.settings import Settings
from app.storage import FileStore
from app.tokens import AccessTokens
from clients.clamav.client import ClamAv
from clients.departments.client import DepartmentClient
from payments import accounts as payment_accounts
from payments.channels.alipay import AlipayPaymentChannel
from payments.channels.alipay_gateway import AlipayPlatformGateway
from payments.channels.fiscal import FiscalAdapter
from payments.channels.making import ChannelMaker, WeChatParts
from payments.channels.secret_files import SecretFiles
from payments.channels.wechat import WeChatPaymentChannel
from payments.fiscal.ports import FiscalPlatform
from payments.ports import ChannelTable
from payments.service import PaymentService
from payments.types import Channel
from services.accounts.identity.alipay import AlipayIdentityProvider
from services.accounts.identity.register import RegisterAdapter
from services.accounts.identity.wechat import WeChatIdentityProvider
from services.accounts.places import DivisionTable
from services.accounts.ports import IdentityProvider
from services.accounts.service import AccountsService
from services.accounts.types import AuthorityRules
from services.applications.clock import Calendar
from services.applications.drafts.types import DraftTerms
from services.applications.files.adapters.clamav import ClamAvScan
from services.applications.service import ApplicationService
from services.catalogue.service import CatalogueService
from services.delivery.ports import Announce
from services.delivery.service import DeliveryService
from services.exchange.service import ExchangeService
from services.licences.adapters.ofd import OfdAdapter
from services.licences.adapters.seal import SealAdapter
from services.licences.service import LicenceService
from services.ratings.service import RatingService
from services.ratings.types import Days
from services.staff.audit import AuditTrail
from services.staff.service import StaffService
from services.staff.types import Terms

_DATA = Path(__file__).parent.parent / "data"


def applications_room(
    settings: Settings,
    catalogue: CatalogueService,
    accounts: AccountsService,
    licences: LicenceService,
    delivery: DeliveryService,
    payments: PaymentService,
    audit: AuditTrail,
    cipher: FieldCipher,
    storage: FileStore,
    seals: SealAdapter | None,
) -> ApplicationService:
    return ApplicationService(
        catalogue=catalogue,
        people=accounts,
        licences=licences,
        delivery=delivery,
        payments=payments,
        audit=audit,
        cipher=cipher,
        storage=storage,
        scan=ClamAvScan(ClamAv(settings.clamav_address)) if settings.clamav_address else None,
        upload_limit_bytes=settings.upload_limit_bytes,
        terms=DraftTerms(
            kept_days=settings.draft_days, later_days=settings.later_days, reuse_days=settings.material_days
        ),
        seal=DocumentSealing(seals) if seals else None,
        calendar=Calendar(yellow_percent=settings.card_yellow_percent, yellow_days=settings.card_yellow_days),
    )


def exchange_room(
    settings: Settings,
    session: aiohttp.ClientSession,
    applications: ApplicationService,
    accounts: AccountsService,
    catalogue: CatalogueService,
    audit: AuditTrail,
    cipher: FieldCipher,
    health: ProviderHealth,
) -> ExchangeService:
    return ExchangeService(
        applications=applications,
        people=accounts,
        departments=catalogue,
        audit=audit,
        cipher=cipher,
        sender=DepartmentClient(session, observer=health.observe),
        loopback_events=settings.is_demo,
    )


def accounts_room(
    settings: Settings,
    clients: providers.Clients,
    tokens: AccessTokens,
    cipher: FieldCipher,
    limits: RateLimits,
    revocations: Revocations,
) -> AccountsService:
    identity_providers: dict[str, IdentityProvider] = {
        "WECHAT": WeChatIdentityProvider(clients.mini_program, settings.wechat_app_id),
        "ALIPAY": AlipayIdentityProvider(clients.alipay, f"{settings.base_url}/"),
    }
    return AccountsService(
        tokens=tokens,
        cipher=cipher,
        limits=limits,
        revocations=revocations,
        places=DivisionTable(),
        providers=identity_providers,
        login_rate=settings.login_rate,
        register=RegisterAdapter(clients.register) if clients.register is not None else None,
        authority=AuthorityRules(
            level="L3" if settings.representation_level == "L3" else "L2",
            mandate_days=settings.mandate_days,
            proof_days=settings.representative_days,
        ),
        tags=people_tags(),
    )


def people_tags() -> tuple[str, ...]:
    """Read the words that may be said of people (人群标签), in the file's order."""
    return msgspec.json.decode((_DATA / "tags.json").read_bytes(), type=tuple[str, ...])


def staff_room(
    settings: Settings, cipher: FieldCipher, limits: RateLimits, broadcast: Broadcast, audit: AuditTrail
) -> StaffService:
    return StaffService(
        cipher=cipher,
        limits=limits,
        broadcast=broadcast,
        audit=audit,
        login_rate=settings.staff_login_rate,
        terms=Terms(
            idle=timedelta(minutes=settings.staff_idle_minutes),
            lifetime=timedelta(hours=settings.staff_session_hours),
            password_days=settings.staff_password_days,
        ),
    )


def ratings_room(
    settings: Settings,
    accounts: AccountsService,
    applications: ApplicationService,
    audit: AuditTrail,
    cipher: FieldCipher,
) -> RatingService:
    cases = RatedCases(applications)
    days = Days(
        contact=settings.rating_contact_days,
        correct=settings.rating_correct_days,
        correct_complex=settings.rating_complex_days,
        rate=settings.rating_days,
        supplement=settings.rating_supplement_days,
    )
    return RatingService(cases, AccountRaters(accounts), cases, audit, cipher, days)


def delivery_room(
    settings: Settings,
    clients: providers.Clients,
    health: ProviderHealth,
    cipher: FieldCipher,
    audit: AuditTrail,
    storage: FileStore,
    announce: Announce,
    payments: PaymentService,
    accounts: AccountsService,
) -> DeliveryService:
    """Make the delivery room with the couriers of this installation."""
    return DeliveryService(
        courier_table(settings, clients, health),
        cipher,
        audit,
        storage,
        announce=announce,
        postage=CasePostage(payments),
        holders=AccountHolders(accounts),
    )


def licences_room(
    settings: Settings,
    clients: providers.Clients,
    accounts: AccountsService,
    cipher: FieldCipher,
    storage: FileStore,
    seals: SealAdapter | None,
) -> LicenceService:
    return LicenceService(
        cipher,
        storage,
        seals=seals,
        ofd=OfdAdapter(clients.ofd) if clients.ofd else None,
        holders=LicenceHolders(accounts),
        presentation_seconds=settings.presentation_seconds,
        show_level="L3" if settings.licence_show_level == "L3" else "L2",
    )


def payments_room(
    settings: Settings, clients: providers.Clients, accounts: AccountsService, audit: PaymentAudit
) -> PaymentService:
    return PaymentService(
        _payment_channels(settings, clients),
        AccountPayers(accounts),
        audit=audit,
        fiscal=_fiscal_platform(settings, clients),
        factory=_channel_maker(settings, clients),
        expiry_seconds=settings.payment_expiry_seconds,
        first_question_seconds=settings.payment_sweep_seconds,
        bill_folder=settings.var / "reconciliation",
        refund_approval_fen=settings.refund_approval_fen,
    )


def _fiscal_platform(settings: Settings, clients: providers.Clients) -> FiscalPlatform:
    return FiscalAdapter(clients.fiscal, settings.fiscal_paid_status)


def _channel_maker(settings: Settings, clients: providers.Clients) -> ChannelMaker:
    return ChannelMaker(
        SecretFiles(settings.merchant_secrets_folder),
        f"{settings.base_url}/callbacks",
        WeChatParts(clients.wechat_pay_merchant, clients.wechat_pay_keys, clients.wechat_pay_transport),
        clients.alipay,
    )


def _payment_channels(settings: Settings, clients: providers.Clients) -> ChannelTable:
    callbacks = f"{settings.base_url}/callbacks"
    merchant = clients.wechat_pay_merchant
    wechat = WeChatPaymentChannel(
        clients.wechat_pay, merchant, clients.wechat_pay_keys, f"{callbacks}/wechat-pay/{merchant.mch_id}"
    )
    alipay = AlipayPaymentChannel(clients.alipay, f"{callbacks}/alipay/{settings.alipay_app_id}")
    return ChannelTable(
        by_account={payment_accounts.WECHAT_DEFAULT: wechat, payment_accounts.ALIPAY_DEFAULT: alipay},
        by_address={
            (Channel.WECHAT, merchant.mch_id): wechat,
            (Channel.ALIPAY, settings.alipay_app_id): alipay,
        },
        gateways={settings.alipay_app_id: AlipayPlatformGateway(clients.alipay.app)},
    )
