"""A photograph as a phone takes it: JPEG with EXIF data that must not survive the upload."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

_CAMERA, _SOFTWARE, _ORIENTATION = 0x0110, 0x0131, 0x0112


def photograph(text: str, width: int = 960, height: int = 1280) -> bytes:
    """Draw a picture of a document with a caption."""
    image = Image.new("RGB", (width, height), (233, 229, 219))
    pen = ImageDraw.Draw(image)
    pen.rectangle((60, 60, width - 60, height - 60), outline=(120, 110, 90), width=6)
    for line in range(12):
        pen.line((120, 300 + line * 70, width - 120, 300 + line * 70), fill=(170, 165, 150), width=4)
    pen.text((120, 140), text, fill=(60, 50, 40), font_size=48)
    exif = Image.Exif()
    exif[_CAMERA], exif[_SOFTWARE], exif[_ORIENTATION] = "Demo Phone 5", "demo", 1
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88, exif=exif)
    return out.getvalue()
