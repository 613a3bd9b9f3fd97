"""The text of each written document (文书), made where a case moves. Pure; drawing adds head, number, date and seal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from app import clock
from services.applications.clock import Due
from services.applications.documents.types import DocumentKind, NewDocument
from services.catalogue.types import ItemRecord

REMEDY = (
    "如不服本决定，可以自收到本决定书之日起六十日内依法申请行政复议，"
    "或者自收到之日起六个月内依法向人民法院提起行政诉讼。"
)
"""Source: 行政许可法 第三十八条, 行政复议法 第二十条, 行政诉讼法 第四十六条."""


def received(materials: Sequence[str]) -> NewDocument:
    """收件凭证: what was taken in."""
    listed = "、".join(materials) or "无"
    return NewDocument(
        DocumentKind.RECEIPT,
        (
            "您提交的申请已收件，收到的材料如下：",
            f"{listed}。",
            "本机关将在收到申请材料之日起五个工作日内决定是否受理；逾期不告知的，自收到申请材料之日起即为受理。",
        ),
    )


def returned(reason: str, until: date) -> NewDocument:
    """预审退回通知书."""
    return NewDocument(
        DocumentKind.RETURN,
        (f"您的申请经预审退回，原因：{reason}。", f"请于{day(until)}前修改后重新提交；逾期未提交的，本次申请终止。"),
    )


def correction(points: Sequence[Mapping[str, str]], until: date, seen: Mapping[str, str]) -> NewDocument:
    """补正告知书: everything at once. `seen` are digests of what was handed in, for the next look."""
    listed = tuple(
        f"{place}．{point['title'] + '：' if point['title'] else ''}{point['text']}"
        for place, point in enumerate(points, 1)
    )
    closing = f"请于{day(until)}前一次性补正上述全部内容；逾期未补正的，本次申请终止，您可以重新申请。"
    targets = [{"target": point["target"], "text": point["text"]} for point in points]
    return NewDocument(
        DocumentKind.CORRECTION,
        ("您的申请材料不齐全或者不符合法定形式，需要补正的全部内容如下：", *listed, closing),
        {"points": targets, "seen": dict(seen)},
    )


def accepted(promised: Due, legal_on: date, *, by_silence: bool = False) -> NewDocument:
    """受理通知书."""
    opening = (
        "本机关未在五个工作日内告知补正，依法自收到申请材料之日起即为受理。"
        if by_silence
        else "您的申请材料齐全、符合法定形式，本机关决定予以受理。"
    )
    return NewDocument(
        DocumentKind.ACCEPTANCE,
        (opening, f"法定办结期限至{day(legal_on)}，本机关承诺于{due_day(promised)}前办结。"),
    )


def not_accepted(record: ItemRecord, reason: str, right_body: str, remedy: str) -> NewDocument:
    """不予受理决定书, with the body to turn to and the remedy."""
    turn_to = (f"您可以向{right_body}提出申请。",) if right_body else ()
    return NewDocument(
        DocumentKind.NON_ACCEPTANCE,
        (f"您的申请，本机关决定不予受理。理由：{reason}。", *turn_to, *_remedies(record, remedy)),
    )


def special_procedure(name: str, reason: str, expected_days: int | None) -> NewDocument:
    """特别程序告知书: the time it needs, which is not counted (行政许可法 第四十五条)."""
    because = f"原因：{reason}。" if reason else ""
    takes = f"预计需要{expected_days}个工作日，" if expected_days is not None else ""
    return NewDocument(
        DocumentKind.SPECIAL_PROCEDURE,
        (f"您的办件自即日起进入“{name}”程序。{because}", f"{takes}所需时间依法不计入办理期限。"),
    )


def resumed(name: str, result: str, promised: Due) -> NewDocument:
    """恢复办理通知书."""
    found = f"结果：{result}。" if result else ""
    return NewDocument(
        DocumentKind.RESUMPTION,
        (f"“{name}”程序已经结束。{found}", f"办理期限恢复计算，承诺于{due_day(promised)}前办结。"),
    )


def extended(days: int, reason: str, promised: Due) -> NewDocument:
    """延长审批通知书 (行政许可法 第四十二条)."""
    return NewDocument(
        DocumentKind.EXTENSION,
        (
            f"经本机关负责人批准，您的办件延长{days}个工作日。理由：{reason}。",
            f"延长后承诺于{due_day(promised)}前办结。",
        ),
    )


def approved(record: ItemRecord, conditions: str = "") -> NewDocument:
    """准予决定书."""
    results = "、".join(result.name for result in record.results) or "办理结果"
    noted = (conditions,) if conditions else ()
    return NewDocument(
        DocumentKind.APPROVAL,
        (
            "经审查，您的申请符合法定条件、标准，本机关决定准予。",
            *noted,
            f"本机关将自作出决定之日起十个工作日内制发、送达：{results}。",
        ),
    )


def denied(record: ItemRecord, reason: str, remedy: str = "") -> NewDocument:
    """不予决定书, with reason and remedy."""
    return NewDocument(
        DocumentKind.DENIAL,
        (f"经审查，您的申请不符合法定条件、标准，本机关决定不予批准。理由：{reason}。", *_remedies(record, remedy)),
    )


def withdrawn(reason: str) -> NewDocument:
    """撤回确认书."""
    because = (f"撤回原因：{reason}。",) if reason else ()
    return NewDocument(DocumentKind.WITHDRAWAL, ("您已撤回本次申请，本办件就此终止。", *because))


def lapsed(materials: Sequence[str]) -> NewDocument:
    """撤回确认书 of a case whose applicant did not hand in what was promised for later (容缺)."""
    listed = "、".join(f"《{name}》" for name in materials)
    return NewDocument(
        DocumentKind.WITHDRAWAL,
        (f"您承诺补交的{listed}逾期未交，依容缺受理承诺书视为撤回本次申请，本办件就此终止。", "您可以重新申请。"),
    )


def terminated(record: ItemRecord, reason: str, *, with_remedy: bool = True) -> NewDocument:
    """终止办理通知书."""
    return NewDocument(
        DocumentKind.TERMINATION,
        (f"本办件终止办理。原因：{reason}。", *(_remedies(record, "") if with_remedy else ())),
    )


def served(how: str, at: datetime) -> NewDocument:
    """送达回证: how the result reached the applicant, and when: the moment of the signature (签收)."""
    local = clock.to_beijing(at)
    moment = f"送达时间：{day(local.date())}{local:%H}时{local:%M}分。"
    return NewDocument(DocumentKind.SERVICE, ("本办件的办理结果已经送达。", moment, f"送达方式及情况：{how}。"))


def day(value: date) -> str:
    """Print a day as official documents do."""
    return f"{value.year}年{value.month}月{value.day}日"


def due_day(due: Due) -> str:
    """Print a due day, and that it may change where the calendar is not published."""
    return day(due.on) + ("（日期待国家公布放假安排后确认）" if due.provisional else "")


def _remedies(record: ItemRecord, remedy: str) -> tuple[str, ...]:
    bodies = "；".join(
        " ".join(part for part in (channel.name, channel.address, channel.phone) if part) for channel in record.remedies
    )
    return (remedy or REMEDY, *((f"救济途径：{bodies}。",) if bodies else ()))


def facts_of(stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the paragraphs of a stored document."""
    return tuple(str(paragraph) for paragraph in stored.get("paragraphs", ()))
