"""WeChat subscribe messages (订阅消息) as a notice channel."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.wechat.api_errors import ApiCode
from clients.wechat.miniprogram import MiniProgramClient, SubscribeMessage
from clients.wechat.template_values import fit_values
from notify.neutral import Delivery, Message, Outcome

_OUTCOMES = {
    str(int(ApiCode.NOT_SUBSCRIBED)): Outcome.NO_PERMISSION,
    str(int(ApiCode.CONCURRENT_SEND)): Outcome.LATER,
    str(int(ApiCode.DAILY_QUOTA)): Outcome.REFUSED,
}
_CHARACTERS = 32
_PHRASE = re.compile(r"[^\u3400-\u9fff]")
_PHRASE_LENGTH = 5


class WeChatNoticeChannel:
    """Sends for one mini-program. See ports.NoticeChannel."""

    def __init__(self, client: MiniProgramClient, state: str = "formal") -> None:
        self._client = client
        self._state = state

    async def send(self, message: Message) -> Delivery:
        """Send one subscribe message. Source: WeChat mini-program documents, 发送订阅消息."""
        try:
            values = fitted(message.values)
        except ValueError:
            return Delivery(Outcome.REFUSED, "value")
        try:
            number = await self._client.send_subscribe_message(
                SubscribeMessage(message.recipient, message.template_id, values, message.page, self._state)
            )
        except ProviderRejected as error:
            return Delivery(_OUTCOMES.get(error.provider_code, Outcome.REFUSED), error.provider_code)
        except ProviderUnavailable as error:
            # A busy answer (-1, 45011) is an answer: nothing was sent.
            certain = error.details.get("nothing_sent") is True or bool(error.details.get("provider_code"))
            code = str(error.details.get("provider_code") or error.stable_code)
            return Delivery(Outcome.LATER if certain else Outcome.UNKNOWN, code)
        except ProviderProtocolError as error:
            return Delivery(Outcome.UNKNOWN, error.stable_code)
        return Delivery(Outcome.SENT, "0", number)


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """Return values that keep the limits of their keys' types. Raises ValueError naming the key that cannot.

    Numbers longer than a character_string keep their end, which tells them apart; a phrase loses what is not Chinese.
    Source: WeChat mini-program documents, 订阅消息参数值内容限制说明.
    """
    return fit_values({key: _shortened(key, text) for key, text in values.items()})


def _shortened(key: str, text: str) -> str:
    if key.startswith("character_string"):
        return "".join(character for character in text if " " <= character <= "~").strip()[-_CHARACTERS:].lstrip()
    if key.startswith("phrase"):
        return _PHRASE.sub("", text)[:_PHRASE_LENGTH]
    return text
