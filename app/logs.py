"""Structured logs as JSON lines on standard output, without personal data.

Rooms write `structlog.get_logger().info("what_happened", no=...)`; a filter masks what looks like an ID number, a phone
number or a token, in case one slips in.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

_ID_NUMBER = re.compile(r"(?<!\d)(\d{6})\d{8}(\d{3}[\dXx])(?!\d)")
_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_SECRET = re.compile(r"(?i)((?:access_token|secret|code|sign|password|token)=)[^&\s\"']+")


def masked(text: str) -> str:
    """Mask ID numbers, phone numbers and secrets in URLs within a text."""
    text = _ID_NUMBER.sub(r"\1********\2", text)
    text = _PHONE.sub(r"\1****\2", text)
    return _SECRET.sub(r"\1***", text)


def _mask(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in entry.items():
        if isinstance(value, str) and len(value) >= 8:
            entry[key] = masked(value)
    return entry


def _encoded(_: Any, __: str, entry: MutableMapping[str, Any]) -> bytes:
    return msgspec.json.encode(entry, enc_hook=str)


def configure(level: str = "INFO") -> None:
    """Set up logging of this process. Idempotent."""
    numeric = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask,
            _encoded,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric if isinstance(numeric, int) else logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for name in ("tortoise", "pgqueuer", "asyncio", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
