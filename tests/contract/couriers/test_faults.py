"""The fault matrix of couriers: every call of the port meets every fault, and no fault is ever taken for a success, for
a plain no, or for proof that nothing was done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from services.delivery.ports import Courier
from services.delivery.types import ParcelRef
from tests.contract.couriers.stand import CITIZEN, WINDOW, HastyTransport, Stand

pytestmark = pytest.mark.anyio
UNKNOWN: tuple[type[Exception], ...] = (ProviderUnavailable,)
NOT_BELIEVED: tuple[type[Exception], ...] = (ProviderProtocolError, ProviderUnavailable)
FAULTS: dict[str, tuple[dict[str, object], tuple[type[Exception], ...]]] = {
    "nothing done": ({"kind": "drop"}, UNKNOWN),
    "answer lost": ({"kind": "drop_after"}, UNKNOWN),
    "time-out": ({"kind": "hang"}, UNKNOWN),
    "http 500": ({"kind": "http", "status": 500}, UNKNOWN),
    "http 503": ({"kind": "http", "status": 503}, UNKNOWN),
    "http 404": ({"kind": "http", "status": 404}, NOT_BELIEVED),
    "html with 200": ({"kind": "http", "status": 200}, NOT_BELIEVED),
    "redirect": ({"kind": "http", "status": 302}, NOT_BELIEVED),
}
CALLS = ("book", "find", "cancel", "label", "reaches", "estimate", "track", "follow")


def act(stand: Stand, courier: Courier, call: str, parcel: ParcelRef) -> Callable[[], Awaitable[object]]:
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "book": lambda: courier.book(stand.order(shipment_no="SJ20260302TEST02")),
        "find": lambda: courier.find(parcel),
        "cancel": lambda: courier.cancel(parcel, "申请人改为窗口自取"),
        "label": lambda: courier.label(parcel),
        "reaches": lambda: courier.reaches(WINDOW, CITIZEN, stand.carrier),
        "estimate": lambda: courier.estimate(stand.order()),
        "track": lambda: courier.track(parcel),
        "follow": lambda: courier.follow(parcel),
    }
    return acts[call]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
async def test_fault_is_no_answer_and_passes(stand: Stand, call: str, fault: str) -> None:
    if call not in stand.calls:
        return
    armed, outcome = FAULTS[fault]
    parcel = stand.ref(await stand.courier.book(stand.order()))
    acting = act(stand, stand.courier, call, parcel)
    stand.fault(call, **armed)  # type: ignore[arg-type]  # the table's kinds are texts
    with pytest.raises(outcome):
        await acting()
    stand.heal()
    await acting()


@pytest.mark.parametrize("call", CALLS)
async def test_nobody_listening_is_known_as_nothing_sent(stand: Stand, call: str) -> None:
    if call not in stand.calls:
        return
    parcel = stand.ref(await stand.courier.book(stand.order()))
    async with aiohttp.ClientSession() as session:
        courier = stand.make(HastyTransport(session, stand.provider), "http://127.0.0.1:9")
        with pytest.raises(ProviderUnavailable) as away:
            await act(stand, courier, call, parcel)()
    assert away.value.details.get("nothing_sent") is True


@pytest.mark.parametrize("call", CALLS)
async def test_refusal_reads_as_refusal(stand: Stand, call: str) -> None:
    """A plain no to our credentials is no time-out: it must reach a person."""
    if call not in stand.calls or not stand.refused_for_good:
        return
    parcel = stand.ref(await stand.courier.book(stand.order()))
    stand.fault(call, "error", code=stand.refused_for_good)
    with pytest.raises(ProviderRejected):
        await act(stand, stand.courier, call, parcel)()
