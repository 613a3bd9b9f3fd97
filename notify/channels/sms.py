"""SMS (短信) as a notice channel: the provider that the settings name, Alibaba Cloud or Tencent Cloud."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Protocol

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.sms import aliyun, tencent
from clients.sms.problems import SmsProblem, problem_of
from notify.channels.faults import one_line, unanswered
from notify.neutral import Delivery, Message, Outcome, Receipt

_VALUE_LENGTH = 35
_FAULTS = (SmsProblem.CONTENT, SmsProblem.CONFIGURATION)


class SmsSender(Protocol):
    """One provider's way to send; both adapters below have this shape."""

    async def submit(self, message: Message, values: Mapping[str, str]) -> str:
        """Send; return the provider's message number. Raises as the clients do."""
        ...

    def pause_seconds(self) -> float:
        """Say for how long the breaker refuses calls."""
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
            sign_name=message.sign or self._sign_name,
            template_code=message.template_id,
            values=values,
            out_id=message.reference,
        )

    def pause_seconds(self) -> float:
        """Ask the breaker."""
        return self._client.pause_seconds()


class TencentSender:
    """Sends through Tencent Cloud."""

    def __init__(self, client: tencent.TencentSms, sign_name: str) -> None:
        self._client = client
        self._sign_name = sign_name

    async def submit(self, message: Message, values: Mapping[str, str]) -> str:
        """Send values in the binding's order."""
        return await self._client.send(
            message.recipient,
            sign_name=message.sign or self._sign_name,
            template_id=message.template_id,
            values=list(values.values()),
            session_context=message.reference,
        )

    def pause_seconds(self) -> float:
        """Ask the breaker."""
        return self._client.pause_seconds()


class SmsNoticeChannel:
    """Sends to phones. See ports.NoticeChannel."""

    def __init__(self, sender: SmsSender) -> None:
        self._sender = sender

    def fitted(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return values as operators allow them."""
        return fitted(values)

    def pause_seconds(self) -> float:
        """Ask the breaker."""
        return self._sender.pause_seconds()

    async def send(self, message: Message) -> Delivery:
        """Send one approved template."""
        try:
            number = await self._sender.submit(message, message.values)
        except ProviderRejected as error:
            problem = problem_of(error)
            outcome = Outcome.LATER if problem is SmsProblem.COME_AGAIN else Outcome.REFUSED
            return Delivery(outcome, error.provider_code, is_fault=problem in _FAULTS)
        except (ProviderUnavailable, ProviderProtocolError) as error:
            return unanswered(error)
        return Delivery(Outcome.SENT, "OK", number)


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """Return values of one line and at most 35 characters, as operators allow for a variable. Raises UnfitValue."""
    return one_line(values, _VALUE_LENGTH)


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
