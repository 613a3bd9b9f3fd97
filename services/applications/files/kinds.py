"""What a file is, told from its bytes alone; declared types are not believed. Pure."""

from __future__ import annotations

from app.errors import InvalidRequest, UnsupportedMediaType

JPEG, PNG, PDF = "image/jpeg", "image/png", "application/pdf"
_BEGINNINGS = {b"\xff\xd8\xff": JPEG, b"\x89PNG\r\n\x1a\n": PNG, b"%PDF-": PDF}


def sniffed(content: bytes) -> str:
    """Return the content type. Raises: UnsupportedMediaType `upload_type`."""
    for beginning, content_type in _BEGINNINGS.items():
        if content.startswith(beginning):
            return content_type
    raise UnsupportedMediaType("只支持 JPG、PNG 图片和 PDF 文件", code="upload_type")


def damaged(sentence: str) -> InvalidRequest:
    """Make the refusal of a file that cannot be used."""
    return InvalidRequest(sentence, code="upload_damaged")
