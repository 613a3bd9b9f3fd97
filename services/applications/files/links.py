"""Short signed links to files: who may look is settled when a link is made, for minutes; the address names nobody.

Called by the files' use cases. A link can be opened by whoever has it, as an <image> element of a mini-program, which
sends no tokens; so it is good for a short time and says nothing about the person.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid

from app import clock
from app.crypto import FieldCipher
from app.errors import NotFound

LINK_SECONDS = 300
_PURPOSE = "file_link"
_MAC_BYTES = 16


class FileLinks:
    """Makes and reads links; the cipher's keyed hash signs them.

    Args:
        purpose: what the links are for; those of one purpose open nothing of another.
        seconds: how long they are good for.
    """

    def __init__(self, cipher: FieldCipher, purpose: str = _PURPOSE, seconds: int = LINK_SECONDS) -> None:
        self._cipher, self._purpose, self._seconds = cipher, purpose, seconds

    def make(self, upload_id: uuid.UUID) -> tuple[str, int]:
        """Return the token of a link to a file, and when it ends (Unix seconds)."""
        ends_at = clock.timestamp() + self._seconds
        content = upload_id.bytes + ends_at.to_bytes(5, "big")
        return base64.urlsafe_b64encode(content + self._mac(content)).decode().rstrip("="), ends_at

    def read(self, token: str) -> uuid.UUID:
        """Return the file that a link names. Raises: NotFound for what we have not made or what has ended."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise _gone() from error
        content, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(content) != 21 or not hmac.compare_digest(mac, self._mac(content)):
            raise _gone()
        if int.from_bytes(content[16:], "big") < clock.timestamp():
            raise _gone()
        return uuid.UUID(bytes=content[:16])

    def _mac(self, content: bytes) -> bytes:
        return bytes.fromhex(self._cipher.lookup(self._purpose, content.hex()))[:_MAC_BYTES]


def _gone() -> NotFound:
    return NotFound("链接已失效，请刷新页面后再看", code="link_ended")
