"""Doors of the staff about the written documents of cases and about the cards on deadlines."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from handlers.citizen.documents import document_number
from handlers.citizen.uploads import PRIVATE_FILE
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.applications.cards.types import CardPage
from services.applications.documents.types import DocumentList

_TAG = "办件审批"
_ALL = "/api/staff/v1/cases/<application_no:str>/documents"


class CardQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of open cards, of one colour or of both."""

    colour: Literal["", "YELLOW", "RED"] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def list_documents(call: Call[None]) -> Reply:
    """List the documents of a case in scope."""
    return Reply(await call.house.applications.documents.list_for_staff(call.staff, call.path["application_no"]))


async def get_document(call: Call[None]) -> Reply:
    """Give one document as PDF; the look is audited."""
    documents, number = call.house.applications.documents, call.path["application_no"]
    content = await documents.file_for_staff(call.staff, number, document_number(call), call.address)
    return Reply(content, content_type="application/pdf", headers=dict(PRIVATE_FILE))


async def list_cards(call: Call[None]) -> Reply:
    """List open cards: an officer's own, the chief's whole scope."""
    query: CardQuery = call.query
    found, following = await call.house.applications.cards.list_open(
        call.staff, query.colour, read_cursor(query.cursor), query.limit
    )
    return Reply(CardPage(data=found, next_cursor=make_cursor(following) if following else None))


ROUTES = (
    Route("GET", _ALL, list_documents, auth=Auth.STAFF, answer=DocumentList, summary="办件文书", tag=_TAG),
    Route("GET", f"{_ALL}/<document_no:str>/file", get_document, auth=Auth.STAFF, summary="查看文书 PDF", tag=_TAG),
    Route(
        "GET",
        "/api/staff/v1/cards",
        list_cards,
        auth=Auth.STAFF,
        query=CardQuery,
        answer=CardPage,
        summary="期限黄牌与红牌",
        tag=_TAG,
    ),
)
