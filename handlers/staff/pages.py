"""Pages of the console: signing in and out; the other pages' routes are gathered here.

The same use cases as the staff's JSON doors. Everything works by keyboard and without a script.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Annotated

import msgspec

from app.errors import FieldFault, InvalidRequest, SanjinError, TooManyRequests, Unauthenticated
from handlers import pages
from handlers.doors import FORM, STAFF_COOKIE, Auth, Call, Reply, Route
from handlers.errors import SETUP, SIGN_IN
from handlers.pages import form_route, page, see_other
from handlers.staff import (
    audience_list_pages,
    audit_pages,
    campaign_pages,
    case_routes,
    collection_pages,
    courier_statement_pages,
    delivery_order_pages,
    delivery_pages,
    delivery_rule_pages,
    delivery_task_pages,
    dispatch_pages,
    item_pages,
    item_version_pages,
    licence_pages,
    mailing_pages,
    member_pages,
    operation_pages,
    payment_list_pages,
    payment_pages,
    push_pages,
    rating_figure_pages,
    rating_pages,
    reconciliation_exports,
    reconciliation_pages,
    refund_pages,
    setup_pages,
    statement_pages,
    template_pages,
    today_pages,
)
from handlers.staff.auth import ended_cookie, needs_secure_cookie, session_cookie

_TAG = "工作台"
_TODAY = "/staff"
_OUR_PAGE = re.compile(r"/staff(/[A-Za-z0-9/_-]*)?")
Text = Annotated[str, msgspec.Meta(max_length=128)]


class SignInForm(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The sign-in form as a browser sends it; `next` is the page of ours to go to."""

    username: Text = ""
    password: Text = ""
    totp: Text = ""
    next: Text = ""


class SignInQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where to go afterwards, and whether somebody has just signed out."""

    next: Text = ""
    signed_out: Text = ""


async def sign_in_form(call: Call[None]) -> Reply:
    """Show the sign-in form."""
    query: SignInQuery = call.query
    said = "您已退出登录" if query.signed_out else ""
    if query.next and call.request.cookies.get(STAFF_COOKIE):
        said = f"登录已失效（连续{call.house.settings.staff_idle_minutes}分钟未操作），请重新登录"
    return page(call, "staff/sign_in.html", said=said, problem=None, username="", next=_our_page(query.next))


async def sign_in(call: Call[SignInForm]) -> Reply:
    """Open a session and keep it in a cookie; a refusal shows the form again."""
    form = call.body
    try:
        _require_filled(form)
        code = form.totp.replace(" ", "")
        signed_in = await call.house.staff.sign_in(form.username.strip(), form.password, code, call.address, call.agent)
    except (InvalidRequest, Unauthenticated, TooManyRequests) as refusal:
        return _refused(call, form, refusal)
    cookie = session_cookie(signed_in.access_token, secure=needs_secure_cookie(call.house.settings))
    return see_other(SETUP if signed_in.setup else _our_page(form.next), **{"Set-Cookie": cookie})


async def sign_out(call: Call[None]) -> Reply:
    """End the session."""
    await call.house.staff.sign_out(call.staff, call.address)
    cookie = ended_cookie(secure=needs_secure_cookie(call.house.settings))
    return see_other(f"{SIGN_IN}?signed_out=1", **{"Set-Cookie": cookie})


def _require_filled(form: SignInForm) -> None:
    needed = (("username", "请填写用户名"), ("password", "请填写密码"))
    faults = tuple(FieldFault(name, sentence) for name, sentence in needed if not getattr(form, name).strip())
    if faults:
        raise InvalidRequest("请补全登录信息", faults=faults)


def _refused(call: Call[SignInForm], form: SignInForm, refusal: SanjinError) -> Reply:
    reply = page(
        call,
        "staff/sign_in.html",
        status=refusal.status,
        said="",
        problem=refusal,
        username=form.username,
        next=_our_page(form.next),
    )
    if refusal.retry_after_seconds is not None:
        reply.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return reply


def _our_page(address: str) -> str:
    """Return an address only where it is a page of the console, so that nobody is led elsewhere."""
    return address if _OUR_PAGE.fullmatch(address) else _TODAY


_OWN = (
    Route("GET", SIGN_IN, sign_in_form, Auth.PUBLIC, "登录页", _TAG, query=SignInQuery, page=True),
    Route(
        "POST", SIGN_IN, sign_in, Auth.PUBLIC, "登录", _TAG, body=SignInForm, consumes=FORM, remembers=False, page=True
    ),
    form_route("/staff/sign-out", sign_out, "退出", setup=True),
)
ROUTES = tuple(
    chain(
        _OWN,
        setup_pages.ROUTES,
        member_pages.ROUTES,
        audit_pages.ROUTES,
        operation_pages.ROUTES,
        today_pages.ROUTES,
        case_routes.ROUTES,
        push_pages.ROUTES,
        template_pages.ROUTES,
        payment_list_pages.ROUTES,
        payment_pages.ROUTES,
        delivery_pages.ROUTES,
        delivery_order_pages.ROUTES,
        delivery_rule_pages.ROUTES,
        delivery_task_pages.ROUTES,
        mailing_pages.ROUTES,
        collection_pages.ROUTES,
        dispatch_pages.ROUTES,
        courier_statement_pages.ROUTES,
        item_pages.ROUTES,
        item_version_pages.ROUTES,
        licence_pages.ROUTES,
        rating_pages.ROUTES,
        rating_figure_pages.ROUTES,
        refund_pages.ROUTES,
        statement_pages.ROUTES,
        reconciliation_pages.ROUTES,
        reconciliation_exports.ROUTES,
        campaign_pages.ROUTES,
        audience_list_pages.ROUTES,
        pages.ROUTES,
    )
)
