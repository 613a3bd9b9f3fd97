"""Code tables (代码表) of GB/T 39046-2020, and our own neighbours of them, each value with its Chinese word.

Used by the record types, the consistency rules and the guide; holds nothing but data.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Coded(StrEnum):
    """A code that knows the Chinese word a citizen reads for it."""

    word: str

    def __new__(cls, value: str, word: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.word = word
        return member


class ItemType(Coded):
    """事项类型: digits three and four of the basic code."""

    PERMIT = "01", "行政许可"
    PENALTY = "02", "行政处罚"
    COERCION = "03", "行政强制"
    LEVY = "04", "行政征收"
    BENEFIT = "05", "行政给付"
    INSPECTION = "06", "行政检查"
    CONFIRMATION = "07", "行政确认"
    REWARD = "08", "行政奖励"
    ARBITRATION = "09", "行政裁决"
    OTHER_POWER = "10", "其他行政权力"
    PUBLIC_SERVICE = "20", "公共服务"


class Level(Coded):
    """行使层级: digit 19 of the implementation code."""

    NATION = "1", "国家级"
    PROVINCE = "2", "省级"
    CITY = "3", "市级"
    COUNTY = "4", "县级"
    TOWN = "5", "镇（乡、街道）级"
    VILLAGE = "6", "村（社区）级"
    GRADED = "7", "分级管理"


class BodyNature(Coded):
    """实施主体性质."""

    STATUTORY = "1", "法定机关"
    AUTHORISED = "2", "授权组织"
    ENTRUSTED = "3", "受委托组织"
    OTHER = "9", "其他"


class Audience(Coded):
    """服务对象."""

    PERSON = "1", "自然人"
    ENTERPRISE = "2", "企业法人"
    INSTITUTION = "3", "事业法人"
    SOCIAL_ORGANISATION = "4", "社会组织法人"
    STATE_ORGAN = "5", "行政机关"
    OTHER = "6", "其他"


class HandlingForm(Coded):
    """办理形式: the ways an application may come in."""

    WINDOW = "1", "窗口办理"
    COMPUTER = "2", "电脑端办理"
    MOBILE = "3", "移动端办理"
    MAIL = "4", "快递申请"
    OTHER = "9", "其他"


class HandlingKind(Coded):
    """办件类型."""

    AT_ONCE = "1", "即办件"
    PROMISED = "2", "承诺件"
    OTHER = "9", "其他"


class SpecialProcedureKind(Coded):
    """特别程序."""

    EXTENSION = "1", "延长审批"
    OTHER = "2", "延长审批以外的特别程序"


class TimeUnit(Coded):
    """Unit of a legal or promised time."""

    WORKING_DAYS = "working_days", "个工作日"
    CALENDAR_DAYS = "calendar_days", "个自然日"
    HOURS = "hours", "小时"


class OnlineDepth(Coded):
    """网办深度, levels one to four."""

    INFORMATION = "1", "一级：在线查询办事指南"
    DOWNLOAD = "2", "二级：在线下载表格"
    ONE_VISIT = "3", "三级：网上申请和预审，到现场一次核验"
    WHOLLY_ONLINE = "4", "四级：全程网办，不用到现场"


class Reach(Coded):
    """通办范围: how far from the deciding body an application may be handed in."""

    NATION = "national", "全国通办"
    CROSS_PROVINCE = "cross_province", "跨省通办"
    CROSS_CITY = "cross_city", "全省通办"
    CROSS_COUNTY = "cross_county", "全市通办"
    LOCAL = "local", "属地办理"


class MaterialKind(Coded):
    """材料类型: decides whether a blank (空表) and a sample (样表) must be given."""

    FORM = "form", "申请表格文书"
    CERTIFICATE = "certificate", "证件证书证明"
    PHOTO = "photo", "照片"
    DOCUMENT = "document", "其他材料"


class MaterialForm(Coded):
    """材料形式."""

    ORIGINAL = "original", "原件"
    COPY = "copy", "复印件"
    ELECTRONIC = "electronic", "电子件"


class MaterialSource(Coded):
    """来源渠道."""

    APPLICANT = "applicant", "申请人自备"
    GOVERNMENT = "government", "政府部门核发"
    OTHER = "other", "其他单位出具"


class Necessity(Coded):
    """必要性."""

    REQUIRED = "required", "必要"
    CONDITIONAL = "conditional", "符合情形时提供"
    OPTIONAL = "optional", "非必要"


class Substitute(Coded):
    """What spares the applicant a material."""

    LICENCE = "licence", "电子证照免提交"
    SHARED_DATA = "shared_data", "数据共享免提交"
    COMMITMENT = "commitment", "可告知承诺"
    DEFERRAL = "deferral", "可容缺后补"


class DeliveryMethod(Coded):
    """送达方式 of a result."""

    PICKUP = "pickup", "窗口自取"
    COURIER = "courier", "快递送达"
    ELECTRONIC = "electronic", "电子送达"


class LegDirection(Coded):
    """The two legs of 双向快递."""

    TO_CENTRE = "to_centre", "申请材料寄往窗口"
    TO_CITIZEN = "to_citizen", "办理结果寄给申请人"


class Payer(Coded):
    """Who pays the courier."""

    CITIZEN = "citizen", "申请人付费"
    GOVERNMENT = "government", "政府付费"


class ItemStatus(Coded):
    """Whether new applications are taken."""

    OPEN = "OPEN", "可办理"
    SUSPENDED = "SUSPENDED", "暂停办理"
    CLOSED = "CLOSED", "已取消"


class RealNameLevel(Coded):
    """实名等级 that an applicant needs."""

    L0 = "L0", "登录即可"
    L1 = "L1", "已绑定手机号"
    L2 = "L2", "已实名认证"
    L3 = "L3", "已实人认证"


class OpeningDays(Coded):
    """On which days hours hold; working days follow the published holidays (调休)."""

    WORKING = "working", "工作日"
    REST = "rest", "休息日"
    DAILY = "daily", "每天"


class PointKind(Coded):
    """办理地点类型."""

    HALL = "hall", "政务服务大厅"
    BRANCH = "branch", "部门办事大厅"
    TOWN = "town", "乡镇（街道）便民服务中心"
    SITE = "site", "网点"
