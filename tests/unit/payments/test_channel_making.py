"""What a row and its secret files become, and that whatever is wrong with them is told without a secret in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from app.ids import new_id
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.transport import Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_keys import KeyStore, VerificationKey
from payments.channels.making import ChannelMaker, WeChatParts
from payments.channels.secret_files import SecretFiles
from payments.merchants.ports import UnusableMerchant
from payments.merchants.records import Merchant, PlatformKey
from payments.types import Account

pytestmark = pytest.mark.anyio
OURS, THEIRS = (rsa.generate_private_key(65537, 2048) for _ in range(2))
SECRET = "0123456789abcdef0123456789ABCDEF"  # made up
PUBLIC_ID = "PUB_KEY_ID_0119000000012026010100000000000001"
DIRECT = Account(code="direct", channel="WECHAT", app_id="wx0123456789abcdef", mch_id="1900000200")
SETTINGS_WECHAT = Account(code="wechat-default", channel="WECHAT", app_id="wx0123456789abcdef", mch_id="1900000001")
OTHER_APP = Account(code="other-app", channel="ALIPAY", app_id="2021000000000222", mch_id="2088000000000222")
OUR_APP = Account(code="alipay-default", channel="ALIPAY", app_id="2021000000000001", mch_id="2088000000000001")


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def certificate(days: float = 100) -> tuple[str, str, datetime]:
    """Return serial number, PEM and end of a platform certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform")])
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=200)
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    number = 0x0A00000000000000000000000000000000000001
    builder = x509.CertificateBuilder(name, name, THEIRS.public_key(), number, start, end)
    made = builder.sign(THEIRS, hashes.SHA256())
    return f"{number:040X}", made.public_bytes(serialization.Encoding.PEM).decode(), end


PUBLIC = PlatformKey(PUBLIC_ID, public_pem(THEIRS))


@pytest.fixture
async def maker(tmp_path: Path) -> AsyncIterator[ChannelMaker]:
    async with aiohttp.ClientSession() as session:
        own = PayMerchant("1900000001", "SERIAL", OURS, SECRET)
        keys = KeyStore([VerificationKey("PUB_KEY_ID_settings", THEIRS.public_key())])
        app = AlipayApp("2021000000000001", "2088000000000001", OURS, (THEIRS.public_key(),))
        yield ChannelMaker(
            SecretFiles(tmp_path),
            "https://pay.example/callbacks",
            WeChatParts(own, keys, Transport(session, "wechat_pay")),
            AlipayGateway(app, Transport(session, "alipay")),
        )


def row(account: Account, reference: str = "own", **changed: Any) -> Merchant:
    merchant = Merchant(
        id=new_id(),
        account=account,
        key_reference=reference,
        serial_no="0A1B2C3D",
        fetches_certificates=False,
        enabled=True,
    )
    return replace(merchant, **changed)


def write(folder: Path, **files: str) -> None:
    (folder / "own").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "own" / name.replace("_pem", ".pem")).write_text(text)


def refusal(maker: ChannelMaker, merchant: Merchant, *keys: PlatformKey) -> str:
    with pytest.raises(UnusableMerchant) as refused:
        maker.make(merchant, keys)
    text = str(refused.value)
    assert SECRET[:16] not in text
    assert "PRIVATE KEY-----" not in text
    return text


async def test_folder_makes_a_channel_of_its_own(maker: ChannelMaker, tmp_path: Path) -> None:
    write(tmp_path, private_key_pem=private_pem(OURS), apiv3_key=SECRET, earlier_apiv3_keys=f"{'a' * 32}\n{'b' * 32}\n")
    made = maker.make(row(DIRECT), [PUBLIC])
    assert made.channel.prepare.__self__._notify_url.endswith("/wechat-pay/1900000200")  # type: ignore[attr-defined]  # the bound method of the adapter
    assert made.certificates is None


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({}, "没有密钥文件夹 own"),
        ({"apiv3_key": SECRET}, "缺少密钥文件 own/private_key.pem"),
        ({"private_key_pem": private_pem(OURS)}, "缺少密钥文件 own/apiv3_key"),
        ({"private_key_pem": private_pem(OURS), "apiv3_key": SECRET[:31]}, "32 字节"),
        ({"private_key_pem": private_pem(OURS), "apiv3_key": SECRET, "earlier_apiv3_keys": "short"}, "32 字节"),
        ({"private_key_pem": "-----BEGIN PRIVATE KEY-----\nx", "apiv3_key": SECRET}, "不是 2048 位以上的 RSA 私钥"),
        ({"private_key_pem": public_pem(OURS), "apiv3_key": SECRET}, "不是 2048 位以上的 RSA 私钥"),
        ({"private_key_pem": "x" * 70_000, "apiv3_key": SECRET}, "过大"),
    ],
)
async def test_faulty_folder_is_told(maker: ChannelMaker, tmp_path: Path, files: dict[str, str], word: str) -> None:
    if files:
        write(tmp_path, **files)
    assert word in refusal(maker, row(DIRECT), PUBLIC)


@pytest.mark.parametrize("reference", ["../own", "own/..", "/etc", ".", "..", "own\x00", ""])
async def test_no_reference_leads_out_of_the_folder(maker: ChannelMaker, tmp_path: Path, reference: str) -> None:
    write(tmp_path, private_key_pem=private_pem(OURS), apiv3_key=SECRET)
    assert "只能是文件夹名" in refusal(maker, row(DIRECT, reference), PUBLIC)
    assert maker.stamp([reference]) == ((reference, ()),)


async def test_account_without_a_live_key_is_unusable_unless_it_fetches_some(
    maker: ChannelMaker, tmp_path: Path
) -> None:
    write(tmp_path, private_key_pem=private_pem(OURS), apiv3_key=SECRET)
    serial, pem, _ = certificate(days=-1)
    assert "没有可用的微信支付公钥" in refusal(maker, row(DIRECT))
    assert "没有可用的微信支付公钥" in refusal(maker, row(DIRECT), PlatformKey(serial, pem))
    assert maker.make(row(DIRECT, fetches_certificates=True), []).certificates is not None


async def test_one_unreadable_key_does_not_stop_the_others(maker: ChannelMaker, tmp_path: Path) -> None:
    write(tmp_path, private_key_pem=private_pem(OURS), apiv3_key=SECRET)
    made = maker.make(row(DIRECT), [PlatformKey("PUB_KEY_ID_broken", "no pem"), PUBLIC])
    assert made.faults == ("公钥或证书 PUB_KEY_ID_broken 无法读取",)


async def test_settings_reference_serves_the_settings_numbers_only(maker: ChannelMaker) -> None:
    assert maker.make(row(SETTINGS_WECHAT, "settings"), []).channel
    assert maker.make(row(OUR_APP, "settings"), []).channel
    assert "settings" in refusal(maker, row(DIRECT, "settings"), PUBLIC)
    assert "settings" in refusal(maker, row(OTHER_APP, "settings"))


async def test_alipay_account_of_another_app_has_its_own_keys(maker: ChannelMaker, tmp_path: Path) -> None:
    write(tmp_path, alipay_private_key=private_pem(OURS))
    assert "public key is missing" in refusal(maker, row(OTHER_APP))
    assert maker.make(row(OTHER_APP), [PlatformKey("k1", public_pem(THEIRS))]).gateway
    assert "无法读取" in refusal(maker, row(OTHER_APP), PlatformKey("k1", "no pem"))
    write(tmp_path, alipay_public_key=public_pem(THEIRS))
    assert maker.make(row(OTHER_APP), []).channel
    (tmp_path / "own" / "alipay_private_key").unlink()
    assert "alipay_private_key" in refusal(maker, row(OTHER_APP))


async def test_authorised_merchant_needs_its_token(maker: ChannelMaker, tmp_path: Path) -> None:
    account = replace(OUR_APP, code="isv", mode="PARTNER", sub_mch_id="2021000000000109")
    assert "app_auth_token" in refusal(maker, row(account, "settings"))
    write(tmp_path)
    assert "app_auth_token" in refusal(maker, row(account))
    write(tmp_path, app_auth_token="202611BBx")
    assert maker.make(row(account), []).channel


async def test_key_is_checked_before_it_is_believed(maker: ChannelMaker) -> None:
    serial, pem, end = certificate()
    assert maker.check_key("WECHAT", PlatformKey(serial, pem)).expires_at == end
    assert maker.check_key("WECHAT", PUBLIC) == PUBLIC
    assert maker.check_key("ALIPAY", PlatformKey("k1", public_pem(THEIRS))).expires_at is None
    wrong = [("WECHAT", "0B" + serial[2:], pem), ("WECHAT", PUBLIC_ID, "no pem"), ("ALIPAY", "k1", "no pem")]
    for channel, key_id, text in [*wrong, ("ALIPAY", "another-sn", pem)]:
        with pytest.raises(UnusableMerchant):
            maker.check_key(channel, PlatformKey(key_id, text))


async def test_changed_file_is_noticed(maker: ChannelMaker, tmp_path: Path) -> None:
    write(tmp_path, apiv3_key=SECRET)
    before = maker.stamp(["own", "none"])
    assert maker.stamp(["own", "none"]) == before
    write(tmp_path, earlier_apiv3_keys=SECRET)
    assert maker.stamp(["own", "none"]) != before
