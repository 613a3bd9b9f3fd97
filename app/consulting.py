"""Makes the consultations room and fulfils its ports with the accounts, catalogue and applications rooms.

Called by wiring only.
"""

from __future__ import annotations

import uuid

from app.crypto import FieldCipher
from app.errors import FieldFault, InvalidRequest, NotFound
from app.identifiers import mask_name
from app.limits import RateLimits
from app.providers import Clients
from app.settings import Settings
from app.tokens import Caller
from services.accounts.service import AccountsService
from services.accounts.types import PlatformIdentity
from services.applications.service import ApplicationService
from services.catalogue.service import CatalogueService
from services.consultations.channels.wechat import WeChatCustomerMessages
from services.consultations.ports import Person
from services.consultations.service import ConsultationService
from services.consultations.types import Place
from services.staff.audit import AuditTrail


def consultations_room(
    settings: Settings,
    clients: Clients,
    accounts: AccountsService,
    catalogue: CatalogueService,
    applications: ApplicationService,
    audit: AuditTrail,
    cipher: FieldCipher,
    limits: RateLimits,
) -> ConsultationService:
    """Make the room with WeChat's chat as its way out."""
    return ConsultationService(
        people=AccountPeople(accounts),
        matters=HouseMatters(applications, catalogue),
        audit=audit,
        cipher=cipher,
        limits=limits,
        chats={("WECHAT", settings.wechat_app_id): WeChatCustomerMessages(clients.mini_program)},
        months=settings.consultation_months,
    )


class AccountPeople:
    """Knows who stands behind a platform's names (port services.consultations.ports.People)."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def identity(self, identity_id: uuid.UUID) -> Person:
        """Return a signed-in identity. Raises: NotFound."""
        return _person(await self._accounts.identity(identity_id))

    async def known(self, provider: str, app_id: str, subject: str) -> Person | None:
        """Return who a platform means."""
        found = await self._accounts.known_identity(provider, app_id, subject)
        return None if found is None else _person(found)

    async def shown_name(self, citizen_id: uuid.UUID) -> str:
        """Return the masked name of a person."""
        try:
            return mask_name((await self._accounts.profile(citizen_id)).name)
        except NotFound:
            return ""


class HouseMatters:
    """Knows whose staff handles what (port services.consultations.ports.Matters)."""

    def __init__(self, applications: ApplicationService, catalogue: CatalogueService) -> None:
        self._applications, self._catalogue = applications, catalogue

    async def of_case(self, caller: Caller, application_no: str) -> Place:
        """Return whose staff handles an own case. Raises: NotFound."""
        case, _ = await self._applications.detail(caller, application_no)
        return Place(case.division_code, case.department_code, case.item_code, case.item_name[:60])

    async def of_item(self, item_code: str) -> Place:
        """Return whose staff handles an item. Raises: NotFound."""
        record = (await self._catalogue.current_item(item_code)).record
        return Place(record.division_code, record.department_code, item_code, record.name[:60])

    async def require_body(self, division_code: str, department_code: str) -> None:
        """Refuse a division or department that does not exist. Raises: InvalidRequest."""
        if not division_code.startswith("14") or division_code not in await self._catalogue.division_codes():
            raise InvalidRequest(faults=(FieldFault("division_code", "没有此行政区划"),))
        if department_code and department_code not in await self._catalogue.department_names():
            raise InvalidRequest(faults=(FieldFault("department_code", "没有此部门"),))


def _person(found: PlatformIdentity) -> Person:
    return Person(found.citizen_id, found.identity_id, found.provider, found.app_id, found.subject)
