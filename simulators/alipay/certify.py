"""Face verification (支付宝身份验证): initialize, query, and how the user finishes.

Called by the gateway, the page and the control API.
"""

import re
import secrets
from typing import Any

from simulators.alipay.call import Call
from simulators.alipay.errors import AlipayError, business_failure
from simulators.alipay.platform import Platform

_ORDER_NO = re.compile(r"[A-Za-z0-9]{1,32}")
_BIZ_CODES = frozenset({"FACE", "CERT_PHOTO", "CERT_PHOTO_FACE", "SMART_FACE"})
_USABLE_SECONDS = 23 * 3600
_QUERYABLE_SECONDS = 90 * 86400


def _malformed(field: str) -> AlipayError:
    return business_failure("ILLEGAL_ARGUMENT_FORMAT", f"参数格式不正确：{field}")


def _identity(biz: Any) -> dict[str, str]:
    identity = biz.get("identity_param")
    if not isinstance(identity, dict) or identity.get("identity_type") not in ("CERT_INFO", "AGENT_CERT_INFO"):
        raise _malformed("identity_param")
    for field in ("cert_type", "cert_name", "cert_no"):
        if not isinstance(identity.get(field), str) or not identity[field]:
            raise _malformed(field)
    return {"cert_name": identity["cert_name"], "cert_no": identity["cert_no"].upper()}


def initialize(call: Call) -> dict[str, Any]:
    """Open a verification for one name and number.

    Source: 支付宝开放平台 alipay.user.certify.open.initialize 身份认证初始化服务. Raises: AlipayError.
    """
    order_no = call.text("outer_order_no", _malformed("outer_order_no"))
    records = call.platform.table("certify")
    if not _ORDER_NO.fullmatch(order_no) or any(row["outer_order_no"] == order_no for row in records.values()):
        raise _malformed("outer_order_no")
    if call.text("biz_code", _malformed("biz_code")) not in _BIZ_CODES:
        raise _malformed("biz_code")
    merchant = call.biz.get("merchant_config")
    if not isinstance(merchant, dict) or not isinstance(merchant.get("return_url"), str):
        raise _malformed("merchant_config")
    certify_id = secrets.token_hex(16)
    records[certify_id] = {
        **_identity(call.biz),
        "outer_order_no": order_no,
        "app_id": call.app.app_id,
        "return_url": merchant["return_url"],
        "created_at": call.platform.world.clock.timestamp(),
        "passed": "",
    }
    return {"certify_id": certify_id}


def _find(platform: Platform, certify_id: str, app_id: str | None, oldest_seconds: int) -> dict[str, Any]:
    row: dict[str, Any] | None = platform.table("certify").get(certify_id)
    if not row or app_id not in (None, row["app_id"]):
        raise business_failure("OPEN_CERTIFY_BILL_NOT_EXIST", "认证单据不存在")
    if platform.world.clock.timestamp() - row["created_at"] > oldest_seconds:
        raise business_failure("CERTIFY_ID_EXPIRED", "认证单据已过期")
    return row


def open_page(platform: Platform, certify_id: str, app_id: str | None = None) -> dict[str, Any]:
    """Return the record that the page shows. Raises: AlipayError when unknown or older than 23 hours."""
    return _find(platform, certify_id, app_id, _USABLE_SECONDS)


def finish(platform: Platform, certify_id: str, passed: bool) -> dict[str, Any]:
    """Record that the user went through the camera step. Raises: AlipayError when unknown, old or already passed."""
    row = open_page(platform, certify_id)
    if row["passed"] == "T":
        raise business_failure("OPEN_CERTIFY_BILL_STATUS_ERROR", "认证单据状态不正确")
    row["passed"] = "T" if passed else "F"
    platform.touch()
    return row


def query(call: Call) -> dict[str, Any]:
    """Tell whether the person passed; an unfinished verification is not passed.

    Source: 支付宝开放平台 alipay.user.certify.open.query 身份认证记录查询. Raises: AlipayError.
    """
    certify_id = call.text("certify_id", _malformed("certify_id"))
    row = _find(call.platform, certify_id, call.app.app_id, _QUERYABLE_SECONDS)
    person = next((p for p in call.platform.world.people.all() if p.id_number.upper() == row["cert_no"]), None)
    if not row["passed"] and call.platform.may_certify_itself(person):
        row["passed"] = "T" if person and person.name == row["cert_name"] else "F"
    return {"passed": row["passed"] or "F"}
