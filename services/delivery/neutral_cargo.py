"""What a waybill says of its content: a word that tells nobody on the road what a person applied for. Pure.

Booking and labels use it; the board, the citizen and the hall's own lists keep the real words.
Source: 快递暂行条例 art. 22, 34; 个人信息保护法 art. 6 (no more than is needed).
"""

from __future__ import annotations

_DOCUMENTS, _THINGS = "文件", "物品"
_OF_METAL = ("号牌", "车牌", "印章", "钥匙", "设备")


def on_waybill(cargo: str) -> str:
    """Return the word for the waybill: 文件, or 物品 for what a scanner would not take for paper."""
    return _THINGS if any(word in cargo for word in _OF_METAL) else _DOCUMENTS


def is_thing(word: str) -> bool:
    """Tell whether the word on a waybill says 物品, for couriers that ask for the kind of content."""
    return word == _THINGS
