"""What my.getPhoneNumber hands to the mini-program: an encrypted, signed number. Used by the control API."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.alipay import signing, wire

KINDS = ("ok", "unsigned", "bad_sign", "other_key", "error")


def phone_payload(kind: str, phone: str, aes_key: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """Build the `response` object of my.getPhoneNumber; `kind` is one of KINDS.

    Source: 支付宝小程序 my.getPhoneNumber 获取会员手机号 (sign covers the ciphertext with its double quotes).
    """
    if kind == "error":
        return {
            "response": {
                "code": "40001",
                "msg": "Missing Required Arguments",
                "subCode": "isv.missing-encrypt-key",
                "subMsg": "缺少加密配置",
            }
        }
    content = wire.dumps({"code": "10000", "msg": "Success", "mobile": phone})
    ciphertext = signing.encrypt_content(aes_key, content)
    signer = signing.new_private_key() if kind == "other_key" else key
    signature = signing.sign_rsa2(signer, f'"{ciphertext}"'.encode())
    payload: dict[str, Any] = {
        "response": ciphertext,
        "sign": wire.spoil(signature) if kind == "bad_sign" else signature,
        "sign_type": "RSA2",
        "encrypt_type": "AES",
        "charset": "UTF-8",
    }
    if kind == "unsigned":
        del payload["sign"]
    return payload
