"""Faults the control API arms per provider and call: slow, lost, refused, unsigned or lying answers.

`exchange.serve` applies the transport kinds; the provider applies the rest from `Exchange.fault`.
"""

import itertools
from dataclasses import asdict, dataclass, field
from typing import Any

TRANSPORT_KINDS = frozenset({"delay", "hang", "drop", "drop_after", "hang_after", "http"})
PROVIDER_KINDS = frozenset(
    {
        "error",
        "unsigned",
        "wrong_signature",
        "stale",
        "rotated_key",
        "wrong_amount",
        "wrong_merchant",
        "wrong_app",
        "other_currency",
    }
)
KINDS = TRANSPORT_KINDS | PROVIDER_KINDS


@dataclass(slots=True)
class Fault:
    """One armed fault: `times` calls left (-1 = until deleted), `delay_seconds` of real time before any kind."""

    provider: str
    call: str
    kind: str
    times: int = 1
    delay_seconds: float = 0
    status: int = 500
    code: str = ""
    message: str = ""
    id: int = field(default=0)

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control API shows it."""
        return asdict(self)


class FaultBook:
    """All armed faults, oldest first; a call takes the first that matches."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def arm(self, fault: Fault) -> Fault:
        """Add a fault and give it its id."""
        fault.id = next(self._ids)
        self._faults.append(fault)
        return fault

    def take(self, provider: str, call: str) -> Fault | None:
        """Return the fault for this call, if any, and count it down. Calls without faults cost one empty-list look."""
        for fault in self._faults:
            if fault.provider in (provider, "*") and fault.call in (call, "*"):
                if fault.times > 0:
                    fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None

    def list(self) -> list[Fault]:
        """Return the armed faults."""
        return self._faults.copy()

    def clear(self, fault_id: int | None = None) -> int:
        """Remove one fault, or all; return how many went."""
        kept = [] if fault_id is None else [fault for fault in self._faults if fault.id != fault_id]
        gone = len(self._faults) - len(kept)
        self._faults = kept
        return gone
