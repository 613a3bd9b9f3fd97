"""The door of mandates: offer, list, take up, decline, revoke. Handlers call it; `acting` asks who may act today.

A mandate of somebody else is not found. The agent is named by name and ID number, so that only the person who has
proven both sees the offer; whether the house knows that person is never told.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.identifiers import id_number_fault, is_item_code, mask_name, normalise_id_number
from app.ids import dated_no
from app.limits import RateLimits
from app.tokens import Caller
from services.accounts.enterprises.service import EnterpriseService
from services.accounts.mandates import repository
from services.accounts.mandates.scope import STATUS_TEXT, MandateStatus, is_live, status_on, terms_of
from services.accounts.mandates.types import MandateOffer, MandateView, Side
from services.accounts.ports import Places
from services.accounts.real_name import normalise_name
from services.accounts.types import CitizenProfile

ProfileReader = Callable[[uuid.UUID], Awaitable[CitizenProfile]]
LevelGate = Callable[[Caller], Awaitable[None]]
_OFFER_RATE = "30/day"


class MandateService:
    """Use cases of principals and agents.

    Args:
        enterprises: asked which enterprises the caller represents.
        profile: reads a citizen in plain text.
        require_level: refuses callers whose real-name level is too low for authority over others.
        most_days: longest life of a mandate.
    """

    def __init__(
        self,
        *,
        cipher: FieldCipher,
        places: Places,
        limits: RateLimits,
        enterprises: EnterpriseService,
        profile: ProfileReader,
        require_level: LevelGate,
        most_days: int,
    ) -> None:
        self._cipher, self._places, self._limits = cipher, places, limits
        self._enterprises, self._profile, self._require_level = enterprises, profile, require_level
        self._most_days = most_days

    async def offer(self, caller: Caller, wanted: MandateOffer) -> MandateView:
        """Authorise an agent, who has to take the mandate up before it counts.

        Raises: Forbidden `real_name_required`, NotFound (enterprise), InvalidRequest with every fault,
        TooManyRequests.
        """
        await self._require_level(caller)
        await self._limits.hit(_OFFER_RATE, "mandate-offer", caller.citizen_id.hex)
        if wanted.enterprise_id is not None:
            await self._enterprises.require_role(caller.citizen_id, wanted.enterprise_id)
        number, name = normalise_id_number(wanted.agent_id_number), normalise_name(wanted.agent_name)
        await self._check(caller, wanted, number)
        now = clock.now()
        new = repository.NewMandate(
            mandate_no=dated_no("WT", now),
            principal_citizen_id=None if wanted.enterprise_id else caller.citizen_id,
            principal_enterprise_id=wanted.enterprise_id,
            granted_by=caller.citizen_id,
            agent_hash=self._agent_hash(name, number),
            agent_shown=mask_name(name),
            item_codes=sorted(set(wanted.item_codes)),
            from_on=wanted.from_on,
            until_on=wanted.until_on,
            at=now,
        )
        await repository.offer(new, await self._known_agent(name, number))
        return await self.show(caller, new.mandate_no)

    async def show(self, caller: Caller, mandate_no: str) -> MandateView:
        """Return one mandate of the caller, on whichever side they stand. Raises: NotFound."""
        row, side = await self._either_side(caller, mandate_no)
        return mandate_view(row, side)

    async def list_own(
        self, caller: Caller, side: Side, after: uuid.UUID | None, limit: int
    ) -> tuple[list[MandateView], uuid.UUID | None]:
        """Return a page of the caller's mandates on one side, newest first, and the id to continue after."""
        if side == "principal":
            enterprises = await self._enterprises.represented_ids(caller.citizen_id)
            rows = await repository.list_granted(caller.citizen_id, enterprises, after, limit + 1)
        else:
            rows = await repository.list_held(caller.citizen_id, await self._own_hash(caller), after, limit + 1)
        page = [mandate_view(row, side) for row in rows[:limit]]
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def accept(self, caller: Caller, mandate_no: str) -> MandateView:
        """Take an offer up. Raises: Forbidden `real_name_required`, NotFound, Conflict `mandate_not_open`."""
        await self._require_level(caller)
        return await self._answer(caller, mandate_no, repository.accept)

    async def decline(self, caller: Caller, mandate_no: str) -> MandateView:
        """Decline an offer. Raises: NotFound, Conflict `mandate_not_open`."""
        return await self._answer(caller, mandate_no, repository.decline)

    async def revoke(self, caller: Caller, mandate_no: str) -> MandateView:
        """End a mandate at once: the principal takes it back, or the agent lays it down. Idempotent.

        Raises: NotFound, Conflict `mandate_not_open` for one that the agent declined.
        """
        row, side = await self._either_side(caller, mandate_no)
        if row["declined_at"] is not None or (side == "agent" and row["accepted_at"] is None):
            raise _not_open()
        await repository.revoke(row, clock.now(), row["agent_id"] if side == "principal" else row["granted_by"])
        return await self.show(caller, mandate_no)

    async def usable(
        self, agent_id: uuid.UUID, principal_citizen_id: uuid.UUID | None, enterprise_id: uuid.UUID | None
    ) -> Sequence[Row]:
        """Return what an agent holds of one principal and has not run out; the caller looks at scope and dates."""
        return await repository.list_usable(agent_id, principal_citizen_id, enterprise_id, clock.beijing_date())

    async def all_usable(self, agent_id: uuid.UUID) -> Sequence[Row]:
        """Return everything that an agent holds and that has not run out."""
        return await repository.list_all_usable(agent_id, clock.beijing_date())

    async def held(self, caller: Caller, mandate_no: str) -> Row:
        """Return a mandate that the caller holds as its agent. Raises: NotFound."""
        row = await repository.find_held(mandate_no, caller.citizen_id, await self._own_hash(caller))
        if row is None:
            raise NotFound("未找到该授权")
        return row

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Give the mandates of a merged citizen to the survivor. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def _answer(
        self,
        caller: Caller,
        mandate_no: str,
        answer: Callable[[Row, uuid.UUID, datetime], Awaitable[bool]],
    ) -> MandateView:
        row, now = await self.held(caller, mandate_no), clock.now()
        if status_on(terms_of(row), clock.beijing_date(now)) is not MandateStatus.OFFERED:
            raise _not_open()
        if not await answer(row, caller.citizen_id, now):
            raise _not_open()
        return mandate_view(await self.held(caller, mandate_no), "agent")

    async def _either_side(self, caller: Caller, mandate_no: str) -> tuple[Row, Side]:
        enterprises = await self._enterprises.represented_ids(caller.citizen_id)
        row = await repository.find_granted(mandate_no, caller.citizen_id, enterprises)
        return (row, "principal") if row is not None else (await self.held(caller, mandate_no), "agent")

    async def _check(self, caller: Caller, wanted: MandateOffer, number: str) -> None:
        today = clock.beijing_date()
        fault = id_number_fault(number, await self._places.known_codes(), today)
        faults = [FieldFault("agent_id_number", fault)] if fault else []
        if not fault and number == (await self._profile(caller.citizen_id)).id_number:
            faults.append(FieldFault("agent_id_number", "不能授权给自己"))
        faults += [
            FieldFault(f"item_codes[{index}]", "事项编码不正确")
            for index, code in enumerate(wanted.item_codes)
            if not is_item_code(code)
        ]
        faults += _date_faults(wanted.from_on, wanted.until_on, today, self._most_days)
        if faults:
            raise InvalidRequest(faults=tuple(faults))

    async def _known_agent(self, name: str, number: str) -> uuid.UUID | None:
        agent_id = await repository.find_citizen_by_number(self._cipher.lookup("id_number", number))
        if agent_id is None or (await self._profile(agent_id)).name != name:
            return None
        return agent_id

    async def _own_hash(self, caller: Caller) -> str:
        own = await self._profile(caller.citizen_id)
        return self._agent_hash(own.name, own.id_number) if own.id_number else ""

    def _agent_hash(self, name: str, number: str) -> str:
        return self._cipher.lookup("mandate.agent", f"{number}\x00{name}")


def mandate_view(row: Row, side: Side) -> MandateView:
    """Show a mandate to one of its two sides."""
    terms, today = terms_of(row), clock.beijing_date()
    status = status_on(terms, today)
    return MandateView(
        mandate_no=row["mandate_no"],
        role=side,
        status=status,
        status_text=STATUS_TEXT[status],
        is_live=is_live(terms, today),
        principal_shown=row["enterprise_name"] or row["principal_name"] or "",
        enterprise_uscc=row["enterprise_uscc"] or "",
        agent_shown=row["agent_shown"],
        item_codes=list(terms.item_codes),
        from_on=terms.from_on.isoformat(),
        until_on=terms.until_on.isoformat(),
        offered_at=clock.rfc3339(row["created_at"]),
        accepted_at=clock.rfc3339_or_none(terms.accepted_at),
        ended_at=clock.rfc3339_or_none(terms.revoked_at or terms.declined_at),
    )


def _date_faults(from_on: date, until_on: date, today: date, most_days: int) -> list[FieldFault]:
    if from_on < today:
        return [FieldFault("from_on", "开始日期不能早于今天")]
    if until_on < from_on:
        return [FieldFault("until_on", "结束日期不能早于开始日期")]
    if until_on - today > timedelta(days=most_days):
        return [FieldFault("until_on", f"授权期限最长{most_days}天")]
    return []


def _not_open() -> Conflict:
    return Conflict("该授权当前不能进行此操作，请刷新后再试", code="mandate_not_open")
