"""One scene for every call of the matrix: how to come to the call, the call itself, and what repairs it afterwards."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.errors import CallbackRejected, Conflict, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments.types import OpenedPayment
from tests.contract.faults.house import REFUND_FEN, RealHouse, outcome_of
from tests.contract.faults.matrix import Outcome
from tests.contract.faults.platforms import LATE_SECONDS, PATIENCE_SECONDS, SimulatedPlatform, unsigned
from tests.contract.simulators.callback_sink import Received
from tests.fakes.payments_house import person


class Scene(ABC):
    """A call of the port and what stands around it."""

    call = ""
    end = "CONFIRMED / SUCCEEDED"

    def __init__(self, house: RealHouse, name: str, fault: str) -> None:
        self.house, self.name, self.fault = house, name, fault
        self.platform = house.platforms[name]
        self.other = "alipay" if name == "wechat" else "wechat"
        self.order: OpenedPayment | None = None

    def called(self) -> SimulatedPlatform:
        """Return the platform that the call goes to."""
        return self.platform

    @contextmanager
    def trouble(self) -> Iterator[None]:
        """The fault lasts as long as the block."""
        with self.called().fault(self.call, self.fault):
            yield

    async def before(self) -> None:  # noqa: B027  # most calls need nothing before them
        """Come to where the call is made."""

    @abstractmethod
    async def act(self) -> Outcome:
        """Have the call made; return what the room makes of it."""

    async def states(self) -> str:
        """Return where the room stands, in the words of the row."""
        return await self.house.states()

    @abstractmethod
    async def repair(self) -> None:
        """Do what the person, the provider and time do afterwards."""

    async def settled(self) -> None:
        """Wait until the provider has done late what it does late."""
        if self.fault == "timeout":
            await asyncio.sleep(LATE_SECONDS - PATIENCE_SECONDS + 0.15)

    async def paid(self, notify: str = "normal") -> OpenedPayment:
        """Open an order at the platform and pay it."""
        order = await self.house.create(self.name)
        self.platform.pay(order.parameters, notify)
        return order

    async def refund(self) -> tuple[str, str]:
        """Pay, and have staff ask for a part of the money; return both numbers."""
        self.order = await self.paid()
        await self.house.deliver_caught(self.name)
        await self.house.room.drain()
        number = await self.house.room.refund(self.order.out_trade_no, REFUND_FEN)
        return self.order.out_trade_no, number


class Calling(Scene):
    """A call that the room makes itself."""

    async def act(self) -> Outcome:
        """Make the call; return what the room makes of it."""
        known = await self.house.quarantined()
        with suppress(ProviderUnavailable, ProviderRejected, ProviderProtocolError, Conflict):
            await self.work()
        if await self.house.quarantined() > known:
            return Outcome.QUARANTINED
        return self.house.listening[self.name].heard[self.call]

    @abstractmethod
    async def work(self) -> None:
        """Do what makes the room call the provider."""


class Opening(Calling):
    """The person taps on `pay`."""

    call = "open"

    async def work(self) -> None:
        await self.house.create(self.name)

    async def repair(self) -> None:
        await self.paid()
        await self.house.deliver_caught(self.name)


class Asking(Calling):
    """The order was paid and nobody told us."""

    call = "query"

    async def before(self) -> None:
        self.order = await self.paid("none")

    async def work(self) -> None:
        assert self.order is not None
        await self.house.room.service.ask_order(self.order.out_trade_no)

    async def repair(self) -> None:
        await self.house.follow()


class Closing(Calling):
    """The person has an open order and wants to pay in the other channel."""

    call = "close"

    async def before(self) -> None:
        self.order = await self.house.create(self.name)

    async def work(self) -> None:
        await self.house.create(self.other)

    async def act(self) -> Outcome:
        outcome = await super().act()
        if outcome not in (Outcome.BELIEVED, Outcome.QUARANTINED):
            assert not self.house.platforms[self.other].held(), "a second order while the first may be paid"
        return outcome

    async def repair(self) -> None:
        """The first order is paid too where that is still possible: the phone may hold it."""
        second = await self.house.create(self.other)
        self.house.platforms[self.other].pay(second.parameters, "normal")
        await self.house.deliver_caught(self.other)
        assert self.order is not None
        if any(each.is_payable for each in self.platform.held()):
            self.platform.pay(self.order.parameters, "normal")
            await self.house.deliver_caught(self.name)
            await self.house.room.drain()
            await finish_refunds(self.house, self.name)
            self.end = "CONFIRMED / SUCCEEDED / SUCCEEDED"


class Refunding(Calling):
    """Staff give a part of the money back."""

    call, end = "refund", "CONFIRMED / SUCCEEDED / SUCCEEDED"
    numbers = ("", "")

    async def before(self) -> None:
        self.numbers = await self.refund()

    async def work(self) -> None:
        await self.house.room.drain()

    async def repair(self) -> None:
        await retry_abnormal(self.house, self.numbers[1])
        await self.house.follow()
        await finish_refunds(self.house, self.name)


class AskingRefund(Refunding):
    """The refund is done, and nobody told us."""

    call = "query_refund"

    async def before(self) -> None:
        self.numbers = await self.refund()
        if self.name == "wechat":
            await self.house.room.drain()
            self.platform.finish_refund(self.numbers, "none")
        else:
            with self.platform.fault("refund", "lost"):
                await self.house.room.drain()

    async def work(self) -> None:
        await self.house.room.wake()
        await self.house.room.service.sweeps.ask_refunds()


class PaymentCallback(Scene):
    """The provider tells of a payment."""

    call = "callback payment"

    @contextmanager
    def trouble(self) -> Iterator[None]:
        yield

    async def before(self) -> None:
        kind = {"signtest": "none", "reordered": "none"}.get(self.fault, self.fault)
        sent = kind if kind in _SENT_SO else "normal"
        self.order = await self.paid(sent)
        if self.fault == "signtest":
            self.platform.notify(self.order.out_trade_no, "signtest")
        if self.fault == "reordered" and self.name == "alipay":
            self.platform.notify(self.order.out_trade_no, "reordered")
            await asyncio.sleep(0.4)
        if self.fault == "reordered" and self.name == "wechat":
            await self._younger_first()
        if self.fault == "late":
            await self.house.follow()

    async def _younger_first(self) -> None:
        """The callback of a refund overtakes that of its payment."""
        assert self.order is not None
        await self.house.follow()
        number = await self.house.room.refund(self.order.out_trade_no, REFUND_FEN)
        await self.house.room.drain()
        self.platform.finish_refund((self.order.out_trade_no, number), "normal")
        await self.house.deliver_caught(self.name)
        self.platform.notify(self.order.out_trade_no, "normal")
        self.end = "CONFIRMED / SUCCEEDED / SUCCEEDED"

    async def act(self) -> Outcome:
        known = await self.house.quarantined()
        outcome = Outcome.ONCE
        copies = self._copies(self.platform.caught())
        assert copies
        for headers, body in copies:
            try:
                await self.house.deliver(self.name, headers, body)
            except (CallbackRejected, ProviderProtocolError) as error:
                outcome = outcome_of(error)
        await self.house.room.drain()
        return Outcome.QUARANTINED if await self.house.quarantined() > known else outcome

    def _copies(self, found: list[Received]) -> list[tuple[dict[str, str], bytes]]:
        if self.fault == "unsigned":
            return [unsigned(self.platform.provider, found[0])]
        if self.fault == "garbage":
            return [(found[0].headers, b"\xff\x00<html>not a message</html>")]
        if self.fault == "empty":
            return [({}, b"")]
        if self.fault == "signtest":
            return [(each.headers, each.body) for each in found if "SIGNTEST" in str(each.headers)][:1]
        wanted = found[::-1] if self.fault == "reordered" else found
        return [(each.headers, each.body) for each in wanted] * (2 if self.fault == "duplicate" else 1)

    async def repair(self) -> None:
        assert self.order is not None
        self.platform.drop_caught()
        self.platform.notify(self.order.out_trade_no, "normal")
        await self.house.deliver_caught(self.name)


class RefundCallback(PaymentCallback):
    """The provider tells of a refund; the answer to our own call was lost (Alipay) or said that it was under way."""

    call, end = "callback refund", "CONFIRMED / SUCCEEDED / SUCCEEDED"
    numbers = ("", "")

    async def before(self) -> None:
        self.numbers = await self.refund()
        if self.name == "wechat":
            await self.house.room.drain()
        else:
            with self.platform.fault("refund", "lost"):
                await self.house.room.drain()
            await asyncio.sleep(0.05)
        self.platform.drop_caught()
        sent = self.fault if self.fault in _SENT_SO or self.fault == "signtest" else "normal"
        self.platform.finish_refund(self.numbers, sent)
        if self.fault == "late":
            await self.house.follow()
        if self.fault == "reordered":
            assert self.order is not None
            self.platform.notify(self.order.out_trade_no, "normal")

    async def repair(self) -> None:
        await self.house.follow()


async def retry_abnormal(house: RealHouse, out_refund_no: str) -> None:
    """Have a cashier try a refund again that the provider has refused."""
    if (await house.states()).endswith("ABNORMAL"):
        await house.room.service.refunds.retry(person("cashier-1"), out_refund_no)


async def finish_refunds(house: RealHouse, name: str) -> None:
    """Let every refund end at the provider, and our books with it."""
    platform = house.platforms[name]
    if name == "wechat":
        for each in platform.sim.control("GET", "/wechat_pay/refunds"):
            if each["status"] == "PROCESSING":
                platform.finish_refund((each["out_trade_no"], each["out_refund_no"]), "none")
    await house.follow()


_SENT_SO = (
    "duplicate",
    "wrong_signature",
    "unknown_serial",
    "stale",
    "wrong_amount",
    "wrong_merchant",
    "wrong_app",
    "other_currency",
)
SCENES: dict[str, type[Scene]] = {
    "open": Opening,
    "query": Asking,
    "close": Closing,
    "refund": Refunding,
    "query_refund": AskingRefund,
    "callback payment": PaymentCallback,
    "callback refund": RefundCallback,
}
