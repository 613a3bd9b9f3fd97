"""Files (uploads, PDFs) in one object store: a folder in demo mode, S3-compatible storage in production.

Callers name objects by opaque keys; nothing here knows what a file means or who may read it.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from app.errors import NotFound, ServiceUnavailable


class FileStore:
    """Puts and gets whole objects (at most a few MiB each)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._store: ObjectStore
        if parts.scheme == "file":
            folder = Path(parts.path)
            folder.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(prefix=str(folder.resolve()))
        else:
            self._store = from_url(url)

    async def put(self, key: str, content: bytes) -> None:
        """Store an object. Idempotent: the same key is overwritten. Raises ServiceUnavailable."""
        try:
            await obstore.put_async(self._store, key, content)
        except BaseError as error:
            raise ServiceUnavailable("文件暂时无法保存，请稍后再试", key=key) from error

    async def get(self, key: str) -> bytes:
        """Read an object. Raises NotFound, ServiceUnavailable."""
        try:
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())
        except FileNotFoundError as error:
            raise NotFound("文件不存在") from error
        except BaseError as error:
            raise ServiceUnavailable("文件暂时无法读取，请稍后再试", key=key) from error

    async def delete(self, key: str) -> None:
        """Delete an object. Idempotent: one that is not there is gone already. Raises ServiceUnavailable."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise ServiceUnavailable("文件暂时无法删除，请稍后再试", key=key) from error
