"""The gateway client against a real port: what it sends, what it repeats, and which error each answer becomes."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.alipay import keys, user
from clients.alipay.config import AlipayApp
from clients.alipay.content_crypto import decrypt
from clients.alipay.failures import bare_sub_code, is_code

pytestmark = pytest.mark.anyio
QUERY = "alipay.trade.query"


async def call(wired: Any, *, repeatable: bool = False) -> dict[str, Any]:
    return await wired.gateway.execute(QUERY, {"out_trade_no": "SJT1"}, repeatable=repeatable)


async def failure_of(wired: Any, answer: dict[str, Any] | bytes | web.Response) -> Any:
    wired.fake.script = lambda _: answer
    with pytest.raises((ProviderRejected, ProviderUnavailable, ProviderProtocolError)) as refused:
        await call(wired)
    return refused.value


@pytest.mark.parametrize(
    ("code", "sub_code", "retryable"),
    [
        ("20001", "aop.invalid-auth-token", False),
        ("40001", "isv.missing-method", False),
        ("40002", "isv.invalid-app-id", False),
        ("40003", "isv.invalid-auth-relations", False),
        ("40004", "ACQ.TRADE_NOT_EXIST", False),
        ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", True),
        ("40004", "MSG_SEND_ERROR", True),
        ("40004", "QUERY_CONSUMER_REQEUST_ERROR", True),
        ("40005", "isv.app-call-limited", True),
        ("40006", "isv.insufficient-isv-permissions", False),
    ],
)
async def test_refusal_keeps_alipays_code(code: str, sub_code: str, retryable: bool, app: AlipayApp, wire: Any) -> None:
    error = await failure_of(await wire(app), {"code": code, "sub_code": sub_code, "sub_msg": "原因"})
    assert isinstance(error, ProviderRejected)
    assert (error.provider_code, error.retryable, error.provider_message) == (sub_code, retryable, "原因")
    assert error.details["result_code"] == code


@pytest.mark.parametrize(
    ("code", "sub_code"),
    [
        ("20000", "isp.unknow-error"),
        ("20000", "aop.ACQ.SYSTEM_ERROR"),
        ("40004", "ACQ.SYSTEM_ERROR"),
        ("40004", "AQC.SYSTEM_ERROR"),
        ("10003", ""),
    ],
)
async def test_unknown_outcome_is_unavailable(code: str, sub_code: str, app: AlipayApp, wire: Any) -> None:
    error = await failure_of(await wire(app), {"code": code, "sub_code": sub_code})
    assert isinstance(error, ProviderUnavailable)
    assert error.details["provider_code"] == (sub_code or code)


async def test_message_of_a_signature_error_is_not_kept(app: AlipayApp, wire: Any) -> None:
    node = {"code": "40002", "sub_code": "isv.invalid-signature", "sub_msg": 'biz_content={"cert_name":"张三"}'}
    raw = json.dumps({"alipay_trade_query_response": node}).encode()
    error = await failure_of(await wire(app), raw)
    assert isinstance(error, ProviderRejected)
    assert error.details["verified"] is False
    assert "张三" not in repr(error.details) + str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>gateway</html>",
        b'{"alipay_trade_query_response":{"code":"10000"}}',
        web.Response(status=302, headers={"Location": "https://example.org/"}),
        web.Response(status=403, text="blocked"),
    ],
    ids=["html", "unsigned", "redirect", "forbidden"],
)
async def test_useless_answer_is_a_protocol_error(answer: Any, app: AlipayApp, wire: Any) -> None:
    assert isinstance(await failure_of(await wire(app), answer), ProviderProtocolError)


async def test_read_is_repeated_after_20000_and_write_is_not(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    busy, found = {"code": "20000", "sub_code": "isp.unknow-error"}, {"code": "10000", "out_trade_no": "SJT1"}
    wired.fake.script = lambda _: busy if len(wired.fake.calls) == 1 else found
    assert await call(wired, repeatable=True) == found
    assert len(wired.fake.calls) == 2
    wired.fake.calls.clear()
    with pytest.raises(ProviderUnavailable):
        await call(wired)
    assert len(wired.fake.calls) == 1


async def test_server_error_is_unavailable(app: AlipayApp, wire: Any) -> None:
    assert isinstance(await failure_of(await wire(app), web.Response(status=502)), ProviderUnavailable)


async def test_encrypted_call_travels_and_returns_encrypted(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    assert app.aes_key is not None
    method = "alipay.user.certify.open.initialize"
    ciphertext = "igATcyTqqgv1AFpBiHJyVf94zn4d80DWhHrnUhty+8T/SUNcwrDblhk5WJ7rgPbfb2ncrcG24qI+/anilwJG1n+U"
    ciphertext += "4IdOpcB/BjfcJRK67+tGSDCdwpF/R4YMTnBQpygM"
    wired.fake.script = lambda _: wired.fake.signed(method, ciphertext)
    certify_id = await user.start_certification(
        wired.gateway, outer_order_no="A" * 32, name="张三", id_number="140100199001010015", return_url="alipays://x"
    )
    [sent] = wired.fake.calls
    assert certify_id == "91707dc296d469ad38e4c5efa6a0f24b"
    assert sent.form["encrypt_type"] == "AES"
    content = json.loads(decrypt(sent.form["biz_content"], app.aes_key))
    assert content["identity_param"]["cert_name"] == "张三"
    assert content["merchant_config"] == {"return_url": "alipays://x"}


async def test_encryption_without_key_is_not_sent_in_plain_text(app: AlipayApp, wire: Any) -> None:
    wired = await wire(replace(app, aes_key=None))
    with pytest.raises(ValueError, match="AES key"):
        await wired.gateway.execute(QUERY, {"out_trade_no": "SJT1"}, encrypt=True)
    assert wired.fake.calls == []


def test_sub_codes_are_compared_in_one_spelling() -> None:
    assert bare_sub_code("aop.ACQ.SYSTEM_ERROR") == bare_sub_code("AQC.SYSTEM_ERROR") == "SYSTEM_ERROR"
    assert bare_sub_code("isp.bill_not_exist") == "BILL_NOT_EXIST"
    assert bare_sub_code("isv.code-invalid") == "CODE_INVALID"
    assert is_code(ProviderRejected(provider_code="INVAILID_ARGUMENTS"), "invalid_arguments")


class Authority:
    """A throw-away chain: root, the issuing authority below it, and Alipay certificates from that."""

    def __init__(self) -> None:
        self.root_key, self.middle_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self.root = self.certificate("Root R1", "Root R1", self.root_key.public_key(), self.root_key, ca=True)
        self.middle = self.certificate("Class 2 R1", "Root R1", self.middle_key.public_key(), self.root_key, ca=True)

    def certificate(
        self, subject: str, issuer: str, key: Any, signer: Any, *, ca: bool = False, days: int = 900
    ) -> x509.Certificate:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(signer, hashes.SHA256())
        )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def bundle(*certificates: x509.Certificate) -> str:
    return base64.b64encode(b"".join(each.public_bytes(Encoding.PEM) for each in certificates)).decode()


async def offered(app: AlipayApp, wire: Any, authority: Authority, vectors: Any, *chain: x509.Certificate) -> Any:
    """Let the gateway sign with a certificate that is not pinned and offer `chain` for download; call it once."""
    old = authority.certificate(
        "Alipay", "Class 2 R1", rsa.generate_private_key(65537, 2048).public_key(), authority.middle_key
    )
    certified = replace(
        app,
        app_cert_sn="a" * 32,
        root_cert_sn="b" * 32,
        alipay_public_keys=(),
        pinned_certificates={keys.certificate_sn(old): old},
        root_certificates=(authority.root,),
    )
    wired = await wire(certified)
    new_sn = keys.certificate_sn(chain[0])

    def script(sent: Any) -> bytes:
        if sent.query["method"] == QUERY:
            return bytes(wired.fake.signed(QUERY, {"code": "10000", "answer": "yes"}, alipay_cert_sn=new_sn))
        assert sent.content() == {"alipay_cert_sn": new_sn}
        node = {"code": "10000", "alipay_cert_content": bundle(*chain)}
        return json.dumps({"alipay_open_app_alipaycert_download_response": node}).encode()

    wired.fake.script = script
    return wired


async def test_reissued_certificate_that_chains_to_the_root_is_pinned(
    app: AlipayApp, wire: Any, authority: Authority, vectors: Any
) -> None:
    alipay_key = load_pem_private_key(vectors["keys"]["alipay_private_pkcs1"].encode(), None).public_key()
    renewed = authority.certificate("Alipay", "Class 2 R1", alipay_key, authority.middle_key)
    wired = await offered(app, wire, authority, vectors, renewed, authority.middle)
    assert (await call(wired))["answer"] == "yes"
    assert keys.certificate_sn(renewed) in wired.gateway.app.pinned_certificates
    await call(wired)
    assert [sent.query["method"] for sent in wired.fake.calls].count("alipay.open.app.alipaycert.download") == 1


async def test_offered_certificate_without_chain_is_never_believed(
    app: AlipayApp, wire: Any, authority: Authority, vectors: Any
) -> None:
    alipay_key = load_pem_private_key(vectors["keys"]["alipay_private_pkcs1"].encode(), None).public_key()
    stranger = rsa.generate_private_key(65537, 2048)
    forged = authority.certificate("Alipay", "Class 2 R1", alipay_key, stranger)
    forged_issuer = authority.certificate("Class 2 R1", "Root R1", stranger.public_key(), stranger, ca=True)
    other_issuer = authority.certificate("Alipay", "Root R1", alipay_key, authority.root_key)
    expired = authority.certificate("Alipay", "Class 2 R1", alipay_key, authority.middle_key, days=3)
    no_authority = authority.certificate("Class 2 R1", "Root R1", stranger.public_key(), authority.root_key)
    genuine = authority.certificate("Alipay", "Class 2 R1", alipay_key, authority.middle_key)
    for reason, chain in [
        ("no_chain_to_root", (forged, authority.middle)),
        ("no_chain_to_root", (forged, forged_issuer)),
        ("no_chain_to_root", (forged, no_authority)),
        ("no_chain_to_root", (genuine,)),
        ("no_chain_to_root", (expired, authority.middle)),
        ("another_issuer", (other_issuer,)),
    ]:
        wired = await offered(app, wire, authority, vectors, *chain)
        with pytest.raises(ProviderProtocolError) as refused:
            await call(wired)
        assert refused.value.details["reason"] == reason
        assert keys.certificate_sn(chain[0]) not in wired.gateway.app.pinned_certificates
