"""Which merchant accounts exist and which of them takes the money of a bill. Pure; wiring and opening call it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app.settings import Settings
from payments.records import BillRecord
from payments.types import Account, Channel

WECHAT_DEFAULT = "wechat-default"
ALIPAY_DEFAULT = "alipay-default"


def accounts_of(settings: Settings) -> tuple[Account, ...]:
    """Return the merchant accounts that the settings name; further ones are rows made by staff."""
    found = []
    if settings.wechat_pay_mch_id:
        found.append(
            Account(
                code=WECHAT_DEFAULT,
                channel=Channel.WECHAT,
                app_id=settings.wechat_app_id,
                mch_id=settings.wechat_pay_mch_id,
            )
        )
    if settings.alipay_app_id:
        found.append(
            Account(
                code=ALIPAY_DEFAULT,
                channel=Channel.ALIPAY,
                app_id=settings.alipay_app_id,
                mch_id=settings.alipay_seller_id,
            )
        )
    return tuple(found)


def choose(
    accounts: Sequence[tuple[uuid.UUID, Account]], bill: BillRecord, app_id: str
) -> tuple[uuid.UUID, Account] | None:
    """Return the account that fits a bill best: its department before any, the longest division before a shorter."""
    fitting = [
        (bool(account.department_code), len(account.division_code), account.code, row_id, account)
        for row_id, account in accounts
        if app_id in (account.app_id, account.sub_app_id)
        and account.department_code in ("", bill.department_code)
        and bill.division_code.startswith(account.division_code)
    ]
    if not fitting:
        return None
    *_, row_id, account = max(fitting, key=lambda found: found[:3])
    return row_id, account
