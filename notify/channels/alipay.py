"""Alipay template messages (小程序模板消息, 订阅消息) as a notice channel."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.alipay.gateway import AlipayGateway
from clients.alipay.messages import Refusal, refusal, send_template_message
from notify.neutral import Delivery, Message, Outcome

_VALUE_LENGTH = 50
_OUTCOMES = {Refusal.UNREACHABLE: Outcome.NO_PERMISSION, Refusal.LATER: Outcome.LATER}


class AlipayNoticeChannel:
    """Sends for one mini-program. See ports.NoticeChannel."""

    def __init__(self, gateway: AlipayGateway) -> None:
        self._gateway = gateway

    async def send(self, message: Message) -> Delivery:
        """Send one message. Source: Alipay open platform, alipay.open.app.mini.templatemessage.send."""
        is_user_id = message.recipient.isdigit() and message.recipient.startswith("2088")
        try:
            await send_template_message(
                self._gateway,
                template_id=message.template_id,
                values=fitted(message.values),
                page=message.page,
                open_id="" if is_user_id else message.recipient,
                user_id=message.recipient if is_user_id else "",
            )
        except ProviderRejected as error:
            return Delivery(_OUTCOMES.get(refusal(error), Outcome.REFUSED), error.provider_code)
        except ProviderUnavailable as error:
            certain = error.details.get("nothing_sent") is True
            return Delivery(Outcome.LATER if certain else Outcome.UNKNOWN, error.stable_code)
        except ProviderProtocolError as error:
            return Delivery(Outcome.UNKNOWN, error.stable_code)
        return Delivery(Outcome.SENT, "10000")


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """Return values of one line and at most 50 characters. Source: as `send`."""
    single = {key: " ".join(text.split()) for key, text in values.items()}
    return {
        key: text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…" for key, text in single.items()
    }
