"""What a task is about where no locked parcel row is at hand. Made by mailings and collections."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """The facts that `open_task` asks for; `shipment_no` is "" where no parcel is concerned."""

    shipment_id: uuid.UUID
    shipment_no: str
    subject_no: str
    division_code: str
    department_code: str
