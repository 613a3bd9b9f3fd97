"""Which earlier answers may fill a form again. Pure.

An answer is offered for a field of the same name, title, type and format, if the new form takes it. Never offered are
declarations (they are made anew each time), days (they tell of one event), and what the profile knows better. A case
that somebody else filed for the owner is not looked at, so that an agent's data do not turn up as the owner's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app import clock
from services.applications import forms
from services.applications.archive.types import EarlierCase, FieldOffer, OfferSource
from services.catalogue.types import Item

_SAME = ("title", "type", "format")
_OF_ONE_EVENT = ("date", "date-time", "time")
_TEXT_OR_NUMBER = ("string", "integer", "number", "array", "object")


def from_earlier(item: Item, cases: Sequence[EarlierCase]) -> Iterator[FieldOffer]:
    """Yield an offer for every field that an earlier case answers, the first case that does."""
    for name, part in item.fields.items():
        if name in item.prefill or not _may_be_repeated(part):
            continue
        case = next((case for case in cases if _answers(case, name, part, item)), None)
        if case is not None:
            yield offer(item, name, case.answers[name], _source(case))


def offer(item: Item, name: str, value: Any, source: OfferSource) -> FieldOffer:
    """Make the offer of a value for a field."""
    title = str(item.fields[name].get("title", name))
    return FieldOffer(field=name, title=title, value=value, is_sensitive=is_sensitive(item, name), source=source)


def is_sensitive(item: Item, name: str) -> bool:
    """Tell whether an answer, or a part of it, is stored encrypted."""
    return any(path[0] == name for path in item.sensitive)


def fits(item: Item, name: str, value: Any) -> bool:
    """Tell whether the form of an item takes a value for a field."""
    faults = forms.draft_faults(item, {name: value})
    return not any(
        fault.path == f"form.{name}" or fault.path.startswith((f"form.{name}.", f"form.{name}[")) for fault in faults
    )


def _may_be_repeated(part: Mapping[str, Any]) -> bool:
    return part.get("type") in _TEXT_OR_NUMBER and part.get("format") not in _OF_ONE_EVENT and "const" not in part


def _answers(case: EarlierCase, name: str, part: Mapping[str, Any], item: Item) -> bool:
    before = case.item.fields.get(name)
    if before is None or case.answers.get(name) in (None, "", [], {}):
        return False
    if any(before.get(word) != part.get(word) for word in _SAME):
        return False
    if not case.is_whole and (is_sensitive(case.item, name) or is_sensitive(item, name)):
        return False
    return fits(item, name, case.answers[name])


def _source(case: EarlierCase) -> OfferSource:
    day = clock.beijing_date(case.accepted_at).isoformat()
    return OfferSource(
        kind="earlier",
        text=f"来自{day}办理的“{case.item.record.name}”",
        at=clock.rfc3339(case.accepted_at),
        reference=case.application_no,
    )
