"""Doors of the written documents (文书) of one's own cases: the list, and each as PDF."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from handlers.citizen.uploads import PRIVATE_FILE
from handlers.doors import Auth, Call, Reply, Route
from services.applications.documents.types import DocumentList

_TAG = "办件"
_ALL = "/api/v1/applications/<application_no:str>/documents"
LONGEST_NUMBER = 64


async def list_documents(call: Call[None]) -> Reply:
    """List the documents of an own case."""
    return Reply(await call.house.applications.documents.list_own(call.caller, call.path["application_no"]))


async def get_document(call: Call[None]) -> Reply:
    """Give one document as PDF."""
    documents, number = call.house.applications.documents, call.path["application_no"]
    content = await documents.file_own(call.caller, number, document_number(call))
    return Reply(content, content_type="application/pdf", headers=dict(PRIVATE_FILE))


def document_number(call: Call[Any]) -> str:
    """Read a document's number from the path, where its Chinese characters are escaped."""
    return unquote(call.path["document_no"], errors="replace").replace("\x00", "")[:LONGEST_NUMBER]


ROUTES = (
    Route("GET", _ALL, list_documents, auth=Auth.CITIZEN, answer=DocumentList, summary="办件文书", tag=_TAG),
    Route("GET", f"{_ALL}/<document_no:str>/file", get_document, auth=Auth.CITIZEN, summary="下载文书 PDF", tag=_TAG),
)
