"""Rules of delivery: what follows from them for a parcel, and the administrator's acts on their lines.

Asked by booking and by the doors that show a choice; the console's pages call the acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from app import clock
from app.db import Row, Transaction
from app.errors import FieldFault, Forbidden, InvalidRequest
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Ability, Audit
from services.delivery.rules import choosing, repository
from services.delivery.rules.types import (
    Carriage,
    CourierLine,
    CourierRuleView,
    DeliveryRules,
    Errand,
    PostageLine,
    PostageRuleView,
    Terms,
)
from services.delivery.types import Payer
from services.staff.types import Act, Role, StaffCaller

_PROVINCE = "140000"
_COURIER_COLUMNS = CourierLine.__struct_fields__
_POSTAGE_COLUMNS = PostageLine.__struct_fields__


@dataclass(frozen=True, slots=True)
class RuleActs:
    """Use cases of an administrator: read all lines, write one."""

    couriers: CourierTable
    audit: Audit | None

    async def listed(self, staff: StaffCaller) -> DeliveryRules:
        """Return every line. Raises: Forbidden."""
        staff.require_role(Role.ADMINISTRATOR, Role.DISPATCHER)
        return DeliveryRules(
            couriers=[self._courier_view(row) for row in await repository.list_courier_rules()],
            postage=[_postage_view(row) for row in await repository.list_postage_rules()],
        )

    async def save_courier_rule(self, staff: StaffCaller, rule: CourierLine, address: str) -> None:
        """Write a line of the choice of courier. Raises: Forbidden, InvalidRequest. Idempotent: yes, by code."""
        _require_whole_province(staff)
        if rule.courier not in self.couriers:
            raise InvalidRequest(faults=(FieldFault("courier", "未配置该快递公司"),))
        act = _act(staff, "courier_rule", rule.rule_code, msgspec.to_builtins(rule), address)
        await repository.save_courier_rule(rule, staff.username, clock.now(), partial(self._record, act))

    async def save_postage_rule(self, staff: StaffCaller, rule: PostageLine, address: str) -> None:
        """Write a line of who pays. Raises: Forbidden, InvalidRequest. Idempotent: yes, by code."""
        _require_whole_province(staff)
        if len(set(rule.payers)) != len(rule.payers):
            raise InvalidRequest(faults=(FieldFault("payers", "付费方式不能重复"),))
        if Payer.ONLINE in rule.payers and rule.postage_fen == 0:
            raise InvalidRequest(faults=(FieldFault("postage_fen", "在线支付邮费时请填写邮费"),))
        act = _act(staff, "postage_rule", rule.rule_code, msgspec.to_builtins(rule), address)
        await repository.save_postage_rule(rule, staff.username, clock.now(), partial(self._record, act))

    async def _record(self, act: Act, tx: Transaction) -> None:
        if self.audit is not None:
            await self.audit.record(act, tx)

    def _courier_view(self, row: Row) -> CourierRuleView:
        return CourierRuleView(
            rule=CourierLine(**{name: row[name] for name in _COURIER_COLUMNS}),
            courier_name=self.couriers.name(row["courier"]),
            available=row["courier"] in self.couriers,
            changed_by=row["changed_by"],
            updated_at=clock.rfc3339(row["updated_at"]),
        )


@dataclass(frozen=True, slots=True)
class RuleBook:
    """What follows from the lines as they are now."""

    couriers: CourierTable

    async def carriages(self, errand: Errand) -> tuple[Carriage, ...]:
        """Return who may carry a parcel, the choice first; the usual courier where no line fits."""
        rows = await repository.list_courier_rules()
        rules = [CourierLine(**{name: row[name] for name in _COURIER_COLUMNS}) for row in rows]
        able = {courier.code for courier in self.couriers if Ability.ORDER in courier.abilities}
        return choosing.choose(rules, errand, able) or (Carriage(courier=self.couriers.usual),)

    async def terms(self, errand: Errand, item_codes: Sequence[str], leg_payer: str) -> Terms:
        """Return who may pay for a parcel of these items."""
        rules = [_postage_line(row) for row in await repository.list_postage_rules()]
        return choosing.payers(rules, errand, item_codes, leg_payer=leg_payer)


def _postage_line(row: Row) -> PostageLine:
    kept: dict[str, Any] = {name: row[name] for name in _POSTAGE_COLUMNS if name != "payers"}
    return PostageLine(payers=tuple(msgspec.json.decode(row["payers"])), **kept)


def _postage_view(row: Row) -> PostageRuleView:
    return PostageRuleView(
        rule=_postage_line(row), changed_by=row["changed_by"], updated_at=clock.rfc3339(row["updated_at"])
    )


def _act(staff: StaffCaller, kind: str, code: str, details: dict[str, Any], address: str) -> Act:
    return Act(staff.username, f"delivery.{kind}_saved", kind, code, details, address)


def _require_whole_province(staff: StaffCaller) -> None:
    """Refuse everybody but administrators of the whole province: lines hold for all bodies. Raises: Forbidden."""
    staff.require_role(Role.ADMINISTRATOR)
    if staff.departments or not staff.covers(_PROVINCE):
        raise Forbidden("寄送规则由省级管理员维护", code="scope_required")
