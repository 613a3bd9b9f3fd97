"""All routes of the house in one list; the application, OpenAPI and the test of authorisations read it."""

from __future__ import annotations

from itertools import chain

from app.settings import Settings
from handlers import home, operations, verifiers
from handlers.callbacks import alipay as alipay_callbacks
from handlers.callbacks import couriers, sms, wechat_pay, wechat_push
from handlers.citizen import (
    addresses,
    applications,
    archive,
    assistances,
    auth,
    catalogue,
    collections,
    consultations,
    delivery,
    documents,
    instant,
    licences,
    mailings,
    materials,
    me,
    notices,
    packages,
    payments,
    places,
    ratings,
    remedies,
    representation,
    search,
    uploads,
)
from handlers.doors import Route
from handlers.integration import exchange, lockers
from handlers.staff import assistances as staff_assistances
from handlers.staff import audience_lists as staff_audience_lists
from handlers.staff import audit as staff_audit
from handlers.staff import auth as staff_auth
from handlers.staff import campaigns as staff_campaigns
from handlers.staff import cases as staff_cases
from handlers.staff import collections as staff_collections
from handlers.staff import consultation_pages
from handlers.staff import consultations as staff_consultations
from handlers.staff import courier_statements as staff_courier_statements
from handlers.staff import decisions as staff_decisions
from handlers.staff import deliveries as staff_deliveries
from handlers.staff import delivery_orders as staff_delivery_orders
from handlers.staff import delivery_tasks as staff_delivery_tasks
from handlers.staff import dispatches as staff_dispatches
from handlers.staff import documents as staff_documents
from handlers.staff import instant as staff_instant
from handlers.staff import items as staff_items
from handlers.staff import licences as staff_licences
from handlers.staff import mailings as staff_mailings
from handlers.staff import members as staff_members
from handlers.staff import operations as staff_operations
from handlers.staff import own_account as staff_own_account
from handlers.staff import package_parts as staff_package_parts
from handlers.staff import pages as staff_pages
from handlers.staff import payments as staff_payments
from handlers.staff import promises as staff_promises
from handlers.staff import pushes as staff_pushes
from handlers.staff import ratings as staff_ratings
from handlers.staff import reconciliation as staff_reconciliation
from handlers.staff import refunds as staff_refunds
from handlers.staff import routing as staff_routing
from handlers.staff import statements as staff_statements
from handlers.staff import stream as staff_stream
from handlers.staff import templates as staff_templates

_CITIZEN = (
    auth,
    me,
    search,
    catalogue,
    places,
    uploads,
    applications,
    archive,
    instant,
    packages,
    materials,
    documents,
    payments,
    addresses,
    delivery,
    mailings,
    collections,
    remedies,
    licences,
    verifiers,
    notices,
    representation,
    assistances,
    ratings,
    consultations,
)
_STAFF = (
    staff_auth,
    staff_own_account,
    staff_members,
    staff_audit,
    staff_operations,
    staff_cases,
    staff_deliveries,
    staff_delivery_orders,
    staff_delivery_tasks,
    staff_mailings,
    staff_collections,
    staff_dispatches,
    staff_courier_statements,
    staff_assistances,
    staff_decisions,
    staff_package_parts,
    staff_promises,
    staff_documents,
    staff_routing,
    staff_instant,
    staff_licences,
    staff_payments,
    staff_refunds,
    staff_reconciliation,
    staff_statements,
    staff_items,
    staff_ratings,
    staff_templates,
    staff_pushes,
    staff_campaigns,
    staff_audience_lists,
    staff_pages,
    staff_stream,
    staff_consultations,
    consultation_pages,
)
_INTEGRATION = (exchange, lockers)
_CALLBACKS = (wechat_pay, alipay_callbacks, wechat_push, couriers, sms)


def all_routes(settings: Settings) -> tuple[Route, ...]:
    """Return every route; demo mode has a home page besides."""
    own = tuple(chain.from_iterable(module.ROUTES for module in (*_CITIZEN, *_STAFF, *_INTEGRATION, *_CALLBACKS)))
    shown = home.demo_routes(settings) if settings.is_demo else ()
    return (*own, *shown, *operations.routes(own, settings.base_url))
