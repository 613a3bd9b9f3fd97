"""The business register's answers in the words of the port `BusinessRegister`. Called by the enterprises only."""

from __future__ import annotations

from clients.register.client import RegisterClient
from services.accounts.enterprises.ports import Confirmed, NotConfirmed, RegisterVerdict


class RegisterAdapter:
    """The port over one register."""

    def __init__(self, client: RegisterClient) -> None:
        self._client = client

    async def legal_representative_matches(
        self, uscc: str, name: str, person_name: str, id_number: str
    ) -> RegisterVerdict:
        """Compare enterprise and person; only an outright match confirms."""
        answer = await self._client.check_representative(uscc, name, person_name, id_number)
        return Confirmed(answer.address) if answer.result == "MATCH" else NotConfirmed(answer.result.lower())
