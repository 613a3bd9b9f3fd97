"""What silence leaves behind in the accounts room: expired sessions and tokens, checks that nobody finished.

Wiring schedules `tidy_accounts` and `fill_homes`; they work in small bites, so that nothing else waits for it.
"""

from __future__ import annotations

from datetime import timedelta

from app import clock
from services.accounts import proof_repository, repository
from services.accounts.service import AccountsService

_KEPT_AFTER_END = timedelta(days=30)
_CHECK_LIFETIME = timedelta(hours=24)
_BITE = 1_000
_MOST_BITES = 100


async def tidy_accounts() -> None:
    """Delete what ended long ago and give up open real-name checks. Idempotent."""
    now = clock.now()
    for _ in range(_MOST_BITES):
        done = (
            await repository.forget_refresh_tokens(now, _BITE),
            await repository.forget_sessions(now - _KEPT_AFTER_END, _BITE),
            await proof_repository.give_up_checks(now - _CHECK_LIFETIME, _BITE),
        )
        if max(done) < _BITE:
            return


async def fill_homes(accounts: AccountsService) -> None:
    """Keep birth year and home of people who were verified before these were kept, some each time. Idempotent."""
    await accounts.wishes.fill_missing()
