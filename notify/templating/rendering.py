"""A template filled with samples or longest values, as each channel would show it. Pure; sends nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from notify.neutral import UnfitValue
from notify.render import INBOX_LENGTH, TITLE_LENGTH, filled, filled_all
from notify.templates import Binding, Template, Variable
from notify.templating.types import CHANNELS, ChannelPreview, Preview, Shown

Fit = Callable[[Mapping[str, str]], dict[str, str]]
"""A channel's `fitted`."""
OF_EVERY_NOTICE = (
    Variable(name="subject_no", title="编号", sample="1420261122K7QF75CX9V", longest="YJS20261122K7QF75CX9V"),
    Variable(name="time", title="时间", sample="2026-11-22 10:30", longest="2026-11-22 10:30"),
    Variable(name="date", title="日期", sample="2026-11-22", longest="2026-11-22"),
)
"""What a text may name without declaring it."""
_PLACE = re.compile(r"\$\{(\w+)\}")


def samples(template: Template) -> dict[str, str]:
    """Return the value of every variable that a preview and a test send show."""
    return {each.name: each.sample for each in (*OF_EVERY_NOTICE, *template.variables)}


def longest(template: Template) -> dict[str, str]:
    """Return the longest value of every variable."""
    return {each.name: each.longest or each.sample for each in (*OF_EVERY_NOTICE, *template.variables)}


def preview(template: Template, variables: Mapping[str, str], fits: Mapping[str, Fit], sign: str) -> Preview:
    """Show a template on every channel, the inbox last.

    Args:
        fits: channel → its way to fit values.
        sign: the SMS sign of the house, where a binding names none.
    """
    shown = [
        _channel(name, binding, template, variables, fits.get(name, dict), sign)
        for name in template.channels
        if (binding := template.binding(name)) is not None
    ]
    inbox = ChannelPreview(
        channel="INBOX",
        name="站内消息",
        title=filled(template.title, variables, TITLE_LENGTH),
        lines=[],
        text=filled(template.inbox_text, variables, INBOX_LENGTH),
        page="",
        problem="",
    )
    return Preview(data=[*shown, inbox])


def sms_text(binding: Binding, values: Mapping[str, str], sign: str) -> str:
    """Return the message as a phone shows it: the sign, then the approved text with the values in their places."""
    return f"【{binding.sign or sign}】" + _PLACE.sub(lambda place: values.get(place[1], ""), binding.text)


def _channel(
    name: str, binding: Binding, template: Template, variables: Mapping[str, str], fit: Fit, sign: str
) -> ChannelPreview:
    values = filled_all(binding.fields, variables)
    problem = ""
    try:
        fitted = fit(values)
    except UnfitValue as unfit:
        fitted, problem = dict(values), f"字段 {unfit.key} 的内容不符合该渠道的要求"
    lines = [Shown(key=key, value=text, is_cut=text != " ".join(values[key].split())) for key, text in fitted.items()]
    return ChannelPreview(
        channel=name,
        name=CHANNELS[name],  # type: ignore[index]  # one of the three by the type of `channels`
        title=binding.title or template.title,
        lines=lines,
        text=sms_text(binding, fitted, sign) if name == "SMS" else "",
        page=filled(binding.page, variables) if binding.page else "",
        problem=problem,
    )
