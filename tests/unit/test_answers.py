"""Headers of answers: the same bytes as the framework writes, and nothing in a value can begin another header."""

from __future__ import annotations

import pytest
from sanic.headers import format_http1_response
from sanic.response import HTTPResponse

from handlers.answers import Answer

_HEADERS = {"X-Request-ID": "a1", "ETag": '"4.17"', "Location": "/staff/办件", "Content-Length": 5}


@pytest.mark.parametrize("status", [200, 201, 204, 304])
def test_headers_are_written_as_the_framework_writes_them(status: int) -> None:
    ours, theirs = (kind(b"", status, dict(_HEADERS), "text/plain") for kind in (Answer, HTTPResponse))
    assert format_http1_response(status, ours.processed_headers) == format_http1_response(
        status, theirs.processed_headers
    )


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\x00b", "a\x0bb\x1b"])
def test_control_characters_do_not_leave_a_value(value: str) -> None:
    written = dict(Answer(b"", 200, {"X-Name": value}, "text/plain").processed_headers)[b"X-Name"]
    assert written.isascii()
    assert not any(byte < 0x20 for byte in written)
    assert len(list(Answer(b"", 200, {"X-Name": value}, "text/plain").processed_headers)) == 2
