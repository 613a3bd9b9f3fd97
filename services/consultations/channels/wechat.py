"""WeChat's customer-service messages (客服消息) as a way for answers."""

from __future__ import annotations

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.wechat.miniprogram import MiniProgramClient
from services.consultations.states import Told

LONGEST_BYTES = 2_000


class WeChatCustomerMessages:
    """The chat of one mini-program. See ports.CustomerMessages."""

    def __init__(self, client: MiniProgramClient) -> None:
        self._client = client

    async def send(self, subject: str, text: str) -> Told:
        """Send one text; what is longer than the platform takes is cut, the whole stands in the mini-program.

        45015 (the 48 hours are over), 45047 (five answers to one message), 40003 and all other refusals mean: not this
        way. Source: WeChat mini-program documents, 发送客服消息 sendCustomMessage.
        """
        try:
            await self._client.send_custom_message(subject, _cut(text))
        except ProviderRejected:
            return Told.REFUSED
        except ProviderProtocolError:
            return Told.UNKNOWN
        except ProviderUnavailable as error:
            certain = error.details.get("nothing_sent") is True or bool(error.details.get("provider_code"))
            return Told.LATER if certain else Told.UNKNOWN
        return Told.TAKEN


def _cut(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= LONGEST_BYTES:
        return text
    return encoded[: LONGEST_BYTES - 3].decode(errors="ignore") + "…"
