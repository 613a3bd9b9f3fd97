"""What crosses the door of rateable cases; frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCase:
    """A case or package that has ended. `officer` is the username of who handled it, "" where no person did."""

    subject_no: str
    item_code: str
    item_name: str
    division_code: str
    department_code: str
    officer: str
    closed_at: datetime
