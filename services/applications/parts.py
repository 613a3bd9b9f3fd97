"""What the room's parts share: neighbours and tools, handed from the service to each of them; holds no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from app.crypto import FieldCipher
from app.storage import FileStore
from payments.service import PaymentService
from services.applications.clock import Calendar
from services.applications.moves import FormVault
from services.applications.ports import Audit, Catalogue, People
from services.delivery.service import DeliveryService
from services.licences.service import LicenceService


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One bundle per process."""

    catalogue: Catalogue
    people: People
    licences: LicenceService
    delivery: DeliveryService
    payments: PaymentService
    audit: Audit
    cipher: FieldCipher
    vault: FormVault
    storage: FileStore
    calendar: Calendar
