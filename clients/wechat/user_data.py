"""Legacy encryptedData of the mini-program, opened with the session key of the person's last sign-in.

For clients too old for the exchange of codes. Pure but for the clock; it must not log what it opens.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from wechatpy.crypto import WeChatWxaCrypto
from wechatpy.exceptions import InvalidAppIdException

from app import clock
from app.errors import InvalidRequest

MAX_AGE_SECONDS = 600


class UserDataRefused(InvalidRequest):
    """The encrypted data do not open with this session key, are old, or belong to another mini-program.

    `details["reason"]` is decrypt, watermark_missing, watermark_appid or watermark_timestamp.
    """

    code: ClassVar[str] = "user_data_refused"
    message: ClassVar[str] = "微信授权信息已失效，请重新授权"


def decrypt_user_data(
    session_key: str,
    iv: str,
    encrypted_data: str,
    app_id: str,
    *,
    max_age_seconds: int = MAX_AGE_SECONDS,
    now: Callable[[], datetime] = clock.now,
) -> dict[str, Any]:
    """Open encryptedData of getPhoneNumber or getUserInfo; check its watermark. Raises UserDataRefused.

    After a refusal try the person's former session key, then ask for a new login: wx.login may have rotated it.
    Source: WeChat mini-program documents, 服务端获取开放数据 (加密数据解密算法).
    """
    try:
        data: dict[str, Any] = WeChatWxaCrypto(session_key, iv, app_id).decrypt_message(encrypted_data)
        stamped_seconds = int(data["watermark"]["timestamp"])
    except InvalidAppIdException:
        raise UserDataRefused(reason="watermark_appid") from None
    except KeyError:
        raise UserDataRefused(reason="watermark_missing") from None
    # wechatpy lets whatever a wrong key or a cut text causes pass through.
    except (ValueError, TypeError, IndexError):
        raise UserDataRefused(reason="decrypt") from None
    if abs(now().timestamp() - stamped_seconds) > max_age_seconds:
        raise UserDataRefused(reason="watermark_timestamp")
    return data
