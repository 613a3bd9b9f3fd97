"""Every key and certificate form that the console hands out reads to the same key; mix-ups stop the start."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.errors import SettingsError
from clients.alipay import keys
from clients.alipay.config import AlipayApp

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "alipay.json").read_text())
KEYS = VECTORS["keys"]
PRIVATE_FORMS = ["app_private_pkcs1", "app_private_pkcs8", "app_private_pkcs1_bare", "app_private_pkcs8_bare"]


@pytest.mark.parametrize("form", PRIVATE_FORMS)
def test_private_key_in_any_form_reads_to_our_key(form: str) -> None:
    key = keys.load_private_key(KEYS[form])
    assert keys.public_key_text(key.public_key()) == KEYS["app_public_bare"]


def test_private_key_with_line_breaks_and_blanks_is_normalised() -> None:
    bare = KEYS["app_private_pkcs8_bare"]
    wrapped = "  " + "\r\n".join(bare[at : at + 50] for at in range(0, len(bare), 50)) + "\n\n"
    assert keys.public_key_text(keys.load_private_key(wrapped).public_key()) == KEYS["app_public_bare"]


@pytest.mark.parametrize("form", ["alipay_public", "alipay_public_bare"])
def test_public_key_in_any_form_reads_to_alipays_key(form: str) -> None:
    assert keys.public_key_text(keys.load_public_key(KEYS[form])) == KEYS["alipay_public_bare"]


def test_public_key_as_pkcs1_reads_to_alipays_key() -> None:
    key = keys.load_public_key(KEYS["alipay_public"])
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()
    bare = "".join(line for line in pem.splitlines() if "-----" not in line)
    assert keys.load_public_key(pem) == key
    assert keys.load_public_key(bare) == key


@pytest.mark.parametrize("text", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_garbage_instead_of_a_key_is_a_settings_error(text: str) -> None:
    with pytest.raises(SettingsError, match="private key"):
        keys.load_private_key(text)
    with pytest.raises(SettingsError, match="public key"):
        keys.load_public_key(text)


def test_short_private_key_is_a_settings_error() -> None:
    short = rsa.generate_private_key(65537, 1024).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SettingsError, match="2048"):
        keys.load_private_key(short.decode())


def test_public_key_where_the_private_one_belongs_is_a_settings_error() -> None:
    with pytest.raises(SettingsError):
        keys.load_private_key(KEYS["alipay_public"])


@pytest.mark.parametrize("text", ["AAEC", "%%%", ""])
def test_aes_key_of_wrong_length_is_a_settings_error(text: str) -> None:
    with pytest.raises(SettingsError, match="16 bytes"):
        keys.load_aes_key(text)


def test_our_own_public_key_as_alipays_is_a_settings_error(app: AlipayApp) -> None:
    with pytest.raises(SettingsError, match="our own"):
        replace(app, alipay_public_keys=(keys.load_public_key(KEYS["app_public"]),))


def test_no_alipay_key_at_all_is_a_settings_error(app: AlipayApp, certificate_app: AlipayApp) -> None:
    with pytest.raises(SettingsError, match="missing"):
        replace(app, alipay_public_keys=())
    with pytest.raises(SettingsError, match="certificate mode"):
        replace(certificate_app, pinned_certificates={})


def test_private_parts_stay_out_of_the_printed_app(app: AlipayApp) -> None:
    assert "key" not in repr(app)


@pytest.mark.parametrize("case", VECTORS["cert_sn"]["certs"], ids=lambda case: case["id"])
def test_certificate_sn_matches_vector(case: dict[str, Any]) -> None:
    certificate = x509.load_pem_x509_certificate(case["pem"].encode())
    assert keys.certificate_sn(certificate) == case["sn"]
    assert keys.load_certificate(case["pem"].encode()) == certificate


@pytest.mark.parametrize("case", VECTORS["cert_sn"]["roots"], ids=lambda case: case["id"])
def test_root_bundle_sn_matches_vector(case: dict[str, Any]) -> None:
    assert keys.root_bundle_sn(case["pem"].encode()) == case["sn"]


def test_root_bundle_with_one_unreadable_certificate_counts_the_others() -> None:
    case = VECTORS["cert_sn"]["roots"][0]
    broken = "-----BEGIN CERTIFICATE-----\nMIIBAAAAAAAA\n-----END CERTIFICATE-----\n"
    assert keys.root_bundle_sn((broken + case["pem"]).encode()) == case["sn"]


def test_root_bundle_without_rsa_certificate_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="root"):
        keys.root_bundle_sn(b"")


def test_pinned_alipay_certificate_verifies_with_alipays_key(certificate_app: AlipayApp) -> None:
    [pinned_sn] = certificate_app.pinned_certificates
    [key] = certificate_app.keys_for(pinned_sn)
    assert keys.public_key_text(key) == KEYS["alipay_public_bare"]
    assert certificate_app.keys_for(None) == (key,)
    assert certificate_app.keys_for("0" * 32) == ()
