"""SMS (短信) as a notice channel: the provider that the settings name, Alibaba Cloud or Tencent Cloud."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Protocol

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.sms import aliyun, tencent
from clients.sms.problems import SmsProblem, problem_of
from notify.neutral import Delivery, Message, Outcome, Receipt

_VALUE_LENGTH = 35


class SmsSender(Protocol):
    """One provider's way to send; both adapters below have this shape."""

    async def submit(self, message: Message, values: Mapping[str, str]) -> str:
        """Send; return the provider's message number. Raises as the clients do."""
        ...


class AliyunSender:
    """Sends through Alibaba Cloud."""

    def __init__(self, client: aliyun.AliyunSms, sign_name: str) -> None:
        self._client = client
        self._sign_name = sign_name

    async def submit(self, message: Message, values: Mapping[str, str]) -> str:
        """Send values by name."""
        return await self._client.send(
            message.recipient,
            sign_name=self._sign_name,
            template_code=message.template_id,
            values=values,
            out_id=message.reference,
        )


class TencentSender:
    """Sends through Tencent Cloud."""

    def __init__(self, client: tencent.TencentSms, sign_name: str) -> None:
        self._client = client
        self._sign_name = sign_name

    async def submit(self, message: Message, values: Mapping[str, str]) -> str:
        """Send values in the binding's order."""
        return await self._client.send(
            message.recipient,
            sign_name=self._sign_name,
            template_id=message.template_id,
            values=list(values.values()),
            session_context=message.reference,
        )


class SmsNoticeChannel:
    """Sends to phones. See ports.NoticeChannel."""

    def __init__(self, sender: SmsSender) -> None:
        self._sender = sender

    async def send(self, message: Message) -> Delivery:
        """Send one approved template."""
        try:
            number = await self._sender.submit(message, fitted(message.values))
        except ProviderRejected as error:
            busy = problem_of(error) is SmsProblem.COME_AGAIN
            return Delivery(Outcome.LATER if busy else Outcome.REFUSED, error.provider_code)
        except ProviderUnavailable as error:
            certain = error.details.get("nothing_sent") is True
            return Delivery(Outcome.LATER if certain else Outcome.UNKNOWN, error.stable_code)
        except ProviderProtocolError as error:
            return Delivery(Outcome.UNKNOWN, error.stable_code)
        return Delivery(Outcome.SENT, "OK", number)


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """Return values of one line and at most 35 characters, as operators allow for a variable."""
    single = {key: " ".join(text.split()) for key, text in values.items()}
    return {
        key: text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…" for key, text in single.items()
    }


class AliyunReceiptDoor:
    """Alibaba Cloud's delivery reports (SmsReport)."""

    def __init__(self, token: str) -> None:
        self._token = token

    def admits(self, token: str) -> bool:
        """Compare in constant time; without a token of ours nobody comes in."""
        return _same(self._token, token)

    def parse(self, body: bytes) -> tuple[Receipt, ...]:
        """Read a push of reports."""
        return tuple(Receipt(each.biz_id, each.delivered, each.error_code) for each in aliyun.read_receipts(body))

    def acknowledgement(self) -> bytes:
        """Return what ends the repeats."""
        return aliyun.RECEIPTS_ACCEPTED


class TencentReceiptDoor:
    """Tencent Cloud's delivery reports."""

    def __init__(self, token: str) -> None:
        self._token = token

    def admits(self, token: str) -> bool:
        """Compare in constant time; without a token of ours nobody comes in."""
        return _same(self._token, token)

    def parse(self, body: bytes) -> tuple[Receipt, ...]:
        """Read a push of reports."""
        return tuple(Receipt(each.serial_no, each.delivered, each.error_code) for each in tencent.read_receipts(body))

    def acknowledgement(self) -> bytes:
        """Return what ends the repeats."""
        return tencent.RECEIPTS_ACCEPTED


def _same(ours: str, given: str) -> bool:
    return bool(ours) and hmac.compare_digest(ours.encode(), given.encode())
