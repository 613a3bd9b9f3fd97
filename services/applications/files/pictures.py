"""Pictures: decoded and encoded anew, so that only pixels stay. Slow; called in a thread."""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext

from PIL import Image, ImageOps, UnidentifiedImageError

from services.applications.files.kinds import JPEG, damaged

MAX_PIXELS = 50_000_000
_LARGE_PIXELS = 16_000_000
_one_large = threading.Lock()
"""A picture takes four bytes a pixel, twice, while it is encoded anew: of the large ones one at a time."""


def encoded_anew(content: bytes, content_type: str) -> bytes:
    """Return a bare copy of a picture. Raises: InvalidRequest `upload_damaged`."""
    name = "JPEG" if content_type == JPEG else "PNG"
    try:
        with Image.open(io.BytesIO(content), formats=(name,)) as opened:
            # The size stands in the header: a bomb is refused before a pixel of it is decoded.
            if opened.width * opened.height > MAX_PIXELS:
                raise damaged("图片像素过大，请压缩后上传")
            with _one_large if opened.width * opened.height > _LARGE_PIXELS else nullcontext():
                ImageOps.exif_transpose(opened, in_place=True)
                return _saved(opened, name)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise damaged("图片已损坏，请重新拍摄或选择") from error


def _saved(picture: Image.Image, name: str) -> bytes:
    # A bare copy of the pixels: text chunks, EXIF, colour profiles and thumbnails stay behind.
    mode = "RGB" if name == "JPEG" or picture.mode not in ("1", "L", "LA", "RGB", "RGBA") else picture.mode
    bare = Image.new(mode, picture.size)
    bare.paste(picture if picture.mode == mode else picture.convert(mode))
    buffer = io.BytesIO()
    bare.save(buffer, name, **({"quality": 90} if name == "JPEG" else {"optimize": False}))
    return buffer.getvalue()
