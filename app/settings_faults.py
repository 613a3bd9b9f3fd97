"""What settings must not be: values out of range, halves of a whole, and what production refuses.

app/settings.py asks it once, when everything is read.
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import limits

if TYPE_CHECKING:
    from app.settings import Settings

_RATES = ("login_rate", "staff_login_rate", "citizen_rate")
_SMS = {
    "aliyun": ("aliyun_sms_base", "aliyun_sms_access_key_id", "aliyun_sms_access_key_secret"),
    "tencent": (
        "tencent_sms_base",
        "tencent_sms_secret_id",
        "tencent_sms_secret_key",
        "tencent_sms_sdk_app_id",
    ),
}
_COURIERS = {
    "ems_base": ("ems_sender_no", "ems_authorization", "ems_sign_key", "ems_push_token"),
    "kdniao_base": ("kdniao_business_id", "kdniao_app_key", "kdniao_push_token"),
    "kuaidi100_base": tuple(f"kuaidi100_{name}" for name in ("key", "customer", "secret", "salt_key", "push_token")),
}
"""Couriers that are there only if their address is set; the rest of theirs is needed then."""
_ALIPAY_CERTS = ("alipay_app_cert", "alipay_cert", "alipay_root_cert")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "0.0.0.0")


def faults_of(settings: Settings) -> list[str]:
    """Return every fault as a sentence; none where the product can start."""
    faults = []
    if settings.env not in ("demo", "production"):
        faults.append("SJT_ENV 只能是 demo 或 production")
    if settings.cipher not in ("aes", "sm4"):
        faults.append("SJT_CIPHER 只能是 aes 或 sm4")
    if settings.representation_level not in ("L2", "L3"):
        faults.append("SJT_REPRESENTATION_LEVEL 只能是 L2 或 L3")
    if settings.sms_provider not in ("aliyun", "tencent"):
        faults.append("SJT_SMS_PROVIDER 只能是 aliyun 或 tencent")
    faults += [
        f"SJT_{f.name.upper()} 指向的文件不存在"
        for f in fields(settings)
        if f.metadata["kind"] == "file" and getattr(settings, f.name) and not Path(getattr(settings, f.name)).is_file()
    ]
    faults += [
        f"SJT_{name.upper()} 应为 次数/单位，如 30/minute" for name in _RATES if not _is_rate(getattr(settings, name))
    ]
    phones = settings.notice_test_phone_list
    if len(phones) > 5 or not all(re.fullmatch(r"1[3-9][0-9]{9}", phone) for phone in phones):
        faults.append("SJT_NOTICE_TEST_PHONES 应为至多5个手机号，以逗号分隔")
    if not 1 <= settings.notice_months <= 600:
        faults.append("SJT_NOTICE_MONTHS 应在 1 至 600 之间")
    if not 30 <= settings.delivery_address_days <= settings.delivery_event_days <= 3650:
        faults.append("SJT_DELIVERY_ADDRESS_DAYS 应在 30 至 3650 之间，且不大于 SJT_DELIVERY_EVENT_DAYS")
    certificates = [name for name in _ALIPAY_CERTS if getattr(settings, name)]
    if 0 < len(certificates) < len(_ALIPAY_CERTS):
        faults.append("证书模式须同时设置 SJT_ALIPAY_APP_CERT、SJT_ALIPAY_CERT、SJT_ALIPAY_ROOT_CERT")
    faults += [
        f"缺少 SJT_{name.upper()}"
        for base, others in _COURIERS.items()
        for name in others
        if getattr(settings, base) and not getattr(settings, name)
    ]
    faults += _fiscal_faults(settings) + _licence_faults(settings) + _staff_faults(settings)
    if settings.env == "production":
        faults += _production_faults(settings)
    return faults


def _fiscal_faults(settings: Settings) -> list[str]:
    """The region profile of the fiscal platform: what no region can mean."""
    faults = []
    if not re.fullmatch(r"[0-9]{6}", settings.fiscal_region):
        faults.append("SJT_FISCAL_REGION 应为 6 位行政区划代码")
    if not 16 <= settings.fiscal_code_length <= 20:
        faults.append("SJT_FISCAL_CODE_LENGTH 应在 16 至 20 之间")
    if settings.fiscal_paid_status in ("0", "2"):
        faults.append("SJT_FISCAL_PAID_STATUS 不能是 0（未缴）或 2（作废）")
    return faults


def _licence_faults(settings: Settings) -> list[str]:
    """What the rules of presenting licences do not allow, and a seal authority of which something is missing."""
    faults = []
    if settings.licence_show_level not in ("L2", "L3"):
        faults.append("SJT_LICENCE_SHOW_LEVEL 只能是 L2 或 L3")
    if not 60 <= settings.presentation_seconds <= 300:
        faults.append("SJT_PRESENTATION_SECONDS 应在 60 至 300 之间")
    if settings.seal_base:
        needed = ("seal_app_id", "seal_secret", "seal_public_key")
        faults += [f"缺少 SJT_{name.upper()}" for name in needed if not getattr(settings, name)]
    return faults


def _staff_faults(settings: Settings) -> list[str]:
    """How long a session of staff may last."""
    faults = []
    if not 5 <= settings.staff_idle_minutes <= 60:
        faults.append("SJT_STAFF_IDLE_MINUTES 应在 5 至 60 之间")
    if not 1 <= settings.staff_session_hours <= 24:
        faults.append("SJT_STAFF_SESSION_HOURS 应在 1 至 24 之间")
    if settings.staff_password_days > 3650:
        faults.append("SJT_STAFF_PASSWORD_DAYS 应在 0 至 3650 之间")
    return faults


def _is_rate(text: str) -> bool:
    try:
        return bool(limits.parse(text).amount > 0)
    except ValueError:
        return False


def _production_faults(settings: Settings) -> list[str]:
    """Production refuses embedded engines, loopback providers, missing values and demo mode's keys."""
    required: list[str] = (
        "database_url redis_url storage_url public_url token_keys field_keys hash_key "
        "wechat_api_base wechat_app_id wechat_app_secret wechat_push_token wechat_push_aes_key "
        "wechat_pay_base wechat_pay_mch_id wechat_pay_serial wechat_pay_private_key "
        "wechat_pay_apiv3_key wechat_pay_public_keys alipay_gateway alipay_app_id alipay_seller_id alipay_private_key "
        "alipay_aes_key sf_base sf_partner_id sf_check_word sf_push_token sms_push_token "
        "fiscal_base fiscal_app_id fiscal_private_key fiscal_public_key"
    ).split()
    required.extend(_SMS.get(settings.sms_provider, ()))
    faults = [f"缺少 SJT_{name.upper()}" for name in required if not getattr(settings, name)]
    if not (settings.alipay_public_key or settings.alipay_app_cert):
        faults.append("缺少 SJT_ALIPAY_PUBLIC_KEY 或 SJT_ALIPAY_APP_CERT")
    providers = (
        "wechat_api_base wechat_pay_base alipay_gateway sf_base aliyun_sms_base tencent_sms_base fiscal_base"
        " register_base seal_base ofd_base ems_base kuaidi100_base kdniao_base sf_oauth"
    ).split()
    faults += [
        f"SJT_{name.upper()} 不能指向本机"
        for name in providers
        if any(f"//{host}" in getattr(settings, name) for host in _LOOPBACK)
    ]
    if settings.public_url and not settings.public_url.startswith("https://"):
        faults.append("SJT_PUBLIC_URL 必须以 https:// 开头")
    if _has_demo_keys(settings):
        faults.append("生产环境不能使用演示密钥")
    return faults


def _has_demo_keys(settings: Settings) -> bool:
    """Tell whether a key is one that demo mode made: by its name, or by the folder in which its file lies."""
    keys = ",".join((settings.token_keys, settings.field_keys, settings.hash_key)).split(",")
    files = [getattr(settings, f.name) for f in fields(settings) if f.metadata["kind"] == "file"]
    files += [settings.merchant_secrets]
    files += [pair.partition("=")[2].strip() for pair in settings.wechat_pay_public_keys.split(",")]
    return any(key.strip().startswith("demo:") for key in keys) or any(
        (Path(file).parent / "demo.json").is_file() for file in files if file
    )
