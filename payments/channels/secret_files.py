"""Secret files of merchant accounts: one folder for each key reference, fixed file names, read whenever a row changes.

Names are never built from anything but a checked reference; what is read stays out of errors and logs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from payments.merchants.intake import REFERENCE
from payments.merchants.ports import UnusableMerchant

PRIVATE_KEY = "private_key.pem"
APIV3_KEY = "apiv3_key"
EARLIER_APIV3_KEYS = "earlier_apiv3_keys"
ALIPAY_PRIVATE_KEY = "alipay_private_key"
ALIPAY_PUBLIC_KEY = "alipay_public_key"
ALIPAY_AES_KEY = "alipay_aes_key"
ALIPAY_APP_CERT = "alipay_app_cert.pem"
ALIPAY_CERT = "alipay_cert.pem"
ALIPAY_ROOT_CERT = "alipay_root_cert.pem"
APP_AUTH_TOKEN = "app_auth_token"
_LARGEST_BYTES = 65_536


class SecretFiles:
    """The folder of folders that SJT_MERCHANT_SECRETS names."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def required(self, reference: str, name: str) -> str:
        """Return the text of a file. Raises: UnusableMerchant when it is missing or empty."""
        text = self.optional(reference, name)
        if not text:
            raise UnusableMerchant(f"缺少密钥文件 {reference}/{name}")
        return text

    def optional(self, reference: str, name: str) -> str:
        """Return the text of a file, "" when there is none. Raises: UnusableMerchant when it cannot be read."""
        folder = self._folder(reference)
        try:
            with (folder / name).open("rb") as file:
                content = file.read(_LARGEST_BYTES + 1)
            if len(content) > _LARGEST_BYTES:
                raise UnusableMerchant(f"密钥文件 {reference}/{name} 过大")
            return content.decode("utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError):
            raise UnusableMerchant(f"密钥文件 {reference}/{name} 无法读取") from None

    def stamp(self, references: Sequence[str]) -> tuple[object, ...]:
        """Return names, sizes and times of the files of these references."""
        return tuple((reference, self._listed(reference)) for reference in references)

    def _listed(self, reference: str) -> tuple[object, ...]:
        if not REFERENCE.fullmatch(reference):
            return ()
        try:
            found = [(entry.name, entry.stat()) for entry in os.scandir(self._root / reference)]
        except OSError:
            return ()
        return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in found))

    def _folder(self, reference: str) -> Path:
        if not REFERENCE.fullmatch(reference):
            raise UnusableMerchant("密钥引用只能是文件夹名（字母、数字、- 和 _）")
        folder = self._root / reference
        if not folder.is_dir():
            raise UnusableMerchant(f"没有密钥文件夹 {reference}")
        return folder
