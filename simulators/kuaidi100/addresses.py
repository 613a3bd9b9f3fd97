"""地址解析: takes a pasted line apart, roughly. Used by the 快递100 simulator only."""

import re
from typing import Any

from simulators.core import World
from simulators.kuaidi100.answers import Refusal, text

_MOBILE = re.compile(r"1[3-9]\d{9}")
_PARTS = re.compile(
    r"(?P<province>\S{2,3}省|\S{2,6}自治区)?(?P<city>[^省市县区\s]{1,8}市)?"
    r"(?P<district>[^省市县区\s]{1,8}[县区市])?(?P<rest>.*)"
)


def resolve(_: World, data: dict[str, Any]) -> dict[str, Any]:
    """Find name, phone and address in one text. Source: 快递100 智能地址解析. Raises: Refusal."""
    content = text(data, "content")
    mobile = _MOBILE.search(content)
    words = [word for word in re.split(r"[\s,，;；]+", _MOBILE.sub(" ", content)) if word]
    address = max(words, key=len, default="")
    found = _PARTS.fullmatch(address)
    if not address or found is None:
        raise Refusal("500", "未能识别")
    name = next((word for word in words if word != address and len(word) <= 4), "")
    areas = {part: found[part] or "" for part in ("province", "city", "district")}
    row = {
        "content": content,
        "name": name,
        "mobile": [mobile[0]] if mobile else [],
        "address": address,
        "xzq": {"fullName": ",".join(areas.values()), **areas, "subArea": found["rest"] or ""},
    }
    return {"taskId": "", "result": [row]}
