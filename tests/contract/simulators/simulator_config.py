"""What the simulators are told at their start in tests: throw-away keys, people and accounts, all made up."""

import base64
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PEOPLE = [
    {"key": "zhang-wei", "name": "张伟", "id_number": "140105199003070012", "phone": "13800000001"},
    {"key": "li-na", "name": "李娜", "id_number": "140106198504120024", "phone": "13800000002"},
]


@dataclass
class Keys:
    """Throw-away RSA keys, as PEM text by role: `private[role]`, `public[role]`; certificates by role."""

    private: dict[str, str] = field(default_factory=dict)
    public: dict[str, str] = field(default_factory=dict)
    certificate: dict[str, str] = field(default_factory=dict)
    serial: dict[str, str] = field(default_factory=dict)

    def make(self, role: str, *, certified: bool = False) -> None:
        key = rsa.generate_private_key(65537, 2048)
        self.private[role] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.public[role] = (
            key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        if certified:
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)])
            start = datetime.now(UTC) - timedelta(days=1)
            number = int.from_bytes(b"\x0a" + os.urandom(19), "big")
            builder = x509.CertificateBuilder(name, name, key.public_key(), number, start, start + timedelta(days=9))
            certificate = builder.sign(key, hashes.SHA256())
            self.certificate[role] = certificate.public_bytes(serialization.Encoding.PEM).decode()
            self.serial[role] = f"{number:040X}"


def make_config(folder: Path, keys: Keys, public_url: str) -> dict[str, Any]:
    """Write the key files and return the simulators' JSON for them."""
    for role in ("merchant", "partner", "alipay_app", "fiscal_app"):
        (folder / f"{role}-public.pem").write_text(keys.public[role])
    for role in ("platform", "platform_certificate", "alipay", "fiscal", "seal"):
        (folder / f"{role}-private.pem").write_text(keys.private[role])
    (folder / "platform-certificate.pem").write_text(keys.certificate["platform_certificate"])
    push_key = base64.b64encode(bytes(range(32))).decode().rstrip("=")
    return {
        "public_url": public_url,
        "retry_scale": 0.002,
        "wechat": {
            "apps": [
                {
                    "app_id": "wx0123456789abcdef",
                    "app_secret": "s" * 32,
                    "push_token": "PushToken",
                    "push_aes_key": push_key,
                },
                {
                    "app_id": "wx00112233445566aa",
                    "app_secret": "t" * 32,
                    "push_token": "Other",
                    "push_aes_key": push_key,
                },
            ]
        },
        "wechat_pay": {
            "merchants": [
                {
                    "mch_id": "1900000001",
                    "app_ids": ["wx0123456789abcdef"],
                    "serial": "3775B6A45ACD588826D15E583A95F5DD7C6E0001",
                    "public_key_file": "merchant-public.pem",
                    "apiv3_key": "0123456789abcdef0123456789ABCDEF",
                },
                {
                    "mch_id": "1900000100",
                    "app_ids": ["wxfedcba9876543210", "wx00112233445566aa"],
                    "serial": "0A1B2C3D4E5F60718293A4B5C6D7E8F901234568",
                    "public_key_file": "partner-public.pem",
                    "apiv3_key": "fedcba9876543210FEDCBA9876543210",
                    "sub_merchants": ["1900000109"],
                },
            ],
            "platform_keys": [
                {"id": "PUB_KEY_ID_0119000000012026010100000000000001", "private_key_file": "platform-private.pem"},
                {
                    "id": keys.serial["platform_certificate"],
                    "private_key_file": "platform_certificate-private.pem",
                    "certificate_file": "platform-certificate.pem",
                },
            ],
        },
        "alipay": {
            "private_key_file": "alipay-private.pem",
            "apps": [
                {
                    "app_id": "2021000000000001",
                    "seller_id": "2088101117955611",
                    "public_key_file": "alipay_app-public.pem",
                    "aes_key": base64.b64encode(bytes(range(16))).decode(),
                    "merchants": [
                        {
                            "token": "202611BBauthorised",
                            "auth_app_id": "2021000000000109",
                            "seller_id": "2088101117955699",
                        }
                    ],
                }
            ],
        },
        "sf": {
            "partners": [
                {
                    "partner_id": "SJTTEST",
                    "check_word": "c" * 32,
                    "monthly_card": "7551234567",
                    "route_push_url": f"{public_url}/callbacks/sf/sf-token",
                }
            ]
        },
        "ems": {
            "customers": [
                {
                    "sender_no": "1100000000000",
                    "authorization": "throw-away-code",
                    "sign_key": "ABEiM0RVZneImaq7zN3u/w==",
                    "push_url": f"{public_url}/callbacks/ems/ems-token",
                }
            ]
        },
        "kuaidi100": {"accounts": [{"key": "KdKeyTest0000001", "customer": "A" * 32, "secret": "5" * 32}]},
        "kdniao": {
            "accounts": [
                {
                    "business_id": "1000001",
                    "app_key": "n" * 36,
                    "push_url": f"{public_url}/callbacks/kdniao/kdniao-token",
                }
            ]
        },
        "sms": {
            "aliyun": [
                {
                    "access_key_id": "AKIDTEST",
                    "access_key_secret": "a" * 30,
                    "sign_names": ["三晋通"],
                    "templates": {"SMS_100001": "您的{item}已受理，编号{no}。"},
                    "receipt_url": f"{public_url}/callbacks/sms/aliyun/aliyun-token",
                }
            ],
            "tencent": [
                {
                    "secret_id": "SECRETIDTEST",
                    "secret_key": "k" * 32,
                    "sdk_app_id": "1400000001",
                    "sign_names": ["三晋通"],
                    "templates": {"200001": "您的{1}已受理，编号{2}。"},
                    "receipt_url": f"{public_url}/callbacks/sms/tencent/tencent-token",
                }
            ],
        },
        "fiscal": {
            "private_key_file": "fiscal-private.pem",
            "apps": [
                {"app_id": "SJTTEST140000", "public_key_file": "fiscal_app-public.pem"},
                {
                    "app_id": "SJTTEST130000",
                    "public_key_file": "fiscal_app-public.pem",
                    "region": "130000",
                    "code_length": 16,
                },
            ],
        },
        "seal": {
            "private_key_file": "seal-private.pem",
            "apps": [
                {"app_id": "SJTSEALTEST", "secret": "z" * 32},
                {"app_id": "SJTSEALFEW", "secret": "y" * 32, "owners": ["11140105MB0001177F"]},
            ],
        },
        "register": {
            "apps": [{"app_id": "SJTREGTEST", "secret": "r" * 32}],
            "enterprises": [
                {
                    "uscc": "91140105MA0K7QX256",
                    "name": "太原晋云信息技术有限公司",
                    "legal_representative": "zhang-wei",
                    "address": "山西省太原市小店区学府街66号",
                }
            ],
        },
        "people": PEOPLE,
    }
