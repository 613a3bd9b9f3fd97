"""Texts that were accepted: kept per biz_id, shown on the person's phone, limited per number."""

from typing import Any, cast

from simulators.core import World

_KEPT = 20_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_CODE_LIMITS = ((_MINUTE, 1), (_HOUR, 5), (_DAY, 10))
_NOTICE_LIMITS = ((_DAY, 50),)

Text = dict[str, Any]


def texts(world: World) -> dict[str, Text]:
    """Return accepted texts by biz_id (Aliyun BizId, Tencent SerialNo); call `world.state.touch` after a change."""
    return cast(dict[str, Text], world.state.table("sms", "texts"))


def keep(world: World, biz_id: str, row: Text, screen: str) -> None:
    """Keep an accepted text and put it on the phones it was sent to; `screen` starts with the sign name in 【】."""
    rows = texts(world)
    rows[biz_id] = {**row, "sent_at": world.clock.timestamp(), "receipts": 0}
    while len(rows) > _KEPT:
        del rows[next(iter(rows))]
    for phone in row["phones"]:
        person = world.people.find_by_phone(phone)
        if person:
            world.inbox.deliver("sms", person.key, template_id=row["template_id"], text=screen)
    world.state.touch()


def over_limit(world: World, phone: str, is_code: bool) -> bool:
    """Count one more text to a number; true when the vendor's default limit forbids it.

    Source: 阿里云 短信发送频率限制: codes 1 a minute, 5 an hour, 10 a day; notices 50 a day.
    """
    now = world.clock.timestamp()
    history = world.state.table("sms", "history")
    sent = [at for at in history.get(f"{phone} {is_code}", []) if at > now - _DAY]
    limits = _CODE_LIMITS if is_code else _NOTICE_LIMITS
    if any(sum(at > now - seconds for at in sent) >= most for seconds, most in limits):
        return True
    history[f"{phone} {is_code}"] = [*sent, now]
    while len(history) > _KEPT:
        del history[next(iter(history))]
    return False
