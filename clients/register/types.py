"""What the business register takes and tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

RegisterResult = Literal["MATCH", "MISMATCH", "UNKNOWN", "CLOSED"]
"""The person is the legal representative; name or person differ; no such enterprise; it no longer operates."""


@dataclass(frozen=True, slots=True)
class RegisterAccount:
    """Our access to the register."""

    base_url: str
    app_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisterAnswer:
    """The register's word on one enterprise and person; `address` only where they match."""

    result: RegisterResult
    address: str
