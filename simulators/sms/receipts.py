"""Delivery receipts (状态报告) of both vendors, pushed as JSON arrays to the account's receipt_url."""

import json
from datetime import datetime
from typing import Any

from simulators.callbacks import Delivery, Message
from simulators.clock import BEIJING
from simulators.core import World
from simulators.sms.texts import Text, texts

ALIYUN_SCHEDULE = (60, 300, 600)
TENCENT_SCHEDULE = (300, 300)
_TIME = "%Y-%m-%d %H:%M:%S"


def _aliyun_rows(world: World, biz_id: str, text: Text, success: bool, err_code: str) -> list[dict[str, Any]]:
    """Build the report. Source: 阿里云 短信服务 SmsReport 短信发送状态报告 (HTTP 批量推送)."""
    sent_at = datetime.fromtimestamp(text["sent_at"], BEIJING).strftime(_TIME)
    return [
        {
            "phone_number": phone,
            "send_time": sent_at,
            "report_time": world.clock.beijing().strftime(_TIME),
            "success": success,
            "err_code": err_code,
            "err_msg": "用户接收成功" if success else "用户接收失败",
            "sms_size": str(text["segments"]),
            "biz_id": biz_id,
            "out_id": text["out_id"],
        }
        for phone in text["phones"]
    ]


def _tencent_rows(world: World, biz_id: str, text: Text, success: bool, err_code: str) -> list[dict[str, Any]]:
    """Build the report. Source: 腾讯云 短信下发状态通知."""
    return [
        {
            "user_receive_time": world.clock.beijing().strftime(_TIME),
            "nationcode": "86",
            "mobile": phone,
            "report_status": "SUCCESS" if success else "FAIL",
            "errmsg": err_code,
            "description": "用户短信送达成功" if success else "用户短信送达失败",
            "sid": biz_id,
            "ext": text["out_id"],
        }
        for phone in text["phones"]
    ]


def _receipt_url(world: World, text: Text) -> str:
    if text["vendor"] == "aliyun":
        aliyun = (a for a in world.config.sms.aliyun if a.access_key_id == text["account"])
        return next((account.receipt_url for account in aliyun), "")
    tencent = (a for a in world.config.sms.tencent if a.secret_id == text["account"])
    return next((account.receipt_url for account in tencent), "")


def _field_is(text: str, name: str, wanted: int) -> bool:
    try:
        return bool(json.loads(text).get(name) == wanted)
    except (ValueError, AttributeError):
        return False


def push(world: World, biz_id: str, success: bool, err_code: str, delay_seconds: float = 0) -> Delivery | None:
    """Push the receipt of one text; None when the account has no receipt_url.

    Aliyun repeats after 1, 5 and 10 minutes until `{"code":0}`, Tencent twice more until `{"result":0}`.
    """
    text = texts(world)[biz_id]
    url = _receipt_url(world, text)
    if not url:
        return None
    is_aliyun = text["vendor"] == "aliyun"
    build_rows = _aliyun_rows if is_aliyun else _tencent_rows
    answer_field = "code" if is_aliyun else "result"

    def build() -> Message:
        rows = build_rows(world, biz_id, text, success, err_code)
        body = json.dumps(rows, ensure_ascii=False).encode()
        return Message(url, body, {"Content-Type": "application/json;charset=UTF-8"})

    text["receipts"] += 1
    world.state.touch()
    return world.callbacks.send(
        "sms",
        f"receipt:{text['vendor']}",
        build,
        accepted=lambda status, answer: status == 200 and _field_is(answer, answer_field, 0),
        schedule=ALIYUN_SCHEDULE if is_aliyun else TENCENT_SCHEDULE,
        delay_seconds=delay_seconds,
    )


def push_by_itself(world: World, biz_id: str) -> None:
    """Report success after the configured time, if there is one."""
    if world.config.sms.receipt_seconds is not None:
        push(world, biz_id, True, "DELIVERED", world.config.sms.receipt_seconds)
