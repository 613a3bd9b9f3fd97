"""Pictures: decoded and encoded anew, so that only pixels stay. Slow; called in a thread."""

from __future__ import annotations

import io
import struct
import threading
from contextlib import nullcontext

from PIL import Image, UnidentifiedImageError

from services.applications.files.kinds import JPEG, damaged

MAX_PIXELS = 50_000_000
_LARGE_PIXELS = 16_000_000
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by the orientation that its camera wrote down."""
_CAUSED_BY_INPUT = (
    UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError, struct.error,
    TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError, OverflowError,
)  # fmt: skip
"""What the decoder leaves with when a header or a tag of a stranger's file makes no sense to it."""
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
                return _saved(_upright(opened), name)
    except _CAUSED_BY_INPUT as error:
        raise damaged("图片已损坏，请重新拍摄或选择") from error


def _upright(opened: Image.Image) -> Image.Image:
    opened.load()
    # The tags are only read: Pillow's own exif_transpose writes them anew, and stumbles over strange ones.
    turn = _UPRIGHT.get(opened.getexif().get(_ORIENTATION, 1))
    if turn is None:
        return opened
    turned = opened.transpose(turn)
    opened.close()
    return turned


def _saved(picture: Image.Image, name: str) -> bytes:
    # A bare copy of the pixels: text chunks, EXIF, colour profiles and thumbnails stay behind.
    mode = "RGB" if name == "JPEG" or picture.mode not in ("1", "L", "LA", "RGB", "RGBA") else picture.mode
    bare = Image.new(mode, picture.size)
    bare.paste(picture if picture.mode == mode else picture.convert(mode))
    buffer = io.BytesIO()
    bare.save(buffer, name, **({"quality": 90} if name == "JPEG" else {"optimize": False}))
    return buffer.getvalue()
