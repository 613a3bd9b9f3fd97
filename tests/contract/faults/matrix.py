"""The fault matrix as data: what goes wrong with a call, what is made of it, where it leaves bill, order and refund.

test_matrix.py walks every fault of every row; docs/generate.py prints the rows in docs/payments.md. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.contract.faults import codes


class Outcome(StrEnum):
    """What the room makes of a call or of a callback."""

    BELIEVED = "believed"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"
    REJECTED = "rejected"
    LATER = "rejected for now"
    PROTOCOL = "not believed"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    ONCE = "applied once"
    NOTHING = "no effect"


MEANINGS = {
    Outcome.BELIEVED: "a genuine answer that is acted upon as it stands",
    Outcome.UNKNOWN: "nothing is decided; the row stays as it is and is asked about by our own number",
    Outcome.NOT_SENT: "no connection: the only case in which a new order is given up without asking",
    Outcome.REJECTED: "a plain no to this call; a new order is given up only after asking, a refund waits for a "
    "person, a question is asked again",
    Outcome.LATER: "a no that passes (balance, rate): the same number is tried again",
    Outcome.PROTOCOL: "an answer that is not proved genuine: never a success, the outcome counts as unknown",
    Outcome.QUARANTINED: "genuine, but it contradicts our records: kept for staff, nothing is booked",
    Outcome.REFUSED: "a callback that is not genuine: answered 401, nothing is stored",
    Outcome.ONCE: "booked with its inbox row, its ledger pair and its jobs, whatever else arrives",
    Outcome.NOTHING: "genuine and acknowledged, changes nothing",
}
LOST = ("timeout", "hang", "reset", "lost")
FAULTS = {
    "timeout": "our patience ends first; the provider does it afterwards",
    "hang": "no answer, nothing is done",
    "refused": "connection refused",
    "reset": "connection reset before anything is done",
    "lost": "done, and the connection is reset before the answer",
    "http 500": "a page with this status, here and below",
    "http 404": "",
    "http 200": "garbage: a page of HTML with status 200",
    "unsigned": "the answer, or the callback, without its signature",
    "wrong_signature": "signed with the right key over other bytes",
    "rotated_key": "signed with a key that we do not have",
    "unknown_serial": "a callback signed with a key that we do not have",
    "stale": "signed ten minutes (Alipay: two days) ago",
    "signtest": "WeChat Pay's probe with a deliberately false signature; the real message follows",
    "wrong_amount": "genuine, with another amount",
    "wrong_merchant": "genuine, with another merchant (Alipay: seller)",
    "wrong_app": "genuine, with another app id",
    "other_currency": "genuine, in another currency",
    "duplicate": "two copies",
    "reordered": "after a younger event",
    "late": "after our own question has told the same",
    "garbage": "a callback that is no message at all",
    "empty": "a callback without a body",
}
_CONTRADICTIONS = ("wrong_amount", "wrong_merchant", "wrong_app", "other_currency")


@dataclass(frozen=True, slots=True)
class Row:
    """Faults of one call that end alike. `states`: bill / order (/ refund) while the fault lasts."""

    provider: str
    call: str
    faults: tuple[str, ...]
    outcome: Outcome
    states: str
    repair: str

    def cases(self) -> Iterator[tuple[Row, str]]:
        """Return the row once for each of its faults."""
        return ((self, fault) for fault in self.faults)


_AGAIN = "the person taps again: the same order, by its kept bytes; the sweep asks meanwhile"
_NEW_NUMBER = "the person taps again: a new number"
_ASK = "the next rung of the ladder, or the callback"
_SWITCH = "the person taps again: ask, close, and only then open the other channel"
_FOLLOW = "the sweep of refunds asks, then repeats the same number"
_PERSON = "a cashier tries the same number again"
_COPY = "the provider repeats it; the ladder asks anyway"
_STAFF = "the ladder asks; staff see the contradiction"
_NONE = "nothing to repair"
_UNPAID, _NEW, _OPEN, _PAID = "UNPAID / CLOSED", "PAYING / CREATED", "PAYING / AWAITING", "CONFIRMED / SUCCEEDED"
_ASKED, _TAKEN, _STUCK = (f"REFUNDING / SUCCEEDED / {status}" for status in ("REQUESTED", "PROCESSING", "ABNORMAL"))
_GIVEN = "CONFIRMED / SUCCEEDED / SUCCEEDED"

WECHAT = (
    Row("wechat", "open", (*LOST, "http 500", *codes.WECHAT_BUSY), Outcome.UNKNOWN, _NEW, _AGAIN),
    Row("wechat", "open", ("refused",), Outcome.NOT_SENT, _UNPAID, _NEW_NUMBER),
    Row("wechat", "open", codes.WECHAT_FALSE, Outcome.PROTOCOL, _NEW, _AGAIN),
    Row(
        "wechat",
        "open",
        (*codes.WECHAT_NO, *codes.WECHAT_STATES, *codes.WECHAT_NO_ORDER, *codes.WECHAT_NO_RESOURCE),
        Outcome.REJECTED,
        _UNPAID,
        f"asked first; {_NEW_NUMBER}",
    ),
    Row("wechat", "open", codes.WECHAT_NO_BALANCE, Outcome.LATER, _UNPAID, f"asked first; {_NEW_NUMBER}"),
    Row("wechat", "query", (*LOST, "http 500", *codes.WECHAT_BUSY), Outcome.UNKNOWN, _OPEN, _ASK),
    Row("wechat", "query", ("refused",), Outcome.NOT_SENT, _OPEN, _ASK),
    Row("wechat", "query", codes.WECHAT_FALSE, Outcome.PROTOCOL, _OPEN, _ASK),
    Row(
        "wechat",
        "query",
        (*codes.WECHAT_NO, *codes.WECHAT_STATES, *codes.WECHAT_NO_RESOURCE),
        Outcome.REJECTED,
        _OPEN,
        _ASK,
    ),
    Row("wechat", "query", codes.WECHAT_NO_BALANCE, Outcome.LATER, _OPEN, _ASK),
    Row("wechat", "query", codes.WECHAT_NO_ORDER, Outcome.BELIEVED, _OPEN, f"still open, it may be on its way; {_ASK}"),
    Row("wechat", "query", _CONTRADICTIONS, Outcome.QUARANTINED, _OPEN, _STAFF),
    Row("wechat", "close", (*LOST, "http 500", *codes.WECHAT_BUSY), Outcome.UNKNOWN, _OPEN, _SWITCH),
    Row("wechat", "close", ("refused",), Outcome.NOT_SENT, _OPEN, _SWITCH),
    Row("wechat", "close", codes.WECHAT_FALSE, Outcome.PROTOCOL, _OPEN, _SWITCH),
    Row("wechat", "close", (*codes.WECHAT_NO, *codes.WECHAT_NO_RESOURCE), Outcome.REJECTED, _OPEN, _SWITCH),
    Row("wechat", "close", codes.WECHAT_NO_BALANCE, Outcome.LATER, _OPEN, _SWITCH),
    Row(
        "wechat",
        "close",
        codes.WECHAT_STATES[:2],
        Outcome.BELIEVED,
        _OPEN,
        f"asked again, and the question decides; {_SWITCH}",
    ),
    Row(
        "wechat",
        "close",
        (codes.WECHAT_STATES[2], *codes.WECHAT_NO_ORDER),
        Outcome.BELIEVED,
        _OPEN,
        "the other channel opens; money that comes for the first order all the same is given back",
    ),
    Row("wechat", "refund", (*LOST, "http 500", *codes.WECHAT_BUSY), Outcome.UNKNOWN, _ASKED, _FOLLOW),
    Row("wechat", "refund", ("refused",), Outcome.NOT_SENT, _ASKED, _FOLLOW),
    Row("wechat", "refund", codes.WECHAT_FALSE, Outcome.PROTOCOL, _ASKED, _FOLLOW),
    Row("wechat", "refund", codes.WECHAT_NO_BALANCE, Outcome.LATER, _ASKED, _FOLLOW),
    Row(
        "wechat",
        "refund",
        (
            *codes.WECHAT_NO,
            *codes.WECHAT_STATES,
            *codes.WECHAT_NO_ORDER,
            *codes.WECHAT_NO_RESOURCE,
            "code 403 USER_ACCOUNT_ABNORMAL",
        ),
        Outcome.REJECTED,
        _STUCK,
        _PERSON,
    ),
    Row("wechat", "refund", ("wrong_amount", "other_currency"), Outcome.QUARANTINED, _ASKED, _FOLLOW),
    Row("wechat", "query_refund", (*LOST, "http 500", *codes.WECHAT_BUSY), Outcome.UNKNOWN, _TAKEN, _FOLLOW),
    Row("wechat", "query_refund", ("refused",), Outcome.NOT_SENT, _TAKEN, _FOLLOW),
    Row("wechat", "query_refund", codes.WECHAT_FALSE, Outcome.PROTOCOL, _TAKEN, _FOLLOW),
    Row("wechat", "query_refund", codes.WECHAT_NO_BALANCE, Outcome.LATER, _TAKEN, _FOLLOW),
    Row(
        "wechat",
        "query_refund",
        (*codes.WECHAT_NO, *codes.WECHAT_STATES, *codes.WECHAT_NO_ORDER),
        Outcome.REJECTED,
        _TAKEN,
        f"{_FOLLOW}; or the provider's callback",
    ),
    Row(
        "wechat",
        "query_refund",
        codes.WECHAT_NO_RESOURCE,
        Outcome.BELIEVED,
        _GIVEN,
        "the same number was repeated at once, and the answer tells that it is done",
    ),
    Row("wechat", "query_refund", ("wrong_amount", "other_currency"), Outcome.QUARANTINED, _TAKEN, _FOLLOW),
    Row("wechat", "callback payment", ("duplicate", "late"), Outcome.ONCE, _PAID, _NONE),
    Row("wechat", "callback payment", ("reordered",), Outcome.ONCE, _GIVEN, _NONE),
    Row(
        "wechat",
        "callback payment",
        ("unsigned", "wrong_signature", "unknown_serial", "stale", "signtest", "garbage", "empty"),
        Outcome.REFUSED,
        _OPEN,
        _COPY,
    ),
    Row("wechat", "callback payment", _CONTRADICTIONS, Outcome.QUARANTINED, _OPEN, _STAFF),
    Row("wechat", "callback refund", ("duplicate", "late", "reordered"), Outcome.ONCE, _GIVEN, _NONE),
    Row(
        "wechat",
        "callback refund",
        ("unsigned", "wrong_signature", "unknown_serial", "stale", "signtest", "garbage", "empty"),
        Outcome.REFUSED,
        _TAKEN,
        _COPY,
    ),
    Row(
        "wechat",
        "callback refund",
        ("wrong_amount", "wrong_merchant", "other_currency"),
        Outcome.QUARANTINED,
        _TAKEN,
        _STAFF,
    ),
)
ALIPAY = (
    Row("alipay", "open", (*LOST, "http 500", *codes.ALIPAY_BUSY), Outcome.UNKNOWN, _NEW, _AGAIN),
    Row("alipay", "open", ("refused",), Outcome.NOT_SENT, _UNPAID, _NEW_NUMBER),
    Row("alipay", "open", codes.ALIPAY_FALSE, Outcome.PROTOCOL, _NEW, _AGAIN),
    Row(
        "alipay",
        "open",
        (*codes.ALIPAY_CREATE_NO, *codes.ALIPAY_GATEWAY_NO),
        Outcome.REJECTED,
        _UNPAID,
        f"asked first; {_NEW_NUMBER}",
    ),
    Row("alipay", "open", codes.ALIPAY_RATE, Outcome.LATER, _UNPAID, f"asked first; {_NEW_NUMBER}"),
    Row("alipay", "query", (*LOST, "http 500", *codes.ALIPAY_BUSY), Outcome.UNKNOWN, _OPEN, _ASK),
    Row("alipay", "query", ("refused",), Outcome.NOT_SENT, _OPEN, _ASK),
    Row("alipay", "query", codes.ALIPAY_FALSE, Outcome.PROTOCOL, _OPEN, _ASK),
    Row(
        "alipay",
        "query",
        ("code ACQ.INVALID_PARAMETER", *codes.ALIPAY_GATEWAY_NO),
        Outcome.REJECTED,
        _OPEN,
        _ASK,
    ),
    Row("alipay", "query", codes.ALIPAY_RATE, Outcome.LATER, _OPEN, _ASK),
    Row("alipay", "query", codes.ALIPAY_NO_TRADE, Outcome.BELIEVED, _OPEN, f"still open, it may be on its way; {_ASK}"),
    Row("alipay", "query", ("wrong_amount",), Outcome.QUARANTINED, _OPEN, _STAFF),
    Row("alipay", "close", (*LOST, "http 500", *codes.ALIPAY_BUSY), Outcome.UNKNOWN, _OPEN, _SWITCH),
    Row("alipay", "close", ("refused",), Outcome.NOT_SENT, _OPEN, _SWITCH),
    Row("alipay", "close", codes.ALIPAY_FALSE, Outcome.PROTOCOL, _OPEN, _SWITCH),
    Row(
        "alipay",
        "close",
        ("code ACQ.TRADE_STATUS_ERROR", "code ACQ.REASON_TRADE_STATUS_INVALID", *codes.ALIPAY_GATEWAY_NO),
        Outcome.REJECTED,
        _OPEN,
        f"a refusal by state is asked about at once; {_SWITCH}",
    ),
    Row("alipay", "close", codes.ALIPAY_RATE, Outcome.LATER, _OPEN, _SWITCH),
    Row(
        "alipay",
        "close",
        codes.ALIPAY_NO_TRADE,
        Outcome.BELIEVED,
        _OPEN,
        "the other channel opens; money that comes for the first order all the same is given back",
    ),
    Row("alipay", "refund", (*LOST, "http 500", *codes.ALIPAY_BUSY), Outcome.UNKNOWN, _ASKED, _FOLLOW),
    Row("alipay", "refund", ("refused",), Outcome.NOT_SENT, _ASKED, _FOLLOW),
    Row("alipay", "refund", codes.ALIPAY_FALSE, Outcome.PROTOCOL, _ASKED, _FOLLOW),
    Row(
        "alipay",
        "refund",
        (*codes.ALIPAY_RATE, "code ACQ.SELLER_BALANCE_NOT_ENOUGH"),
        Outcome.LATER,
        _ASKED,
        _FOLLOW,
    ),
    Row("alipay", "refund", (*codes.ALIPAY_REFUND_NO, *codes.ALIPAY_GATEWAY_NO), Outcome.REJECTED, _STUCK, _PERSON),
    Row(
        "alipay",
        "refund",
        ("wrong_amount",),
        Outcome.BELIEVED,
        _GIVEN,
        "the answer names only the sum of all refunds; fund_change=Y is what counts",
    ),
    Row("alipay", "query_refund", (*LOST, "http 500", *codes.ALIPAY_BUSY), Outcome.UNKNOWN, _ASKED, _FOLLOW),
    Row("alipay", "query_refund", ("refused",), Outcome.NOT_SENT, _ASKED, _FOLLOW),
    Row("alipay", "query_refund", (*codes.ALIPAY_FALSE, "wrong_amount"), Outcome.PROTOCOL, _ASKED, _FOLLOW),
    Row("alipay", "query_refund", codes.ALIPAY_RATE, Outcome.LATER, _ASKED, _FOLLOW),
    Row(
        "alipay",
        "query_refund",
        ("code ACQ.INVALID_PARAMETER", *codes.ALIPAY_GATEWAY_NO),
        Outcome.REJECTED,
        _ASKED,
        _FOLLOW,
    ),
    Row(
        "alipay",
        "query_refund",
        codes.ALIPAY_NO_TRADE,
        Outcome.BELIEVED,
        _TAKEN,
        f"the same number was repeated at once; fund_change=N is no proof, so {_FOLLOW}",
    ),
    Row("alipay", "callback payment", ("duplicate", "late", "reordered", "stale"), Outcome.ONCE, _PAID, _NONE),
    Row(
        "alipay",
        "callback payment",
        ("unsigned", "wrong_signature", "unknown_serial", "garbage", "empty"),
        Outcome.REFUSED,
        _OPEN,
        _COPY,
    ),
    Row("alipay", "callback payment", _CONTRADICTIONS, Outcome.QUARANTINED, _OPEN, _STAFF),
    Row("alipay", "callback refund", ("duplicate", "late", "reordered", "stale"), Outcome.ONCE, _GIVEN, _NONE),
    Row(
        "alipay",
        "callback refund",
        ("unsigned", "wrong_signature", "unknown_serial", "garbage", "empty"),
        Outcome.REFUSED,
        _ASKED,
        _COPY,
    ),
)
_TOLD = "staff hear of it; asked again the next day, and by the sweep before"
_JOB = "the job comes again, the same number; or the person's tap asks for it"
_TAP = "the person taps again; nothing was opened"
_SWEEP = "the sweep asks again at growing distance"
_FISCAL_END = "CONFIRMED + code + receipt"
_FISCAL_CALLS = (
    ("issue", "UNPAID", _JOB),
    ("query", "UNPAID + code", _TAP),
    ("confirm", "PAID + code", _SWEEP),
    ("receipt", "CONFIRMED + code", _SWEEP),
    ("reverse", _FISCAL_END, _SWEEP),
)


def _fiscal(call: str, states: str, repair: str) -> Iterator[Row]:
    no_code = Outcome.QUARANTINED if call == "query" else Outcome.REJECTED
    not_paid = Outcome.LATER if call == "reverse" else Outcome.REJECTED
    lies = Outcome.QUARANTINED if call == "receipt" else Outcome.PROTOCOL
    told = f"{_TOLD}; {repair}"
    yield Row("fiscal", call, (*LOST, "http 500", *codes.FISCAL_BUSY), Outcome.UNKNOWN, states, repair)
    yield Row("fiscal", call, ("refused",), Outcome.NOT_SENT, states, repair)
    yield Row("fiscal", call, codes.FISCAL_FALSE, Outcome.PROTOCOL, states, repair)
    yield Row("fiscal", call, ("wrong_amount",), lies, states, repair)
    yield Row("fiscal", call, codes.FISCAL_LATER, Outcome.LATER, states, repair)
    yield Row("fiscal", call, codes.FISCAL_NO, Outcome.REJECTED, states, told)
    yield Row("fiscal", call, codes.FISCAL_NO_CODE, no_code, states, told)
    yield Row("fiscal", call, codes.FISCAL_NOT_PAID, not_paid, states, repair if not_paid is Outcome.LATER else told)


FISCAL = tuple(row for each in _FISCAL_CALLS for row in _fiscal(*each))
ROWS = (*WECHAT, *ALIPAY, *FISCAL)
FISCAL_CALLS = ("issue", "query", "confirm", "receipt", "reverse")
CALLS = ("open", "query", "close", "refund", "query_refund", "callback payment", "callback refund")
_NO_FIELDS = "the answer has no such field"
_OUR_CALL = "the answer to our own signed call names none"
_NO_CLOCK = "Alipay's answers carry no time"
CANNOT_HAPPEN: dict[tuple[str, str], dict[str, str]] = {
    **{("fiscal", call): {"other_currency": "amounts are yuan by the protocol"} for call in FISCAL_CALLS},
    ("wechat", "open"): dict.fromkeys(_CONTRADICTIONS, _NO_FIELDS),
    ("wechat", "close"): dict.fromkeys(_CONTRADICTIONS, "204 without a body"),
    ("wechat", "refund"): dict.fromkeys(("wrong_merchant", "wrong_app"), _OUR_CALL),
    ("wechat", "query_refund"): dict.fromkeys(("wrong_merchant", "wrong_app"), _OUR_CALL),
    ("wechat", "callback refund"): {"wrong_app": "a refund's callback names no app"},
    ("alipay", "open"): {**dict.fromkeys(_CONTRADICTIONS, _NO_FIELDS), "stale": _NO_CLOCK},
    ("alipay", "query"): {**dict.fromkeys(_CONTRADICTIONS[1:], _OUR_CALL), "stale": _NO_CLOCK},
    ("alipay", "close"): {**dict.fromkeys(_CONTRADICTIONS, _NO_FIELDS), "stale": _NO_CLOCK},
    ("alipay", "refund"): {**dict.fromkeys(_CONTRADICTIONS[1:], _OUR_CALL), "stale": _NO_CLOCK},
    ("alipay", "query_refund"): {**dict.fromkeys(_CONTRADICTIONS[1:], _OUR_CALL), "stale": _NO_CLOCK},
    ("alipay", "callback payment"): {"signtest": "Alipay sends no probes"},
    ("alipay", "callback refund"): {
        **dict.fromkeys(_CONTRADICTIONS, "a refund echo is only a hint: its values are not read, it causes a question"),
        "signtest": "Alipay sends no probes",
    },
}
_OF_CALLS = (
    *LOST,
    "refused",
    "http 500",
    "http 404",
    "http 200",
    "unsigned",
    "wrong_signature",
    "rotated_key",
    "stale",
)
_OF_CALLBACKS = (
    *("duplicate", "late", "reordered", "unsigned", "wrong_signature", "unknown_serial", "stale", "signtest"),
    *("garbage", "empty"),
)
EVERY_CALL = (*_OF_CALLS, *_CONTRADICTIONS)
"""What must be answered for every call to a provider, by a row or by a reason why it cannot happen."""
EVERY_CALLBACK = (*_OF_CALLBACKS, *_CONTRADICTIONS)
