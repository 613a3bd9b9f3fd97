"""Reads the file that operators import merchant accounts from, checks each entry, and names what it would change. Pure.

The file is a JSON array; every entry is an account, its public keys beside it as text or as files next to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec

from app.ids import new_id
from payments.merchants.records import SETTINGS, Merchant, PlatformKey, StoredKey
from payments.types import Account

REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""A key reference: the plain name of one folder, so no dot, slash or anything else that leads elsewhere."""

_Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,31}$")]
_Number = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8,32}$")]
_AppId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{8,32}$")]
_Serial = Annotated[str, msgspec.Meta(pattern=r"^([0-9A-F]{8,64})?$")]
_KeyId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{1,64}$")]
_SAME = "channel mode app_id mch_id sub_mch_id sub_app_id".split()
_SHOWN = "key_reference serial_no fetches_certificates enabled".split()


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key or certificate of the provider: its text, or a file next to the import file."""

    key_id: _KeyId
    pem: str = ""
    file: str = ""


class MerchantEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account of the file. In PARTNER mode `sub_mch_id` is the sub-merchant (特约商户) of WeChat Pay, at Alipay the
    app id of the merchant who gave us an app_auth_token."""

    code: _Code
    channel: Literal["WECHAT", "ALIPAY"]
    app_id: _AppId
    mch_id: _Number
    mode: Literal["DIRECT", "PARTNER"] = "DIRECT"
    sub_mch_id: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{8,32})?$")] = ""
    sub_app_id: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9]{8,32})?$")] = ""
    department_code: Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Z]{18})?$")] = ""
    division_code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,12}$")] = ""
    key_reference: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    serial_no: _Serial = ""
    fetches_certificates: bool = False
    enabled: bool = True
    keys: tuple[KeyEntry, ...] = ()


class FaultyImport(Exception):
    """The file cannot be taken; `faults` name every reason in Chinese."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("；".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Planned:
    """What importing an entry would do: `kind` is 新增, 更改 or 未变; `changes` is field → [before, after]."""

    merchant: Merchant
    kind: str
    changes: Mapping[str, Any]


def parse(content: bytes, read_file: Callable[[str], str]) -> list[Merchant]:
    """Read the entries; `read_file` gives the text of a key file. Raises: FaultyImport with every fault at once."""
    try:
        entries = msgspec.json.decode(content, type=list[MerchantEntry])
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FaultyImport([f"文件格式有误：{error}"]) from None
    faults = [f"{entry.code}：{fault}" for entry in entries for fault in _faults(entry)]
    codes = [entry.code for entry in entries]
    faults += [f"{code}：在文件中重复" for code in sorted({code for code in codes if codes.count(code) > 1})]
    found = []
    for entry in entries:
        try:
            found.append(_merchant(entry, read_file))
        except (OSError, UnicodeDecodeError):
            faults.append(f"{entry.code}：公钥文件无法读取")
    if faults:
        raise FaultyImport(faults)
    return found


def plan(wanted: Sequence[Merchant], present: Mapping[str, Merchant]) -> list[Planned]:
    """Compare with what is stored.

    Raises: FaultyImport where an account would become another one, for orders point at it.
    """
    faults, planned = [], []
    for merchant in wanted:
        stored = present.get(merchant.account.code)
        if stored is None:
            planned.append(Planned(merchant, "新增", {"account": [None, _shown(merchant)]}))
            continue
        other = [name for name in _SAME if getattr(stored.account, name) != getattr(merchant.account, name)]
        if other:
            faults.append(f"{merchant.account.code}：{'、'.join(other)} 不可更改，已有支付单指向该账户；请另建账户")
            continue
        changes = _changes(stored, merchant)
        planned.append(Planned(replace(merchant, id=stored.id), "更改" if changes else "未变", changes))
    if faults:
        raise FaultyImport(faults)
    return planned


def _faults(entry: MerchantEntry) -> list[str]:
    wrong = {
        "key_reference 只能是文件夹名（字母、数字、- 和 _）": not REFERENCE.fullmatch(entry.key_reference),
        "服务商模式须填 sub_mch_id": entry.mode == "PARTNER" and not entry.sub_mch_id,
        "直连模式不填 sub_mch_id 与 sub_app_id": entry.mode == "DIRECT" and bool(entry.sub_mch_id or entry.sub_app_id),
        "支付宝账户不填 sub_app_id；授权方应用填 sub_mch_id": entry.channel == "ALIPAY" and bool(entry.sub_app_id),
        "支付宝没有平台证书下载，fetches_certificates 应为 false": entry.channel == "ALIPAY"
        and entry.fetches_certificates,
        "微信支付账户须填 serial_no（商户 API 证书序列号）": entry.channel == "WECHAT"
        and entry.key_reference != SETTINGS
        and not entry.serial_no,
        "公钥须恰好给出 pem 或 file 之一": any(bool(key.pem) == bool(key.file) for key in entry.keys),
    }
    return [fault for fault, found in wrong.items() if found]


def _merchant(entry: MerchantEntry, read_file: Callable[[str], str]) -> Merchant:
    names = (*_SAME, "code", "department_code", "division_code")
    keys = tuple(
        StoredKey(key=PlatformKey(key.key_id, key.pem or read_file(key.file)), active=True) for key in entry.keys
    )
    return Merchant(
        id=new_id(),
        account=Account(**{name: getattr(entry, name) for name in names}),
        keys=keys,
        **{name: getattr(entry, name) for name in _SHOWN},
    )


def _changes(stored: Merchant, wanted: Merchant) -> dict[str, Any]:
    before, after = _shown(stored), _shown(wanted)
    changes: dict[str, Any] = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    held = {key.key.key_id for key in stored.keys}
    new = [key.key_id for key in wanted.active_keys if key.key_id not in held]
    return changes | ({"keys": [[], new]} if new else {})


def _shown(merchant: Merchant) -> dict[str, Any]:
    account = merchant.account
    places = {"department_code": account.department_code, "division_code": account.division_code}
    return places | {name: getattr(merchant, name) for name in _SHOWN}
