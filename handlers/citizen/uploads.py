"""Doors of files: send one, look at one's own, get a short link; and the door that short links lead to."""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec

from app.errors import FieldFault, InvalidRequest, NotFound
from handlers.doors import Auth, Call, Reply, Route
from services.applications.types import FileLink, UploadView

_TAG = "文件"
_PURPOSE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LIMIT_BYTES = 11 * 1_048_576
"""The largest body; the file itself is measured by the setting, a little below."""
_UPLOAD_RATE = "200/hour"
PRIVATE_FILE = {
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Content-Disposition": "inline",
}


class UploadForm(msgspec.Struct, frozen=True, kw_only=True):
    """The two parts of the multipart form."""

    file: bytes
    purpose: str


async def save_upload(call: Call[UploadForm]) -> Reply:
    """Take one file."""
    await call.house.limits.hit(_UPLOAD_RATE, "upload", call.caller.citizen_id.hex)
    files, purpose = _parts(call.request)
    if len(files) != 1:
        raise InvalidRequest(faults=(FieldFault("file", "请上传一个文件"),))
    if not _PURPOSE.fullmatch(purpose):
        raise InvalidRequest(faults=(FieldFault("purpose", "请说明文件用途，如 material"),))
    return Reply(await call.house.applications.uploads.save(call.caller, purpose, files[0]), status=201)


async def get_upload(call: Call[None]) -> Reply:
    """Show an own file."""
    file = await call.house.applications.uploads.own_file(call.caller, file_id(call))
    return Reply(file.content, content_type=file.content_type, headers=dict(PRIVATE_FILE))


async def get_link(call: Call[None]) -> Reply:
    """Give a short link to an own file, for elements of a screen that send no token."""
    return Reply(await call.house.applications.uploads.own_link(call.caller, file_id(call)))


async def open_link(call: Call[None]) -> Reply:
    """Show the file of a short link."""
    file = await call.house.applications.uploads.linked_file(call.path["token"])
    return Reply(
        file.content, content_type=file.content_type, headers=PRIVATE_FILE | {"Referrer-Policy": "no-referrer"}
    )


def file_id(call: Call[Any]) -> uuid.UUID:
    """Read the file's id from the path. Raises NotFound."""
    try:
        return uuid.UUID(call.path["upload_id"])
    except ValueError:
        raise NotFound("文件不存在") from None


def _parts(request: Any) -> tuple[list[bytes], str]:
    # Sanic parses at the first look and answers None for a part that is not there.
    files = request.files.getlist("file", []) if request.files else []
    purpose = request.form.get("purpose") if request.form else ""
    return [part.body for part in files], str(purpose or "")


ROUTES = (
    Route(
        "POST",
        "/api/v1/uploads",
        save_upload,
        auth=Auth.CITIZEN,
        body=UploadForm,
        answer=UploadView,
        status=201,
        summary="上传材料文件（JPG、PNG、PDF）",
        tag=_TAG,
        consumes="multipart/form-data",
        limit_bytes=_LIMIT_BYTES,
    ),
    Route("GET", "/api/v1/uploads/<upload_id:str>", get_upload, auth=Auth.CITIZEN, summary="查看本人文件", tag=_TAG),
    Route(
        "GET",
        "/api/v1/uploads/<upload_id:str>/link",
        get_link,
        auth=Auth.CITIZEN,
        answer=FileLink,
        summary="本人文件的短时链接",
        tag=_TAG,
    ),
    Route("GET", "/files/<token:str>", open_link, auth=Auth.PUBLIC, summary="打开短时链接中的文件", tag=_TAG),
)
