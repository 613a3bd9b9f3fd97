"""Files that citizens send: what they really are, made harmless, stored under their digest's row.

Called by the upload door, and by the staff's viewer for files of cases in scope. Declared types are not believed.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field

from PIL import Image, ImageOps, UnidentifiedImageError

from app import clock
from app.errors import InvalidRequest, NotFound, PayloadTooLarge, UnsupportedMediaType
from app.ids import new_id
from app.storage import FileStore
from app.tokens import Caller
from services.applications import upload_repository
from services.applications.ports import Audit
from services.applications.types import UploadView
from services.staff.types import Act, Role, StaffCaller

MAX_PIXELS = 50_000_000
_LARGE_PIXELS = 16_000_000
_workshop = ThreadPoolExecutor(2, "pictures")
_one_large = threading.Lock()
"""A picture takes four bytes a pixel, twice, while it is encoded anew: few at a time, and of the large ones one."""
_JPEG, _PNG, _PDF = "image/jpeg", "image/png", "application/pdf"
_ACTIVE_PDF = re.compile(rb"/(JavaScript|JS|Launch|EmbeddedFile|RichMedia)\b")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file read back."""

    content_type: str
    content: bytes = field(repr=False)


class UploadService:
    """Use cases of files.

    Args:
        limit_bytes: largest file that is taken.
    """

    def __init__(self, storage: FileStore, audit: Audit, limit_bytes: int) -> None:
        self._storage = storage
        self._audit = audit
        self._limit_bytes = limit_bytes

    async def save(self, caller: Caller, purpose: str, content: bytes) -> UploadView:
        """Check, clean and store one file. Pictures are decoded and encoded anew, without position or camera data.

        Raises: InvalidRequest (`upload_empty`, `upload_damaged`), PayloadTooLarge, UnsupportedMediaType,
        ServiceUnavailable when the file store is away.
        """
        if not content:
            raise InvalidRequest("上传的文件是空的", code="upload_empty")
        if len(content) > self._limit_bytes:
            raise PayloadTooLarge(f"文件不能超过 {self._limit_bytes // 1_048_576} MiB")
        content_type = sniffed(content)
        kept = await asyncio.get_running_loop().run_in_executor(_workshop, cleaned, content, content_type)
        upload_id, digest = new_id(), hashlib.sha256(kept).hexdigest()
        storage_key = f"uploads/{upload_id.hex}"
        await self._storage.put(storage_key, kept)
        upload = upload_repository.NewUpload(
            upload_id, caller.citizen_id, purpose, content_type, len(kept), digest, storage_key, clock.now()
        )
        await upload_repository.add_upload(upload)
        return UploadView(
            upload_id=str(upload_id), purpose=purpose, content_type=content_type, size=len(kept), sha256=digest
        )

    async def own_file(self, caller: Caller, upload_id: uuid.UUID) -> StoredFile:
        """Return an own file. Raises: NotFound (also for somebody else's)."""
        row = await upload_repository.find_own(caller.citizen_id, upload_id)
        if row is None:
            raise NotFound("文件不存在")
        return StoredFile(row["content_type"], await self._storage.get(row["storage_key"]))

    async def case_file(self, staff: StaffCaller, upload_id: uuid.UUID, address: str) -> StoredFile:
        """Return a file of a submitted case within the caller's scope; audited. Raises: NotFound, Forbidden."""
        staff.require_role(Role.WINDOW, Role.REVIEWER)
        rows = await upload_repository.list_cases_of(upload_id)
        case = next((row for row in rows if staff.covers(row["division_code"], row["department_code"])), None)
        if case is None:
            raise NotFound("文件不存在")
        details = {"application_no": case["application_no"]}
        await self._audit.record(
            Act(staff.username, "upload.viewed", "upload", upload_id.hex, details, address),
        )
        return StoredFile(case["content_type"], await self._storage.get(case["storage_key"]))


def sniffed(content: bytes) -> str:
    """Tell the type from the bytes alone. Raises: UnsupportedMediaType."""
    if content.startswith(b"\xff\xd8\xff"):
        return _JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if content.startswith(b"%PDF-"):
        return _PDF
    raise UnsupportedMediaType("只支持 JPG、PNG 图片和 PDF 文件", code="upload_type")


def cleaned(content: bytes, content_type: str) -> bytes:
    """Return what is kept of a file; slow, call in a thread. Raises: InvalidRequest `upload_damaged`."""
    return _checked_pdf(content) if content_type == _PDF else _encoded_anew(content, content_type)


def _checked_pdf(content: bytes) -> bytes:
    if b"%%EOF" not in content[-2048:] or b"startxref" not in content[-4096:]:
        raise _damaged("PDF 文件不完整，请重新导出后上传")
    if b"/Encrypt" in content:
        raise _damaged("请上传未加密的 PDF 文件")
    if _ACTIVE_PDF.search(content):
        raise _damaged("PDF 文件含有脚本或附件，请重新导出后上传")
    return content


def _encoded_anew(content: bytes, content_type: str) -> bytes:
    name = "JPEG" if content_type == _JPEG else "PNG"
    try:
        with Image.open(io.BytesIO(content), formats=(name,)) as opened:
            # The size stands in the header: a bomb is refused before a pixel of it is decoded.
            if opened.width * opened.height > MAX_PIXELS:
                raise _damaged("图片像素过大，请压缩后上传")
            with _one_large if opened.width * opened.height > _LARGE_PIXELS else nullcontext():
                ImageOps.exif_transpose(opened, in_place=True)
                return _saved(opened, name)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise _damaged("图片已损坏，请重新拍摄或选择") from error


def _saved(picture: Image.Image, name: str) -> bytes:
    # A bare copy of the pixels: text chunks, EXIF, colour profiles and thumbnails stay behind.
    mode = "RGB" if name == "JPEG" or picture.mode not in ("1", "L", "LA", "RGB", "RGBA") else picture.mode
    bare = Image.new(mode, picture.size)
    bare.paste(picture if picture.mode == mode else picture.convert(mode))
    buffer = io.BytesIO()
    bare.save(buffer, name, **({"quality": 90} if name == "JPEG" else {"optimize": False}))
    return buffer.getvalue()


def _damaged(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, code="upload_damaged")
