"""What happened: calls received (counted and listed) and messages that reached a person's phone.

Read through the control API. Providers pass only harmless key fields: never secrets, codes, tokens or ID numbers.
"""

from collections import Counter, deque
from typing import Any

from simulators.clock import Clock
from simulators.state import StateStore

REQUESTS_KEPT = 5_000
MESSAGES_KEPT_PER_PERSON = 200


class Journal:
    """Calls received since the start or the last reset; the newest 5,000 in detail, counts of all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_KEPT)
        self._counts: Counter[tuple[str, str]] = Counter()

    def record(self, provider: str, call: str, fields: dict[str, Any], outcome: str) -> None:
        """Note one call with its key fields and outcome."""
        self._counts[provider, call] += 1
        row = {
            "at": self._clock.now().isoformat(),
            "provider": provider,
            "call": call,
            **fields,
            "outcome": outcome,
        }
        self._requests.append(row)

    def list(self, provider: str = "", call: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """Return calls newest first; empty filters match all."""
        found: list[dict[str, Any]] = []
        for row in reversed(self._requests):
            if len(found) >= limit:
                break
            if provider in ("", row["provider"]) and call in ("", row["call"]):
                found.append(row)
        return found

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of calls per provider and call."""
        result: dict[str, dict[str, int]] = {}
        for (provider, call), count in sorted(self._counts.items()):
            result.setdefault(provider, {})[call] = count
        return result

    def clear(self) -> None:
        """Forget all calls and counts."""
        self._requests.clear()
        self._counts.clear()


class Inbox:
    """Messages on people's phones, per person, kept in the state file (newest 200 each)."""

    def __init__(self, clock: Clock, state: StateStore) -> None:
        self._clock = clock
        self._state = state

    def deliver(
        self,
        channel: str,
        person_key: str,
        *,
        template_id: str = "",
        data: dict[str, Any] | None = None,
        text: str = "",
        page: str = "",
    ) -> None:
        """Put a message on the person's phone. `channel` is wechat, alipay or sms; `text` is what the screen shows."""
        messages = self._state.section("messages").setdefault(person_key, [])
        messages.append(
            {
                "at": self._clock.now().isoformat(),
                "channel": channel,
                "person": person_key,
                "template_id": template_id,
                "data": data or {},
                "text": text,
                "page": page,
            }
        )
        del messages[:-MESSAGES_KEPT_PER_PERSON]
        self._state.touch()

    def list(self, person_key: str = "", channel: str = "", limit: int = 200) -> list[dict[str, Any]]:
        """Return messages newest first; empty filters match all."""
        section = self._state.section("messages")
        groups = [section.get(person_key, [])] if person_key else section.values()
        found = [row for rows in groups for row in rows if channel in ("", row["channel"])]
        found.sort(key=lambda row: str(row["at"]), reverse=True)
        return found[:limit]
