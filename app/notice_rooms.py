"""Makes the rooms that tell people: notices, their templates, direct and mass pushes. Called by wiring only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from redis.asyncio import Redis

from app import providers
from app.adapters import (
    AccountRecipients,
    NoticeAudit,
    PushedCases,
    TrialPhones,
)
from app.campaign_parts import campaigns_room
from app.crypto import FieldCipher
from app.limits import RateLimits
from app.live import Announcements, LiveEvents
from app.pacing import Pacing
from app.settings import Settings
from clients.sms.aliyun import AliyunSms
from notify.campaigns.room import CampaignRoom
from notify.channels.alipay import AlipayNoticeChannel
from notify.channels.sms import (
    AliyunReceiptDoor,
    AliyunSender,
    SmsNoticeChannel,
    TencentReceiptDoor,
    TencentSender,
)
from notify.channels.wechat import WeChatNoticeChannel
from notify.channels.wechat_push import WeChatPushDoor
from notify.channels.wechat_templates import WeChatTemplates
from notify.delivering.allowances import Allowances, Rates
from notify.ports import NoticeTable
from notify.pushing.ports import Live
from notify.pushing.service import Pushing
from notify.service import NotifyService
from notify.templating.comparing import Comparison
from notify.templating.service import TemplateDesk
from notify.types import Channel as NoticeName
from services.accounts.places import DivisionTable
from services.accounts.service import AccountsService
from services.applications.service import ApplicationService
from services.audiences.service import AudienceService
from services.staff.audit import AuditTrail
from services.staff.types import StaffCaller


@dataclass(frozen=True, slots=True)
class NoticeRooms:
    """One object per room."""

    notify: NotifyService
    templates: TemplateDesk
    pushing: Pushing[StaffCaller]
    audiences: AudienceService
    campaigns: CampaignRoom


def notice_rooms(
    settings: Settings,
    clients: providers.Clients,
    redis: Redis,
    limits: RateLimits,
    cipher: FieldCipher,
    secret: bytes,
    accounts: AccountsService,
    applications: ApplicationService,
    audit: AuditTrail,
    live: LiveEvents,
    announcements: Announcements,
    events: Collection[str],
) -> NoticeRooms:
    """Make them in the order in which they need each other."""
    channels, announce = notice_table(settings, clients, cipher), announcements.publish
    allowances = _allowances(settings, redis, limits, secret)
    notify = NotifyService(channels, AccountRecipients(accounts), allowances, live.publish)
    templates = _template_desk(settings, clients, notify, accounts, audit, announce, events)
    audiences = AudienceService(cipher, audit, DivisionTable())
    return NoticeRooms(
        notify=notify,
        templates=templates,
        pushing=_pushing(notify, templates, applications, audit, announce, live.publish),
        audiences=audiences,
        campaigns=campaigns_room(settings, channels, notify, Pacing(redis), audiences, audit, announcements),
    )


def _template_desk(
    settings: Settings,
    clients: providers.Clients,
    notify: NotifyService,
    accounts: AccountsService,
    audit: AuditTrail,
    announce: Callable[[str], Awaitable[None]],
    events: Collection[str],
) -> TemplateDesk:
    return TemplateDesk(
        notify.shelf,
        notify.table,
        audit=NoticeAudit(audit),
        testers=TrialPhones(accounts, settings.notice_test_phone_list),
        announce=announce,
        comparison=Comparison(notify.shelf, WeChatTemplates(clients.mini_program)),
        events=events,
        sign=settings.sms_sign_name,
    )


def _pushing(
    notify: NotifyService,
    templates: TemplateDesk,
    applications: ApplicationService,
    audit: AuditTrail,
    announce: Callable[[str], Awaitable[None]],
    live: Live,
) -> Pushing[StaffCaller]:
    return Pushing(notify.shelf, templates, PushedCases(applications), NoticeAudit(audit), announce, live)


def _allowances(settings: Settings, redis: Redis, limits: RateLimits, secret: bytes) -> Allowances:
    per_second: dict[str, int] = {
        NoticeName.WECHAT: settings.notice_rate_wechat,
        NoticeName.ALIPAY: settings.notice_rate_alipay,
        NoticeName.SMS: settings.notice_rate_sms,
    }
    return Allowances(Pacing(redis), limits, Rates(per_second, settings.notice_sms_per_day), secret)


def notice_table(settings: Settings, clients: providers.Clients, cipher: FieldCipher) -> NoticeTable:
    sms = clients.sms
    sender = (
        AliyunSender(sms, settings.sms_sign_name)
        if isinstance(sms, AliyunSms)
        else TencentSender(sms, settings.sms_sign_name)
    )
    return NoticeTable(
        channels={
            (NoticeName.WECHAT, settings.wechat_app_id): WeChatNoticeChannel(clients.mini_program),
            (NoticeName.ALIPAY, settings.alipay_app_id): AlipayNoticeChannel(clients.alipay),
            (NoticeName.SMS, ""): SmsNoticeChannel(sender),
        },
        push_doors={settings.wechat_app_id: WeChatPushDoor(clients.message_push, cipher)},
        receipt_doors={
            "aliyun": AliyunReceiptDoor(settings.sms_push_token),
            "tencent": TencentReceiptDoor(settings.sms_push_token),
        },
    )
