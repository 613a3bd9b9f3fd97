"""The words of the consent, the code, and where an assistance stands; pure, but for the drawing of the code."""

from __future__ import annotations

import hashlib
import io
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from app.crypto import FieldCipher
from app.db import Row
from services.applications.assistance.types import ConsentText

CODE_LIFETIME = timedelta(minutes=10)
HELP_LIFETIME = timedelta(hours=4)
_DIGITS = 8


class AssistanceStatus(StrEnum):
    """Where an assistance stands."""

    OPEN = "OPEN"
    ACTIVE = "ACTIVE"
    DECLINED = "DECLINED"
    ENDED = "ENDED"


STATUS_TEXT = {
    AssistanceStatus.OPEN: "待本人同意",
    AssistanceStatus.ACTIVE: "帮办中",
    AssistanceStatus.DECLINED: "本人未同意",
    AssistanceStatus.ENDED: "已结束",
}


def status_at(row: Row, now: datetime) -> AssistanceStatus:
    """Tell where an assistance stands; what has run out has ended."""
    if row["declined_at"] is not None:
        return AssistanceStatus.DECLINED
    if row["ended_at"] is not None or row["expires_at"] <= now:
        return AssistanceStatus.ENDED
    return AssistanceStatus.OPEN if row["consented_at"] is None else AssistanceStatus.ACTIVE


def consents(staff_shown: str, item_name: str) -> list[ConsentText]:
    """Return the two wordings: to fill in only, or to hand in as well."""
    return [_consent(staff_shown, item_name, may_submit=may_submit) for may_submit in (False, True)]


def new_code() -> str:
    """Make a code of digits that can be read out."""
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"


def code_hash(cipher: FieldCipher, code: str) -> str:
    """Return the keyed hash by which a code is found."""
    return cipher.lookup("assistance.code", code)


def qr_text(code: str) -> str:
    """Return what the QR picture holds: the mini-program's page for the consent."""
    return f"pages/assistance/consent?code={code}"


def qr_svg(text: str) -> str:
    """Return the QR picture as SVG."""
    import segno  # drawn at windows only; a process that draws none does not load it

    buffer = io.BytesIO()
    segno.make(text, error="m", micro=False).save(buffer, kind="svg", scale=6, border=3, xmldecl=False)
    return buffer.getvalue().decode()


def _consent(staff_shown: str, item_name: str, *, may_submit: bool) -> ConsentText:
    submission = "并代为提交申请" if may_submit else "；提交申请须由本人在手机上完成"
    hours = int(HELP_LIFETIME.total_seconds() // 3600)
    text = (
        f"本人同意由工作人员“{staff_shown}”协助办理“{item_name}”，代为填写申请内容、上传材料{submission}。"
        f"帮办仅限此一事项，自同意起{hours}小时内有效；工作人员不能查看本人的其他办件；"
        "本人可随时查看全部内容并结束帮办。帮办过程将记录双方信息。"
    )
    return ConsentText(may_submit=may_submit, text=text, sha256=hashlib.sha256(text.encode()).hexdigest())
