"""The statements of the floor. Those of a submission are the product's own, as PostgreSQL's log shows them; those of a
callback are the plain ones that nobody can leave out, a job of one plain insert among them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from app import clock
from app.ids import new_id

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_COLUMNS = """a.id, a.application_no, a.citizen_id, a.provider, a.item_code, a.item_version, a.item_name,
    a.division_code, a.department_code, a.status, a.outcome, a.version, a.form, a.form_cipher, a.applicant_shown,
    a.fee_fen, a.fee_paid_at, a.reason, a.created_at, a.submitted_at, a.received_at, a.correction_due_at,
    a.accepted_at, a.decided_at, a.closed_at, a.promised_due_on, a.legal_due_on, a.due_is_provisional, a.updated_at"""
_MATERIALS = """(SELECT array_to_json(array(SELECT m FROM (SELECT material_code, page, material_name, upload_id, source,
        CASE source WHEN 'PROMISE' THEN 'PROMISED' WHEN 'LATER' THEN 'AWAITED' ELSE 'PROVIDED' END AS state,
        reference, due_on FROM application_material WHERE application_id = a.id ORDER BY material_code, page) m))::text
    ) AS materials"""
ROW = """
SELECT application_no, item_code, item_version, item_name, division_code, department_code, status, outcome, version,
       form, fee_fen, fee_paid_at, reason, created_at, submitted_at, correction_due_at, accepted_at, decided_at,
       closed_at, promised_due_on, due_is_provisional, updated_at
FROM application WHERE application_no = $1
"""
OWN = f"SELECT {_COLUMNS}, {_MATERIALS} FROM application a WHERE a.application_no = $1 AND a.citizen_id = $2"
SUBMIT = f"""
WITH a AS (
    UPDATE application SET status = $4::text, version = version + 1, updated_at = $5::timestamptz, submitted_at = $14,
        received_at = $15, item_version = $16, fee_fen = $17,
        applicant_shown = COALESCE((SELECT c.name_masked FROM citizen c WHERE c.id = citizen_id), '')
    WHERE id = $1 AND status = $2::text AND version = $3 RETURNING *),
step AS (
    INSERT INTO timeline_entry (id, occurred_at, application_id, event, from_status, to_status, title,
        told, actor_kind, actor_id, actor_shown, dedupe_key)
    SELECT $6, $5::timestamptz, a.id, $7::text, $2::text, $4::text, $8, $9, $10, $11, $12,
        $7::text || ':' || a.version FROM a),
queued AS (
    INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
    SELECT 0, job.name, job.payload, now(), 'queued' FROM (SELECT 'event', $13::bytea FROM a) AS job (name, payload))
SELECT {_COLUMNS}, {_MATERIALS} FROM a
"""
INBOX = """
INSERT INTO inbox_event (id, occurred_at, received_at, provider, event_key, reference_no, outcome)
VALUES ($1, $2, now(), $5, $3, $4, 'APPLIED') ON CONFLICT (provider, event_key, occurred_at) DO NOTHING
"""
PAYMENT = """
UPDATE payment SET status = 'SUCCEEDED', provider_status = 'SUCCESS', provider_trade_no = $2, paid_at = $3,
       ask_after = NULL, updated_at = now()
WHERE out_trade_no = $1 AND status IN ('CREATED', 'AWAITING', 'CLOSED') RETURNING id, bill_id
"""
BILL = """
UPDATE bill SET status = 'PAID', paid_at = $2, paid_payment_id = $3, version = version + 1, updated_at = now()
WHERE id = $1 AND status IN ('UNPAID', 'PAYING') RETURNING bill_no, subject_no, title, citizen_id, amount_fen
"""
LEDGER = """
INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no, occurred_at)
VALUES ($1, now(), 'payment.succeeded:' || $3::text, 'channel:' || $7::text, $4::bigint, $5, $3::text, $6),
       ($2, now(), 'payment.succeeded:' || $3::text, 'receivable', - $4::bigint, $5, $3::text, $6)
"""
JOB = "INSERT INTO pgqueuer (priority, entrypoint, payload, status) VALUES (0, 'event', $1, 'queued')"
PARCEL = "SELECT id, subject_no, citizen_id FROM shipment WHERE shipment_no = $1 FOR UPDATE"
EVENT = """
INSERT INTO tracking_event (id, occurred_at, received_at, shipment_id, event_key, code, state, text, place, confirmed)
VALUES ($1, $2, now(), $3, $4, $5, 'PICKED_UP', $6, $7, false)
ON CONFLICT (shipment_id, event_key, occurred_at) DO NOTHING
"""
MOVE = """
UPDATE shipment SET status = 'PICKED_UP', custody = 'COURIER', picked_up_at = $2::timestamptz,
       last_event_at = $2::timestamptz, ask_after = $2::timestamptz + interval '6 hours', version = version + 1,
       updated_at = now()
WHERE id = $1
"""


def submit_values(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of SUBMIT for a draft as OWN has read it."""
    now = clock.now()
    told = "申请已提交，工作人员将在5个工作日内审核"
    step = (new_id(), "application.submitted", "提交申请", told, "CITIZEN", row["citizen_id"].hex, "")
    facts = {"item_name": row["item_name"], "provider": row["provider"]}
    event = _event("application.submitted", row["application_no"], row["citizen_id"], facts)
    return row["id"], "DRAFT", row["version"], "SUBMITTED", now, *step, event, now, now, row["item_version"], 4000


def paid_event(bill: Mapping[str, Any], out_trade_no: str, channel: str) -> bytes:
    """Return the event of a payment, encoded."""
    facts = {
        "bill_no": bill["bill_no"],
        "title": bill["title"],
        "amount_fen": bill["amount_fen"],
        "channel": channel,
        "out_trade_no": out_trade_no,
    }
    return _event("bill.paid", bill["subject_no"], bill["citizen_id"], facts)


def moved_event(parcel: Mapping[str, Any], shipment_no: str, waybill_no: str) -> bytes:
    """Return the event of a parcel that was picked up, encoded."""
    facts = {"shipment_no": shipment_no, "courier_name": "顺丰速运", "waybill_no": waybill_no, "status": "PICKED_UP"}
    return _event("shipment.picked_up", parcel["subject_no"], parcel["citizen_id"], facts)


def _event(name: str, subject_no: str, citizen_id: uuid.UUID, facts: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "name": name,
            "subject_no": subject_no,
            "citizen_id": citizen_id.hex,
            "occurred_at": clock.now(),
            "facts": facts,
        }
    )
