"""WeChat subscribe messages (订阅消息) as a notice channel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.wechat.api_errors import ApiCode
from clients.wechat.miniprogram import MiniProgramClient, SubscribeMessage
from clients.wechat.template_values import UnfitTemplateValue, fit_values
from notify.channels.faults import unanswered
from notify.neutral import Delivery, Halt, Message, Outcome, UnfitValue

_CHARACTERS = 32
_PHRASE = re.compile(r"[^\u3400-\u9fff]")
_PHRASE_LENGTH = 5
_OF_OUR_APP = (
    *("40001", "40014", "41001", "42001", "40002", "40013", "40125", "40164", "40243", "41002", "41004", "43002"),
    *("50004", "50007", "89503", "89506", "89507"),
)
"""The app's secret, token or address list is wrong: it says nothing about the message, which waits for a person."""
_ANSWERS: dict[str, Delivery] = {
    str(int(ApiCode.NOT_SUBSCRIBED)): Delivery(Outcome.NO_PERMISSION),
    str(int(ApiCode.CONCURRENT_SEND)): Delivery(Outcome.LATER, is_soon=True),
    str(int(ApiCode.DAILY_QUOTA)): Delivery(Outcome.LATER, halt=Halt.DAY),
    str(int(ApiCode.ABILITY_BANNED)): Delivery(Outcome.REFUSED, halt=Halt.TEMPLATE, is_fault=True),
    str(int(ApiCode.TEMPLATE_WRONG)): Delivery(Outcome.REFUSED, halt=Halt.TEMPLATE, is_fault=True),
    str(int(ApiCode.SENSITIVE_WORD)): Delivery(Outcome.REFUSED, is_fault=True),
    str(int(ApiCode.VALUE_BREAKS_RULE)): Delivery(Outcome.REFUSED, is_fault=True),
    str(int(ApiCode.PAGE_WRONG)): Delivery(Outcome.REFUSED, is_fault=True),
    str(int(ApiCode.OPENID_WRONG)): Delivery(Outcome.REFUSED),
    **dict.fromkeys(_OF_OUR_APP, Delivery(Outcome.LATER, is_fault=True)),
}
_UNLISTED = Delivery(Outcome.REFUSED, is_fault=True)


class WeChatNoticeChannel:
    """Sends for one mini-program. See ports.NoticeChannel."""

    def __init__(self, client: MiniProgramClient, state: str = "formal") -> None:
        self._client = client
        self._state = state

    def fitted(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return values that keep the limits of their keys' types."""
        return fitted(values)

    def pause_seconds(self) -> float:
        """Ask the breaker."""
        return self._client.pause_seconds()

    async def send(self, message: Message) -> Delivery:
        """Send one subscribe message. Source: WeChat mini-program documents, 发送订阅消息."""
        try:
            number = await self._client.send_subscribe_message(
                SubscribeMessage(
                    message.recipient, message.template_id, dict(message.values), message.page, self._state
                )
            )
        except ProviderRejected as error:
            return _told(error.provider_code)
        except (ProviderUnavailable, ProviderProtocolError) as error:
            return unanswered(error, busy_is_certain=True)
        return Delivery(Outcome.SENT, "0", number)


def _told(code: str) -> Delivery:
    known = _ANSWERS.get(code, _UNLISTED)
    return Delivery(known.outcome, code, halt=known.halt, is_fault=known.is_fault, is_soon=known.is_soon)


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """Return values that keep the limits of their keys' types. Raises UnfitValue naming the key that cannot.

    Numbers longer than a character_string keep their end, which tells them apart; a phrase loses what is not Chinese.
    Source: WeChat mini-program documents, 订阅消息参数值内容限制说明.
    """
    try:
        return {key: _fitted(key, text) for key, text in values.items()}
    except UnfitTemplateValue as error:
        raise UnfitValue(error.key) from None


@lru_cache(256)
def _fitted(key: str, text: str) -> str:
    """Fit one value; those of a mass push are the same for everybody. Raises UnfitTemplateValue."""
    return fit_values({key: _shortened(key, text)})[key]


def _shortened(key: str, text: str) -> str:
    if key.startswith("character_string"):
        return "".join(character for character in text if " " <= character <= "~").strip()[-_CHARACTERS:].lstrip()
    if key.startswith("phrase"):
        return _PHRASE.sub("", text)[:_PHRASE_LENGTH]
    return text
