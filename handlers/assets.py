"""Style sheets, scripts and the icon of our pages, kept in memory under names that hold their content's hash.

The name changes with the content, so that browsers may keep a file for a year.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    name: str
    content: bytes
    content_type: str
    digest: str


def asset(name: str) -> str:
    """Return the address of a file of handlers/static, for templates. Raises KeyError at a name nobody wrote."""
    return f"/static/{_named[name].name}"


def find_asset(hashed_name: str) -> Asset | None:
    """Return a file by its present hashed name."""
    return _served.get(hashed_name)


def _read(file: Path) -> Asset:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(f"{file.stem}.{digest}{file.suffix}", content, _TYPES[file.suffix], digest)


_named = {file.name: _read(file) for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}
_served = {found.name: found for found in _named.values()}
