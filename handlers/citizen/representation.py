"""Doors of acting for others: enterprises that one represents, mandates on either side, cases filed for others."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec

from handlers.doors import Auth, Call, Handler, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.accounts.enterprises.types import EnterpriseChange, EnterpriseClaim, EnterpriseList, EnterpriseView
from services.accounts.mandates.types import MandateOffer, MandatePage, MandateView, Side
from services.applications.represented.types import RepresentedPage

_TAG = "代办与企业"
_ENTERPRISES = "/api/v1/enterprises"
_MANDATES = "/api/v1/mandates"
_ONE = f"{_MANDATES}/<mandate_no:str>"


class MandateQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which side of one's mandates: those given, or those held and offered."""

    side: Side = msgspec.field(name="as", default="principal")
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class RepresentedQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enterprise's cases, or without one those filed for people."""

    enterprise_id: uuid.UUID | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def list_represented(call: Call[None]) -> Reply:
    """List cases for others that the caller may go on with today, newest first."""
    query: RepresentedQuery = call.query
    found, following = await call.house.applications.represented.list_for(
        call.caller, query.enterprise_id, read_cursor(query.cursor), query.limit
    )
    return Reply(RepresentedPage(data=found, next_cursor=make_cursor(following) if following else None))


async def bind_enterprise(call: Call[EnterpriseClaim]) -> Reply:
    """Bind an enterprise that the caller represents."""
    return Reply(await call.house.accounts.enterprises.bind(call.caller, call.body), status=201)


async def list_enterprises(call: Call[None]) -> Reply:
    """List the enterprises that the caller represents."""
    return Reply(EnterpriseList(data=await call.house.accounts.enterprises.list_own(call.caller)))


async def change_enterprise(call: Call[EnterpriseChange]) -> Reply:
    """Change the archive of an enterprise."""
    return Reply(await call.house.accounts.enterprises.change(call.caller, call.path["uscc"], call.body))


async def unbind_enterprise(call: Call[None]) -> Reply:
    """End the role."""
    await call.house.accounts.enterprises.unbind(call.caller, call.path["uscc"])
    return Reply(status=204)


async def offer_mandate(call: Call[MandateOffer]) -> Reply:
    """Authorise an agent."""
    return Reply(await call.house.accounts.mandates.offer(call.caller, call.body), status=201)


async def list_mandates(call: Call[None]) -> Reply:
    """List one side's mandates, newest first."""
    query: MandateQuery = call.query
    found, following = await call.house.accounts.mandates.list_own(
        call.caller, query.side, read_cursor(query.cursor), query.limit
    )
    return Reply(MandatePage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_mandate(call: Call[None]) -> Reply:
    """Show one mandate."""
    return Reply(await call.house.accounts.mandates.show(call.caller, call.path["mandate_no"]))


async def accept_mandate(call: Call[None]) -> Reply:
    """Take an offer up."""
    return Reply(await call.house.accounts.mandates.accept(call.caller, call.path["mandate_no"]))


async def decline_mandate(call: Call[None]) -> Reply:
    """Decline an offer."""
    return Reply(await call.house.accounts.mandates.decline(call.caller, call.path["mandate_no"]))


async def revoke_mandate(call: Call[None]) -> Reply:
    """End a mandate at once."""
    return Reply(await call.house.accounts.mandates.revoke(call.caller, call.path["mandate_no"]))


def _answer(path: str, handler: Handler, summary: str) -> Route:
    return Route("POST", f"{_ONE}/{path}", handler, auth=Auth.CITIZEN, answer=MandateView, summary=summary, tag=_TAG)


_CLAIM: dict[str, Any] = {"uscc": "91140105MA0K7QX256", "name": "太原晋云信息技术有限公司"}
_OFFER: dict[str, Any] = {
    "agent_name": "李娜",
    "agent_id_number": "140105199211160020",
    "item_codes": ["140709012000"],
    "from_on": "2026-11-22",
    "until_on": "2027-05-21",
}
ROUTES = (
    Route(
        "GET",
        "/api/v1/represented-applications",
        list_represented,
        auth=Auth.CITIZEN,
        query=RepresentedQuery,
        answer=RepresentedPage,
        summary="代他人或企业办理的办件（enterprise_id 为企业；不填为代个人办理）",
        tag=_TAG,
    ),
    Route(
        "POST",
        _ENTERPRISES,
        bind_enterprise,
        auth=Auth.CITIZEN,
        body=EnterpriseClaim,
        answer=EnterpriseView,
        status=201,
        summary="绑定本人担任法定代表人的企业（向登记机关核验）",
        tag=_TAG,
        example=_CLAIM,
    ),
    Route(
        "GET", _ENTERPRISES, list_enterprises, auth=Auth.CITIZEN, answer=EnterpriseList, summary="我的企业", tag=_TAG
    ),
    Route(
        "PATCH",
        f"{_ENTERPRISES}/<uscc:str>",
        change_enterprise,
        auth=Auth.CITIZEN,
        body=EnterpriseChange,
        answer=EnterpriseView,
        summary="修改企业档案（一企一档）",
        tag=_TAG,
        example={"address": "山西省太原市小店区学府街66号", "phone": "0351-7012345"},
    ),
    Route(
        "DELETE",
        f"{_ENTERPRISES}/<uscc:str>",
        unbind_enterprise,
        auth=Auth.CITIZEN,
        status=204,
        summary="解除企业绑定（企业的授权一并撤销）",
        tag=_TAG,
    ),
    Route(
        "POST",
        _MANDATES,
        offer_mandate,
        auth=Auth.CITIZEN,
        body=MandateOffer,
        answer=MandateView,
        status=201,
        summary="授权他人代办（限定事项和期限，受托人确认后生效）",
        tag=_TAG,
        example=_OFFER,
    ),
    Route(
        "GET",
        _MANDATES,
        list_mandates,
        auth=Auth.CITIZEN,
        query=MandateQuery,
        answer=MandatePage,
        summary="我的授权（as=principal 我授权的，as=agent 授权给我的）",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_mandate, auth=Auth.CITIZEN, answer=MandateView, summary="授权详情", tag=_TAG),
    _answer("accept", accept_mandate, "接受授权"),
    _answer("decline", decline_mandate, "拒绝授权"),
    _answer("revoke", revoke_mandate, "撤销或放弃授权（即时生效）"),
)
