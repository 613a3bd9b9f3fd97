"""The tables of the house: what follows from an event, which function a job names, what runs when.

Read by wiring only. No decorator registers anything; what is not listed here does not happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from app import upkeep
from app.announcing import OTHER_EVENTS, Announcing
from app.jobs import JobFunction, JobTable, Reaction, Sweep
from app.provider_health import forget_minutes
from notify.reactions import NoticeReactions
from notify.sweeps import NoticeSweeps
from payments.reactions import Reactions as PaymentReactions
from payments.reconciliation import sweeps as reconciliation_sweeps
from services.accounts import reactions as account_reactions
from services.accounts.sweeps import fill_homes, tidy_accounts
from services.applications import sweeps as application_sweeps
from services.applications.assistance.reactions import AssistanceReactions
from services.applications.drafts import sweeps as draft_sweeps
from services.applications.instant.reactions import InstantReactions
from services.applications.materials import sweeps as material_sweeps
from services.applications.materials.reactions import MaterialReactions
from services.applications.packages import sweeps as package_sweeps
from services.applications.packages.reactions import PackageReactions
from services.applications.paper.reactions import PaperReactions
from services.applications.reactions import ApplicationReactions
from services.applications.remedies.reactions import RemedyReactions
from services.applications.routing.reactions import RoutingReactions
from services.catalogue import sweeps as catalogue_sweeps
from services.catalogue.publishing import sweeps as publishing_sweeps
from services.consultations.reactions import ConsultationReactions
from services.delivery.collecting import sweeps as collecting_sweeps
from services.delivery.mailing import sweeps as mailing_sweeps
from services.delivery.reactions import DeliveryReactions
from services.delivery.retention import Retention
from services.delivery.tracking import sweeps as tracking_sweeps
from services.exchange import event_repository
from services.exchange import sweeps as exchange_sweeps
from services.exchange.reactions import ExchangeReactions
from services.licences import sweeps as licence_sweeps
from services.licences.reactions import LicenceReactions
from services.ratings import sweeps as rating_sweeps
from services.ratings.reactions import RatingReactions
from services.staff import trail_repository as staff_trail
from services.staff.sweeps import forget_ended_sessions

if TYPE_CHECKING:
    from app.wiring import Container

CITIZEN_EVENTS = (
    "application.submitted application.accepted application.correction_requested application.corrected "
    "application.not_accepted application.approved application.denied application.withdrawn application.certifying "
    "application.reissuing "
    "application.delivering application.closed application.suspended application.resumed application.terminated "
    "application.reopened application.received application.returned application.extended application.draft_expiring "
    "application.handed_over application.person_asked package.submitted package.closed rating.answered "
    "application.reviewed package.answers_asked "
    "mandate.offered mandate.accepted mandate.declined mandate.revoked assistance.ended "
    "licence.expiring licence.asked licence.changed "
    "bill.issued bill.paid bill.confirmed receipt.issued payment.closed refund.succeeded "
    "licence.issued shipment.booked shipment.picked_up shipment.out_for_delivery shipment.awaiting_collection "
    "shipment.delivered shipment.delivery_undone shipment.exception shipment.returning "
    "citizen.merged consultation.answered "
    "mailing.asked mailing.asked_again mailing.received mailing.faulty mailing.waived mailing.given_back "
    "collection.ready collection.reminded collection.recalled collection.collected"
).split()
"""Events that concern a person: they are told by a notice where a template says so, and live on their phone."""
LIVE_EVENTS = ("consultation.changed", "shipment.moved")
"""Events that show on an open phone and are worth no notice."""


def job_table(rooms: Container) -> JobTable:
    """Return everything that runs beside requests."""
    return JobTable(functions=_jobs(rooms), reactions=_reactions(rooms), sweeps=_sweeps(rooms))


def _jobs(rooms: Container) -> dict[str, JobFunction]:
    return {
        **rooms.delivery.jobs(),
        **rooms.applications.documents.jobs(),
        event_repository.DELIVER: rooms.exchange.delivery.deliver,
        **rooms.payments.jobs(),
        **rooms.notify.jobs(),
        **ConsultationReactions(rooms.consultations).jobs(),
        **rooms.campaigns.jobs(),
        staff_trail.CHECK: rooms.staff.trail.check,
    }


def _reactions(rooms: Container) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
    """Event → reactions, in the order in which they are tried; each runs again alone when it fails."""
    tables: list[Mapping[str, Sequence[tuple[str, Reaction]]]] = [
        ApplicationReactions(rooms.applications.progress).table(),
        AssistanceReactions(rooms.applications.assistances).table(),
        MaterialReactions(rooms.applications.materials).table(),
        rooms.applications.cards.reactions(),
        PackageReactions(rooms.applications.packages).table(),
        RoutingReactions(rooms.applications.handover).table(),
        RemedyReactions(rooms.applications.remedies).table(),
        PaperReactions(rooms.applications.originals, rooms.delivery, rooms.applications.progress).table(),
        InstantReactions(rooms.applications.instant).table(),
        RatingReactions(rooms.ratings).table(),
        ExchangeReactions(rooms.exchange).table(),
        ConsultationReactions(rooms.consultations).table(),
        PaymentReactions(rooms.payments).table(),
        {"bill.confirmed": (("delivery.note_postage", DeliveryReactions(rooms.delivery).note_postage),)},
        {
            "citizen.merged": (
                ("accounts.announce_merge", partial(account_reactions.announce_merge, rooms.accounts)),
                ("accounts.take_over", partial(account_reactions.take_over, rooms.accounts)),
                ("delivery.take_over", DeliveryReactions(rooms.delivery).take_over),
                ("licences.take_over", LicenceReactions(rooms.licences).take_over),
                ("notify.move_notices", NoticeReactions(rooms.notify).move_notices),
            )
        },
        {
            "platform.user_auth_cancelled": (
                ("accounts.withdraw_consent", partial(account_reactions.withdraw_consent, rooms.accounts)),
                ("notify.void_permissions", NoticeReactions(rooms.notify).void_permissions),
            )
        },
        {name: (("notify.tell", NoticeReactions(rooms.notify).tell),) for name in CITIZEN_EVENTS},
        dict.fromkeys((*CITIZEN_EVENTS, *LIVE_EVENTS), (("live.publish", rooms.live.publish),)),
        dict.fromkeys(
            (*CITIZEN_EVENTS, *OTHER_EVENTS), (("console.announce", Announcing(rooms.announcements).announce),)
        ),
    ]
    names = {name for table in tables for name in table}
    return {name: [reaction for table in tables for reaction in table.get(name, ())] for name in names}


def retention(rooms: Container) -> Retention:
    """Make what forgets addresses of parcels."""
    settings = rooms.settings
    return Retention(rooms.storage, rooms.cipher, settings.delivery_address_days, settings.delivery_event_days)


def _sweeps(rooms: Container) -> dict[str, tuple[str, Sweep]]:
    """Sweep → (cron expression, seconds in the sixth place, UTC) and what it does."""
    progress = rooms.applications.progress
    return {
        **rooms.payments.sweeps.table(),
        **reconciliation_sweeps.table(rooms.payments.reconciliation),
        **rooms.payments.merchants.sweeps(),
        **NoticeSweeps(rooms.notify).table(),
        **rooms.campaigns.sweeps(),
        "audiences.end_forsaken": ("*/5 * * * *", rooms.audiences.lists.end_forsaken),
        **publishing_sweeps.table(rooms.publishing),
        **rating_sweeps.table(rooms.ratings),
        **exchange_sweeps.table(rooms.exchange.delivery),
        **ConsultationReactions(rooms.consultations).sweeps(),
        "delivery.withdraw_stalled": ("*/10 * * * *", rooms.delivery.booking.withdrawing.sweep),
        "delivery.settle_postage": ("*/5 * * * *", rooms.delivery.postage.sweep),
        "delivery.resume_statements": ("*/15 * * * *", rooms.delivery.statements.resume),
        "delivery.ask_silent": ("* * * * * */30", partial(tracking_sweeps.ask_silent, rooms.delivery)),
        "delivery.follow": ("* * * * * */20", rooms.delivery.subscriber.subscribe_due),
        "delivery.open_silent": ("35 * * * *", tracking_sweeps.open_silent),
        **collecting_sweeps.table(),
        "delivery.mend_mailings": ("*/5 * * * *", mailing_sweeps.mend_claimed),
        "delivery.ask_all_silent": ("30 17 * * *", tracking_sweeps.ask_all_silent),
        "applications.accept_by_silence": ("*/10 * * * *", partial(application_sweeps.accept_by_silence, progress)),
        "applications.expire_corrections": ("5 16 * * *", partial(application_sweeps.expire_corrections, progress)),
        "applications.continue_stalled": ("25 * * * *", partial(application_sweeps.continue_stalled, progress)),
        "applications.recompute_provisional": (
            "20 16 * * *",
            partial(application_sweeps.recompute_provisional, progress),
        ),
        "applications.issue_cards": ("12,42 * * * *", rooms.applications.cards.issue_due),
        "applications.draw_lost_documents": ("*/10 * * * *", rooms.applications.documents.draw_lost),
        "applications.remind_drafts": ("20 1 * * *", partial(draft_sweeps.remind_expiring, rooms.applications.drafts)),
        "applications.forget_drafts": ("40 17 * * *", partial(draft_sweeps.forget_expired, rooms.applications.drafts)),
        "materials.lapse_awaited": (
            "15 16 * * *",
            partial(material_sweeps.lapse_awaited, rooms.applications.materials),
        ),
        **AssistanceReactions(rooms.applications.assistances).sweeps(),
        **licence_sweeps.table(rooms.licences),
        **package_sweeps.table(rooms.applications.packages),
        "accounts.tidy": ("25 18 * * *", tidy_accounts),
        "accounts.fill_homes": ("*/5 * * * *", partial(fill_homes, rooms.accounts)),
        "staff.forget_sessions": ("45 18 * * *", forget_ended_sessions),
        "catalogue.count_popularity": ("50 17 * * *", catalogue_sweeps.count_popularity),
        "frame.partitions": ("10 18 * * *", upkeep.prepare_partitions),
        "frame.retention": ("55 18 * * *", partial(upkeep.forget_notices, rooms.settings.notice_months)),
        "delivery.forget_addresses": ("15 19 * * *", retention(rooms).forget),
        "delivery.forget_events": ("20 19 * * *", partial(upkeep.forget_tracking, rooms.settings.delivery_event_days)),
        "frame.job_log": ("40 * * * *", upkeep.forget_job_log),
        "frame.provider_minutes": ("50 * * * *", forget_minutes),
        "frame.idempotency": ("35 * * * *", upkeep.forget_idempotency),
    }
