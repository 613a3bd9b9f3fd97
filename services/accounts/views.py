"""What the accounts room shows of a citizen, from the rows of its repository. Pure."""

from __future__ import annotations

from app import clock
from app.db import Row
from services.accounts.types import CitizenView, PlatformIdentity, RealNameVerified


def citizen_view(row: Row) -> CitizenView:
    """Return a citizen as they see themselves, masked."""
    return CitizenView(
        id=row["id"].hex,
        real_name_level=row["real_name_level"],
        name=row["name_masked"],
        id_number=row["id_number_masked"],
        phone=row["phone_masked"],
        signed_up_at=clock.rfc3339(row["created_at"]),
    )


def verified(row: Row, *, merged: bool) -> RealNameVerified:
    """Return a verified citizen; `merged` where another account became the same person."""
    return RealNameVerified(real_name_level=row["real_name_level"], citizen=citizen_view(row), merged=merged)


def platform_identity(row: Row) -> PlatformIdentity:
    """Return one identity by which somebody signs in."""
    return PlatformIdentity(row["id"], row["citizen_id"], row["provider"], row["app_id"], row["subject"])
