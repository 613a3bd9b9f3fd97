"""Alipay template messages (小程序模板消息, 订阅消息) as a notice channel."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.alipay.gateway import AlipayGateway
from clients.alipay.messages import Refusal, refusal, send_template_message
from notify.channels.faults import one_line, unanswered
from notify.neutral import Delivery, Halt, Message, Outcome, UnfitValue

_VALUE_LENGTH = 50
_DATA_LENGTH = 2048
_ANSWERS = {
    Refusal.UNREACHABLE: Delivery(Outcome.NO_PERMISSION),
    Refusal.FORM_ID: Delivery(Outcome.REFUSED),
    Refusal.TEMPLATE: Delivery(Outcome.REFUSED, halt=Halt.TEMPLATE, is_fault=True),
    Refusal.CONTENT: Delivery(Outcome.REFUSED, is_fault=True),
    Refusal.CONFIGURATION: Delivery(Outcome.REFUSED, is_fault=True),
    Refusal.LATER: Delivery(Outcome.LATER),
}


class AlipayNoticeChannel:
    """Sends for one mini-program. See ports.NoticeChannel."""

    def __init__(self, gateway: AlipayGateway) -> None:
        self._gateway = gateway

    def fitted(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return values that keep Alipay's limits."""
        return fitted(values)

    def pause_seconds(self) -> float:
        """Ask the breaker."""
        return self._gateway.pause_seconds()

    async def send(self, message: Message) -> Delivery:
        """Send one message. Source: Alipay open platform, alipay.open.app.mini.templatemessage.send."""
        is_user_id = message.recipient.isdigit() and message.recipient.startswith("2088")
        try:
            await send_template_message(
                self._gateway,
                template_id=message.template_id,
                values=message.values,
                page=message.page,
                open_id="" if is_user_id else message.recipient,
                user_id=message.recipient if is_user_id else "",
            )
        except ProviderRejected as error:
            known = _ANSWERS[refusal(error)]
            return Delivery(known.outcome, error.provider_code, halt=known.halt, is_fault=known.is_fault)
        except (ProviderUnavailable, ProviderProtocolError) as error:
            return unanswered(error)
        return Delivery(Outcome.SENT, "10000")


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """Return values of one line and at most 50 characters, 2,048 together as JSON. Raises UnfitValue."""
    made = one_line(values, _VALUE_LENGTH)
    if len(json.dumps({key: {"value": text} for key, text in made.items()}, ensure_ascii=False)) > _DATA_LENGTH:
        raise UnfitValue(list(made)[-1])
    return made
