"""Notice templates: the records of the template file, their import, and the shelf from which delivery reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from app import clock
from app.errors import SettingsError
from notify import repository
from notify.types import Channel

_SHELF_SECONDS = 60.0
_PLACE = re.compile(r"\$\{(\w+)\}")
_NUMBER = re.compile(r"[0-9]{1,3}$")
_JSON_COLUMNS = ("channels", "bindings", "variables")


class Binding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one channel says it: the provider's template, its fields by key, each a text with {variables}.

    `kind` counts where a permission is needed; `text` is what an SMS provider approved, for people to compare; `sign`
    is another SMS sign (短信签名) than that of the house.
    """

    template_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    fields: dict[str, str]
    kind: Literal["ONE_TIME", "LONG_TERM"] = "ONE_TIME"
    page: str = ""
    title: str = ""
    text: str = ""
    sign: Annotated[str, msgspec.Meta(max_length=16)] = ""


Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Variable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One {name} of a template: what people call it, a value for previews, and the longest value it may have."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
    title: Word
    sample: Word
    longest: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one event, or a member of staff, tells a person.

    `code` is the event's name where an event is told; `channels` the order of tries before the inbox. `urgent` is
    told at night too; `statutory` heeds no preference. `on_unknown` says what follows a time-out: the same channel
    again, the next one, or nothing.
    """

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    inbox_text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    channels: list[Literal["WECHAT", "ALIPAY", "SMS"]] = []
    bindings: dict[Literal["WECHAT", "ALIPAY", "SMS"], Binding] = {}
    statutory: bool = False
    status: Literal["DRAFT", "ENABLED", "RETIRED"] = "ENABLED"
    used_for: Literal["EVENT", "PUSH", "CAMPAIGN"] = "EVENT"
    topic: Literal["case", "payment", "delivery", "licence", "consultation", "policy", "account"] = "case"
    urgent: bool = False
    on_unknown: Literal["REPEAT", "NEXT", "STOP"] = "REPEAT"
    lifetime_hours: Annotated[int, msgspec.Meta(ge=1, le=8760)] | None = None
    variables: list[Variable] = []

    def expires_at(self, occurred_at: datetime) -> datetime | None:
        """Return when something that occurred then is not worth telling any more."""
        return None if self.lifetime_hours is None else occurred_at + timedelta(hours=self.lifetime_hours)

    def binding(self, channel: str) -> Binding | None:
        """Return the binding of a channel that is in the order of tries."""
        found: Binding | None = self.bindings.get(channel) if channel in self.channels else None  # type: ignore[call-overload]  # any text may be asked for
        return found


def read_templates(path: Path) -> list[Template]:
    """Read the template file. Raises SettingsError naming the fault."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[Template])
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"模板文件 {path.name} 无法读取：{error}") from error
    for template in found:
        if missing := [name for name in template.channels if name not in template.bindings]:
            raise SettingsError(f"模板 {template.code} 缺少渠道绑定：{'、'.join(missing)}")
    return found


async def import_templates(path: Path) -> int:
    """Write the templates of a file; return how many there are. Idempotent: yes, by code and version."""
    templates = read_templates(path)
    await repository.save_templates([(template.code, template.version, _columns(template)) for template in templates])
    return len(templates)


def _columns(template: Template) -> dict[str, object]:
    encoded: dict[str, object] = msgspec.to_builtins(template)
    return {name: value for name, value in encoded.items() if name not in ("code", "version", "status")}


class Shelf:
    """The enabled templates, read from the database at most once a minute."""

    def __init__(self) -> None:
        self._newest: dict[str, Template] = {}
        self._all: dict[tuple[str, int], Template] = {}
        self._fresh_until_seconds = 0.0

    async def newest(self, code: str) -> Template | None:
        """Return the newest enabled template of an event; None when it tells nobody."""
        await self._refresh()
        return self._newest.get(code)

    async def exact(self, code: str, version: int) -> Template | None:
        """Return one version, which a notice was made under; a draft as it is now."""
        await self._refresh()
        found = self._all.get((code, version))
        if found is None or found.status == "DRAFT":
            self.forget()
            await self._refresh()
        return self._all.get((code, version))

    def forget(self) -> None:
        """Read the rows again when somebody asks next: they have changed."""
        self._fresh_until_seconds = 0.0

    async def bound(self, channel: Channel) -> list[tuple[Template, Binding]]:
        """Return every newest template that a channel can send, with its binding."""
        await self._refresh()
        pairs = [(template, template.binding(channel)) for template in self._newest.values()]
        return [(template, binding) for template, binding in pairs if binding is not None]

    async def used_for(self, use: str) -> list[Template]:
        """Return the enabled templates of a use (EVENT, PUSH, CAMPAIGN), by code."""
        await self._refresh()
        return [template for _, template in sorted(self._newest.items()) if template.used_for == use]

    async def _refresh(self) -> None:
        if clock.monotonic() < self._fresh_until_seconds:
            return
        rows = await repository.list_templates()
        listed = [template_of(row) for row in rows]
        self._all = {(template.code, template.version): template for template in listed}
        self._newest = {template.code: template for template in listed if template.status == "ENABLED"}
        self._fresh_until_seconds = clock.monotonic() + _SHELF_SECONDS


def template_of(row: Mapping[str, Any]) -> Template:
    """Read a template from its columns. The database keeps no order of keys: fields come as the platform numbers them,
    those of an SMS as its approved text names them."""
    plain = {name: value for name, value in row.items() if name not in _JSON_COLUMNS}
    listed = {name: msgspec.json.decode(row[name]) for name in _JSON_COLUMNS}
    for binding in listed["bindings"].values():
        places = _PLACE.findall(binding.get("text", ""))
        binding["fields"] = dict(sorted(binding["fields"].items(), key=lambda field: _turn(field[0], places)))
    return msgspec.convert(plain | listed, Template)


def _turn(key: str, places: Sequence[str]) -> tuple[int, str]:
    if key in places:
        return places.index(key), key
    number = _NUMBER.search(key)
    return (int(number[0]) if number else 0), key
