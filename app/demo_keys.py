"""Makes the keys, accounts and simulator configuration of demo mode, once, under var/keys. Production never comes here.

The files hold throw-away secrets of this machine only; deleting var/keys makes new ones.
"""

from __future__ import annotations

import base64
import json
import secrets
import string
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app import demo_merchants, demo_systems

_PAIRS = (
    "wechat_pay_merchant",
    "wechat_pay_platform",
    "alipay_app",
    "alipay_platform",
    "fiscal_app",
    "fiscal_platform",
    "seal_authority",
)
_VALUES = "demo.json"
SIMULATORS = "simulators.json"


def prepare(var: Path, data: Path, host: str, port: int, sim_port: int) -> dict[str, str]:
    """Return the settings of demo mode (`SJT_…` → text), making what keys an earlier start has not made. Idempotent.

    Args:
        var: the run-time folder.
        data: folder with the made-up people.
        host, port: where the API will listen; callbacks go there.
        sim_port: control port of the simulators.
    """
    folder = (var / "keys").resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = _values(folder)
    values |= _addresses(folder, values, sim_port)
    public_url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    simulators = _simulators(values, public_url, data)
    demo_systems.introduce(demo_systems.prepare(folder, data, sim_port), simulators)
    demo_merchants.introduce(folder, demo_merchants.prepare(folder, data, values), simulators)
    _write(folder / SIMULATORS, json.dumps(simulators, ensure_ascii=False, indent=1))
    return values


def _values(folder: Path) -> dict[str, str]:
    """Return the made values. A folder of an older version gets what it lacks; what is there is never changed."""
    for name in _PAIRS:
        if not (folder / f"{name}.pem").is_file():
            _write_pair(folder, name)
    file = folder / _VALUES
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    values = _secrets() | found
    if values != found:
        _write(file, json.dumps(values, indent=1))
    return values


def _secrets() -> dict[str, str]:
    def key(byte_count: int = 32) -> str:
        return base64.b64encode(secrets.token_bytes(byte_count)).decode()

    def text(length: int) -> str:
        return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))

    return {
        "SJT_TOKEN_KEYS": f"demo:{key()}",
        "SJT_FIELD_KEYS": f"demo:{key()}",
        "SJT_HASH_KEY": f"demo:{key()}",
        "SJT_WECHAT_APP_ID": "wx" + secrets.token_hex(8),
        "SJT_WECHAT_APP_SECRET": secrets.token_hex(16),
        "SJT_WECHAT_PUSH_TOKEN": text(24),
        "SJT_WECHAT_PUSH_AES_KEY": text(43),
        "SJT_WECHAT_PAY_MCH_ID": "19000" + f"{secrets.randbelow(10**5):05d}",
        "SJT_WECHAT_PAY_SERIAL": secrets.token_hex(20).upper(),
        "SJT_WECHAT_PAY_APIV3_KEY": text(32),
        "SJT_ALIPAY_APP_ID": "2021" + f"{secrets.randbelow(10**12):012d}",
        "SJT_ALIPAY_SELLER_ID": "2088" + f"{secrets.randbelow(10**12):012d}",
        "SJT_ALIPAY_AES_KEY": key(16),
        "SJT_SF_PARTNER_ID": "SJT" + text(6).upper(),
        "SJT_SF_CHECK_WORD": text(32),
        "SJT_SF_MONTHLY_CARD": "7551234567",
        "SJT_SF_PUSH_TOKEN": text(32),
        "SJT_EMS_SENDER_NO": "1100" + f"{secrets.randbelow(10**9):09d}",
        "SJT_EMS_AUTHORIZATION": text(16),
        "SJT_EMS_SIGN_KEY": key(16),
        "SJT_EMS_PUSH_TOKEN": text(32),
        "SJT_KUAIDI100_KEY": text(16),
        "SJT_KUAIDI100_CUSTOMER": secrets.token_hex(16).upper(),
        "SJT_KUAIDI100_SECRET": secrets.token_hex(16),
        "SJT_KUAIDI100_SALT_KEY": text(32),
        "SJT_KUAIDI100_PUSH_TOKEN": text(32),
        "SJT_KUAIDI100_LABEL_TEMPLATE": "60f6c17c7c223700131d8bc3",
        "SJT_KDNIAO_BUSINESS_ID": f"{1_000_000 + secrets.randbelow(9_000_000)}",
        "SJT_KDNIAO_APP_KEY": text(36),
        "SJT_KDNIAO_PUSH_TOKEN": text(32),
        "SJT_SMS_PUSH_TOKEN": text(32),
        "SJT_ALIYUN_SMS_ACCESS_KEY_ID": "LTAI" + text(16),
        "SJT_ALIYUN_SMS_ACCESS_KEY_SECRET": text(30),
        "SJT_TENCENT_SMS_SECRET_ID": "AKID" + text(32),
        "SJT_TENCENT_SMS_SECRET_KEY": text(32),
        "SJT_TENCENT_SMS_SDK_APP_ID": "1400" + f"{secrets.randbelow(10**6):06d}",
        "SJT_FISCAL_APP_ID": "SJT" + text(13).upper(),
        "SJT_SEAL_APP_ID": "SJT" + text(13).upper(),
        "SJT_SEAL_SECRET": text(32),
        "SJT_REGISTER_APP_ID": "SJT" + text(13).upper(),
        "SJT_REGISTER_SECRET": text(40),
        "DEMO_PUBLIC_KEY_ID": "PUB_KEY_ID_" + f"{secrets.randbelow(10**30):030d}",
    }


_TEST_PHONE = "13800000001"
"""The made-up person who gets test messages of templates."""


def _addresses(folder: Path, values: dict[str, str], sim_port: int) -> dict[str, str]:
    def at(offset: int, path: str = "") -> str:
        return f"http://127.0.0.1:{sim_port + offset}{path}"

    return {
        "SJT_WECHAT_API_BASE": at(1),
        "SJT_WECHAT_PAY_BASE": at(2),
        "SJT_ALIPAY_GATEWAY": at(3, "/gateway.do"),
        "SJT_SF_BASE": at(4),
        "SJT_EMS_BASE": at(5, "/amp-prod-api/f/amp/api/open"),
        "SJT_KUAIDI100_BASE": at(6),
        "SJT_ALIYUN_SMS_BASE": at(7),
        "SJT_TENCENT_SMS_BASE": at(7),
        "SJT_FISCAL_BASE": at(8),
        "SJT_REGISTER_BASE": at(11),
        "SJT_SEAL_BASE": at(9),
        "SJT_KDNIAO_BASE": at(12),
        "SJT_MERCHANT_SECRETS": str(folder / demo_merchants.FOLDER),
        "SJT_WECHAT_PAY_PRIVATE_KEY": str(folder / "wechat_pay_merchant.pem"),
        "SJT_WECHAT_PAY_PUBLIC_KEYS": f"{values['DEMO_PUBLIC_KEY_ID']}={folder / 'wechat_pay_platform.pub.pem'}",
        "SJT_ALIPAY_PRIVATE_KEY": str(folder / "alipay_app.pem"),
        "SJT_ALIPAY_PUBLIC_KEY": str(folder / "alipay_platform.pub.pem"),
        "SJT_FISCAL_PRIVATE_KEY": str(folder / "fiscal_app.pem"),
        "SJT_FISCAL_PUBLIC_KEY": str(folder / "fiscal_platform.pub.pem"),
        "SJT_SEAL_PUBLIC_KEY": str(folder / "seal_authority.pub.pem"),
        "SJT_NOTICE_TEST_PHONES": _TEST_PHONE,
    }


def _simulators(values: dict[str, str], public_url: str, data: Path) -> dict[str, Any]:
    """The other side of the same secrets: what the stand-in providers know."""
    return {
        "public_url": public_url,
        "retry_scale": 0.01,
        "wechat": {"apps": [_wechat_app(values, data)]},
        "wechat_pay": _wechat_pay(values),
        "alipay": _alipay(values),
        "sf": {"partners": [_sf_partner(values, public_url)]},
        "ems": {"customers": [_ems_customer(values, public_url)]},
        "kuaidi100": {"accounts": [_kuaidi100_account(values)]},
        "kdniao": {"accounts": [_kdniao_account(values, public_url)]},
        "sms": _sms(values, f"{public_url}/callbacks/sms", _templates(data)),
        "fiscal": _fiscal(values),
        "register": _register(values, data),
        "seal": _seal(values),
        "people": json.loads((data / "people.json").read_text(encoding="utf-8")),
    }


def _wechat_app(values: dict[str, str], data: Path) -> dict[str, Any]:
    return {
        "app_id": values["SJT_WECHAT_APP_ID"],
        "app_secret": values["SJT_WECHAT_APP_SECRET"],
        "push_token": values["SJT_WECHAT_PUSH_TOKEN"],
        "push_aes_key": values["SJT_WECHAT_PUSH_AES_KEY"],
        "templates": _wechat_templates(data),
    }


def _wechat_templates(data: Path) -> list[dict[str, Any]]:
    """The private templates of the mini-program, as bound in the template file."""
    listed = json.loads((data / "templates.json").read_text(encoding="utf-8"))
    bound = [row["bindings"]["WECHAT"] for row in listed if "WECHAT" in row.get("bindings", {})]
    return [
        {
            "id": binding["template_id"],
            "title": binding["title"],
            "content": "\n".join(f"{{{{{key}.DATA}}}}" for key in binding["fields"]),
            "type": 3 if binding["kind"] == "LONG_TERM" else 2,
        }
        for binding in {binding["template_id"]: binding for binding in bound}.values()
    ]


def _wechat_pay(values: dict[str, str]) -> dict[str, Any]:
    merchant = {
        "mch_id": values["SJT_WECHAT_PAY_MCH_ID"],
        "app_ids": [values["SJT_WECHAT_APP_ID"]],
        "serial": values["SJT_WECHAT_PAY_SERIAL"],
        "public_key_file": "wechat_pay_merchant.pub.pem",
        "apiv3_key": values["SJT_WECHAT_PAY_APIV3_KEY"],
    }
    platform = {"id": values["DEMO_PUBLIC_KEY_ID"], "private_key_file": "wechat_pay_platform.pem"}
    return {"merchants": [merchant], "platform_keys": [platform], "refund_finish_seconds": 2}


def _alipay(values: dict[str, str]) -> dict[str, Any]:
    app = {
        "app_id": values["SJT_ALIPAY_APP_ID"],
        "seller_id": values["SJT_ALIPAY_SELLER_ID"],
        "public_key_file": "alipay_app.pub.pem",
        "aes_key": values["SJT_ALIPAY_AES_KEY"],
    }
    return {"private_key_file": "alipay_platform.pem", "certify": "auto", "apps": [app]}


def _sf_partner(values: dict[str, str], public_url: str) -> dict[str, Any]:
    return {
        "partner_id": values["SJT_SF_PARTNER_ID"],
        "check_word": values["SJT_SF_CHECK_WORD"],
        "monthly_card": values["SJT_SF_MONTHLY_CARD"],
        "route_push_url": f"{public_url}/callbacks/sf/{values['SJT_SF_PUSH_TOKEN']}",
    }


def _ems_customer(values: dict[str, str], public_url: str) -> dict[str, Any]:
    return {
        "sender_no": values["SJT_EMS_SENDER_NO"],
        "authorization": values["SJT_EMS_AUTHORIZATION"],
        "sign_key": values["SJT_EMS_SIGN_KEY"],
        "push_url": f"{public_url}/callbacks/ems/{values['SJT_EMS_PUSH_TOKEN']}",
    }


def _kdniao_account(values: dict[str, str], public_url: str) -> dict[str, Any]:
    return {
        "business_id": values["SJT_KDNIAO_BUSINESS_ID"],
        "app_key": values["SJT_KDNIAO_APP_KEY"],
        "push_url": f"{public_url}/callbacks/kdniao/{values['SJT_KDNIAO_PUSH_TOKEN']}",
    }


def _kuaidi100_account(values: dict[str, str]) -> dict[str, Any]:
    return {name: values[f"SJT_KUAIDI100_{name.upper()}"] for name in ("key", "customer", "secret")}


def _sms(values: dict[str, str], push: str, templates: dict[str, str]) -> dict[str, Any]:
    shared = {"sign_names": ["三晋通"], "templates": templates}
    token = values["SJT_SMS_PUSH_TOKEN"]
    aliyun = shared | {
        "access_key_id": values["SJT_ALIYUN_SMS_ACCESS_KEY_ID"],
        "access_key_secret": values["SJT_ALIYUN_SMS_ACCESS_KEY_SECRET"],
        "receipt_url": f"{push}/aliyun/{token}",
    }
    tencent = shared | {
        "secret_id": values["SJT_TENCENT_SMS_SECRET_ID"],
        "secret_key": values["SJT_TENCENT_SMS_SECRET_KEY"],
        "sdk_app_id": values["SJT_TENCENT_SMS_SDK_APP_ID"],
        "receipt_url": f"{push}/tencent/{token}",
    }
    return {"aliyun": [aliyun], "tencent": [tencent], "receipt_seconds": 1}


def _fiscal(values: dict[str, str]) -> dict[str, Any]:
    app = {"app_id": values["SJT_FISCAL_APP_ID"], "public_key_file": "fiscal_app.pub.pem"}
    return {"private_key_file": "fiscal_platform.pem", "apps": [app], "receipt_seconds": 1}


def _seal(values: dict[str, str]) -> dict[str, Any]:
    app = {"app_id": values["SJT_SEAL_APP_ID"], "secret": values["SJT_SEAL_SECRET"]}
    return {"private_key_file": "seal_authority.pem", "apps": [app]}


def _register(values: dict[str, str], data: Path) -> dict[str, Any]:
    app = {"app_id": values["SJT_REGISTER_APP_ID"], "secret": values["SJT_REGISTER_SECRET"]}
    return {"apps": [app], "enterprises": json.loads((data / "enterprises.json").read_text(encoding="utf-8"))}


def _templates(data: Path) -> dict[str, str]:
    """The SMS texts that the provider has approved: code → text with ${variables}."""
    listed = json.loads((data / "templates.json").read_text(encoding="utf-8"))
    return {
        row["bindings"]["SMS"]["template_id"]: row["bindings"]["SMS"]["text"]
        for row in listed
        if "SMS" in row.get("bindings", {})
    }


def _write_pair(folder: Path, name: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(folder / f"{name}.pem", private.decode())
    _write(folder / f"{name}.pub.pem", public.decode())


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
