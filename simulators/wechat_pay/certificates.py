"""The list of platform certificates (平台证书) under the merchant's APIv3 key; public-key-only platforms have none.

Source: WeChat Pay APIv3, 下载平台证书, 2025.
"""

from typing import Any

from cryptography import x509

from simulators.wechat_pay.signing import seal
from simulators.wechat_pay.wire import PROVIDER, Call, PayError

OFFERED = "offered_certificates"
"""State table: under `serials` the certificates that the list shows; without it all of them."""


def list_certificates(call: Call) -> dict[str, Any]:
    """Answer GET /v3/certificates.

    Raises: PayError RESOURCE_NOT_EXISTS without a configured certificate.
    """
    if call.query("algorithm_type") not in ("", "RSA", "ALL"):
        raise PayError("PARAM_ERROR", "algorithm_type只支持RSA和ALL", 268435461)
    rows = []
    offered = call.world.state.table(PROVIDER, OFFERED).get("serials")
    for key in call.platform.keys:
        if not key.certificate_pem or (offered is not None and key.id not in offered):
            continue
        certificate = x509.load_pem_x509_certificate(key.certificate_pem.encode())
        rows.append(
            {
                "serial_no": key.id,
                "effective_time": certificate.not_valid_before_utc.isoformat(),
                "expire_time": certificate.not_valid_after_utc.isoformat(),
                "encrypt_certificate": dict(
                    seal(call.merchant.config.apiv3_key, key.certificate_pem.encode(), "certificate")
                ),
            }
        )
    if not rows:
        raise PayError("RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")
    return {"data": rows}
