"""The editor's plain form and a template's content, turned into each other. Pure.

Fields of a channel and variables are lines of text: `thing1=…`, `name|title|sample|longest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.parsing import field_fault
from notify.templating.types import CHANNELS, Content

Form = dict[str, Annotated[str, msgspec.Meta(max_length=8000)]]
_PLAIN = ("title", "inbox_text", "topic", "on_unknown")


def content_of_form(form: Mapping[str, str]) -> Content:
    """Read the content of a form. Raises: InvalidRequest naming the form's own field."""
    faults: list[FieldFault] = []
    channels = [name for at in (1, 2, 3) if (name := form.get(f"channel_{at}", "").strip())]
    made: dict[str, Any] = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in _PLAIN}
    made |= {name: form.get(name) == "on" for name in ("urgent", "statutory")}
    made["channels"] = channels
    made["bindings"] = {name: _binding(name, form, faults) for name in channels if name in CHANNELS}
    made["variables"] = _variables(form.get("variables", ""), faults)
    hours = form.get("lifetime_hours", "").strip()
    if hours:
        made["lifetime_hours"] = int(hours) if hours.isascii() and hours.isdigit() and len(hours) < 6 else hours
    if faults:
        raise InvalidRequest("请按提示修改", faults=tuple(faults))
    try:
        return msgspec.convert(made, Content)
    except msgspec.ValidationError as error:
        fault = field_fault(str(error))
        raise InvalidRequest("请按提示修改", faults=(FieldFault(place_of(fault.path), fault.message),)) from error


def form_of_content(content: Content) -> dict[str, str]:
    """Return the form that shows a content."""
    made = {name: str(getattr(content, name)) for name in _PLAIN}
    made |= {name: "on" for name in ("urgent", "statutory") if getattr(content, name)}
    made |= {f"channel_{at}": name for at, name in enumerate(content.channels, 1)}
    made["lifetime_hours"] = str(content.lifetime_hours or "")
    made["variables"] = "\n".join("|".join((v.name, v.title, v.sample, v.longest)) for v in content.variables)
    for name, binding in content.bindings.items():
        begin = name.lower()
        made |= {f"{begin}_{part}": getattr(binding, part) for part in ("template_id", "kind", "title", "page")}
        made |= {f"{begin}_text": binding.text, f"{begin}_sign": binding.sign}
        made[f"{begin}_fields"] = "\n".join(f"{key}={text}" for key, text in binding.fields.items())
    return made


def placed(refusal: InvalidRequest) -> InvalidRequest:
    """Return a refusal whose faults point at the fields of the form; the key of a channel's field is said in words."""
    moved = []
    for fault in refusal.faults:
        key = fault.path.partition(".fields.")[2]
        moved.append(FieldFault(place_of(fault.path), f"{key}：{fault.message}" if key else fault.message))
    return InvalidRequest(refusal.detail, faults=tuple(moved))


def place_of(path: str) -> str:
    """Return the form's field that a path of the content is shown in."""
    parts = path.split(".")
    if parts[0].startswith("variables"):
        return "variables"
    if parts[0] == "channels":
        return "channel_1"
    if parts[0] == "bindings" and len(parts) > 1:
        return f"{parts[1].lower()}_{parts[2] if len(parts) > 2 else 'template_id'}"
    return parts[0]


def _binding(name: str, form: Mapping[str, str], faults: list[FieldFault]) -> dict[str, Any]:
    begin = name.lower()
    made: dict[str, Any] = {
        part: form.get(f"{begin}_{part}", "").strip() for part in ("template_id", "title", "page", "text", "sign")
    }
    if kind := form.get(f"{begin}_kind", ""):
        made["kind"] = kind
    made["fields"] = {}
    for line in _lines(form.get(f"{begin}_fields", "")):
        key, equals, text = line.partition("=")
        if not equals or key.strip() in made["fields"]:
            faults.append(FieldFault(f"{begin}_fields", "每行一个字段：键=内容，键不能重复"))
            break
        made["fields"][key.strip()] = text.strip()
    return made


def _variables(text: str, faults: list[FieldFault]) -> list[dict[str, str]]:
    made = []
    for line in _lines(text):
        parts = [part.strip() for part in line.split("|")]
        if len(parts) not in (3, 4):
            faults.append(FieldFault("variables", "每行一个变量：名称|标题|示例|最长示例"))
            break
        made.append(dict(zip(("name", "title", "sample", "longest"), parts, strict=False)))
    return made


def _lines(text: str) -> list[str]:
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
