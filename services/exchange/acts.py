"""What a pushed message does to a case: the ordinary act of the desk, in the name of the system and its officer.

Called by the exchange's door inside the transaction that notes the message. It knows no rule of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from app import clock
from app.errors import FieldFault, InvalidRequest
from services.applications.reviewing.types import ReviewAction
from services.applications.service import ApplicationService
from services.exchange.types import (
    Accept,
    Approve,
    CaseMessage,
    Content,
    Deny,
    Extend,
    Kind,
    NotAccept,
    Receive,
    RequestCorrection,
    Resume,
    Return,
    Review,
    Suspend,
    SystemCaller,
    Terminate,
)
from services.staff.types import Role, StaffCaller

_ANYWHERE = ("",)
"""Every division: a system's scope is its departments, wherever they are."""
_KINDS: Mapping[type[Content], Kind] = {
    Receive: Kind.ACCEPTANCE,
    Return: Kind.ACCEPTANCE,
    Accept: Kind.ACCEPTANCE,
    NotAccept: Kind.ACCEPTANCE,
    RequestCorrection: Kind.ACCEPTANCE,
    Review: Kind.PROCESS,
    Suspend: Kind.PROCESS,
    Resume: Kind.PROCESS,
    Extend: Kind.PROCESS,
    Approve: Kind.RESULT,
    Deny: Kind.RESULT,
    Terminate: Kind.RESULT,
}
"""Which message an act belongs into."""


def check(message: CaseMessage) -> None:
    """Refuse an act in the wrong kind of message. Raises: InvalidRequest."""
    if _KINDS[type(message.content)] is not message.kind:
        raise InvalidRequest(faults=(FieldFault("content.action", f"该操作不属于 {message.kind} 消息"),))


def as_staff(system: SystemCaller, officer: str = "") -> StaffCaller:
    """Return the system as a member of staff, so that the desk's rules, scope and audit hold for it as for anybody."""
    return StaffCaller(
        staff_id=system.system_id,
        session_id=system.system_id,
        username=f"system:{system.code}/{officer}" if officer else f"system:{system.code}",
        display_name=f"{system.name} {officer}".strip()[:64],
        roles=frozenset({Role.WINDOW, Role.REVIEWER, Role.APPROVER}),
        divisions=_ANYWHERE,
        departments=system.departments,
        csrf_token="",
    )


async def perform(applications: ApplicationService, system: SystemCaller, message: CaseMessage, address: str) -> None:
    """Do what a message says. Raises: as the desk's act."""
    desk, number, version = applications.desk, message.application_no, message.version
    staff = as_staff(system, message.content.officer)
    match message.content:
        case Receive():
            await desk.receive(staff, number, address, version=version)
        case Return(reason=reason):
            await desk.return_to_citizen(staff, number, reason, address, version=version)
        case Accept():
            await desk.accept(staff, number, address, version=version)
        case NotAccept(reason=reason):
            await desk.not_accept(staff, number, reason, address, version=version)
        case RequestCorrection(reason=reason):
            await desk.request_correction(staff, number, reason, address, version=version)
        case Review() as review:
            await _review(applications, staff, message, review, address)
        case Suspend(procedure=procedure, reason=reason, expected_days=days):
            await desk.suspend(staff, number, procedure, address, reason=reason, expected_days=days, version=version)
        case Resume(outcome=found):
            await desk.resume(staff, number, address, result=found, version=version)
        case Extend(days=days, reason=reason):
            await desk.extend(staff, number, days, reason, address, version=version)
        case Approve():
            await desk.approve(staff, number, address, version=version)
        case Deny(reason=reason):
            await desk.deny(staff, number, reason, address, version=version)
        case Terminate(reason=reason):
            await desk.terminate(staff, number, reason, address, version=version)


async def _review(
    applications: ApplicationService, staff: StaffCaller, message: CaseMessage, review: Review, address: str
) -> None:
    try:
        begun_at = clock.parse_rfc3339(review.begun_at) if review.begun_at else None
    except ValueError:
        raise InvalidRequest(faults=(FieldFault("content.begun_at", "不是有效的时间"),)) from None
    await applications.desk.review(
        staff,
        message.application_no,
        review.step,
        ReviewAction(review.result.upper()),
        review.opinion,
        address,
        begun_at=begun_at,
        version=message.version,
    )
