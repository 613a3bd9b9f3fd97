"""Numbers of package cases and of their parts' cases; pure."""

from __future__ import annotations

from datetime import datetime

from app.ids import dated_no, settled_text

_PACKAGE, _CASE = "YJS", "14"
_DATE = slice(len(_PACKAGE), len(_PACKAGE) + 8)


def package_no(at: datetime) -> str:
    """Make the number of a new package case."""
    return dated_no(_PACKAGE, at, 10)


def child_no(package_no: str, item_code: str) -> str:
    """Return the number of a part's case: settled beforehand, so that it cannot be made under another one."""
    return f"{_CASE}{package_no[_DATE]}{settled_text(f'{package_no}:{item_code}'.encode(), 10)}"
