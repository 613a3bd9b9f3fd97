"""Parcels as a phone, a counter and a courier see them: the steps that every story about the post takes."""

from __future__ import annotations

from typing import Any

from demo.counter import Counter
from demo.person import Person
from demo.wire import Wire, until


class Parcels:
    """The couriers' side of the road, over the control API of their simulators."""

    def __init__(self, control: Wire) -> None:
        self._control = control

    async def move(self, shipment: dict[str, Any], *targets: str, **more: Any) -> None:
        """Let the courier carry a parcel as far as each of these places, each told to us by its push."""
        path = f"/control/{shipment['courier'].lower()}/orders/{shipment['shipment_no']}/move"
        for target in targets:
            (await self._control.send("POST", path, value={"to": target, **more})).expect(200)


async def parcels_of(person: Person, number: str, leg: str) -> list[dict[str, Any]]:
    """List the parcels of one leg of a case, the oldest first."""
    found = (await person.phone.call("GET", f"/applications/{number}/shipments")).expect(200)["data"]
    return [row for row in found if row["leg"] == leg]


async def newest(person: Person, number: str, leg: str, *, at_least: int = 1, booked: bool = True) -> dict[str, Any]:
    """Wait for the newest parcel of a leg (the second, where there must be two), with its waybill number."""

    async def look() -> dict[str, Any]:
        listed = await parcels_of(person, number, leg)
        return listed[-1] if len(listed) >= at_least else {}

    return await until("快递下单", look, lambda seen: bool(seen and (seen["waybill_no"] or not booked)))


async def shipment_in(person: Person, shipment_no: str, *statuses: str) -> dict[str, Any]:
    """Wait until a parcel is in one of these states, as its citizen sees it."""

    async def look() -> dict[str, Any]:
        return dict((await person.phone.call("GET", f"/shipments/{shipment_no}")).expect(200))

    return await until(f"快递进入 {'/'.join(statuses)}", look, lambda seen: seen["status"] in statuses)


async def holders(counter: Counter, number: str) -> list[dict[str, Any]]:
    """Ask who holds the documents of a case."""
    return list((await counter.call("GET", f"/cases/{number}/custody")).expect(200)["data"])
