"""Server-made pages: the template environment, what a page may load, and how values are written for people.

Called by the doors' error pages and by handlers/pages.py; knows no service and decides nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app import clock, money
from handlers.assets import asset

HTML = "text/html; charset=utf-8"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Sent with every page: nothing inline, nothing from elsewhere, in nobody's frame, in no cache."""


def rendered(template: str, **facts: Any) -> bytes:
    """Render a template of handlers/templates; what is printed is escaped."""
    return _environment.get_template(template).render(**facts).encode()


def moment(text: str | None, *, with_seconds: bool = False) -> str:
    """Write an RFC 3339 moment as a clerk reads it: 2026-03-02 15:04, Beijing time; a dash where there is none."""
    if not text:
        return "—"
    shown = clock.to_beijing(clock.parse_rfc3339(text))
    return shown.strftime("%Y-%m-%d %H:%M:%S" if with_seconds else "%Y-%m-%d %H:%M")


def day(text: str | None) -> str:
    """Write a date; a dash where there is none."""
    return text or "—"


def yuan(amount_fen: int) -> str:
    """Write fen as 68.50元."""
    return money.shown(amount_fen)


def size(byte_count: int) -> str:
    """Write the size of a file."""
    return f"{byte_count / 1_048_576:.1f} MB" if byte_count >= 1_048_576 else f"{max(byte_count // 1024, 1)} KB"


def _make() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset
    environment.filters.update(moment=moment, day=day, yuan=yuan, size=size)
    return environment


_environment = _make()
