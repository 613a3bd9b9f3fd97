"""What Chinese names look like beside words of addresses. Pure data and rules; pasted.py calls it."""

from __future__ import annotations

import re

_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝"
    "龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤"
    "阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝"
)
_DOUBLE_SURNAMES = (
    "欧阳",
    "上官",
    "司马",
    "诸葛",
    "司徒",
    "东方",
    "皇甫",
    "尉迟",
    "公孙",
    "令狐",
    "慕容",
    "宇文",
    "长孙",
    "夏侯",
    "端木",
)
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_NAME = re.compile(rf"[{_HAN}]{{2,4}}|[{_HAN}]{{1,10}}(?:[·•・．][{_HAN}]{{1,10}}){{1,4}}")
_PLACE_WORD = re.compile(
    r"[省市县区旗盟州镇乡村屯庄路街道巷弄里号楼栋幢室层座院厂校店馆站桥园苑府湾城堡寨沟坡洼峪]$"
    r"|(?:单元|小区|大厦|广场|花园|公寓|社区|大学|学院|中学|医院|中心|公司|政府|附近|对面|旁边|东侧|西侧|南侧|北侧|宿舍)"
    r"|^(?:谢谢|你好|您好|加急|快递|地址|电话|手机|尽快|勿扰|默认)"
)
_GLUED = re.compile(rf"(?<=[0-9A-Za-z号室层栋座元楼户幢])([{_HAN}]{{2,4}})$")


def is_name(piece: str) -> bool:
    """Tell whether a piece can be a person's name: two to four characters, or parts with points between."""
    if not _NAME.fullmatch(piece):
        return False
    return is_probable_name(piece) or not _PLACE_WORD.search(piece)


def is_probable_name(piece: str) -> bool:
    """Tell whether a piece begins with a usual surname and has no word of places."""
    if any(point in piece for point in "·•・．"):
        return True
    has_surname = piece.startswith(_DOUBLE_SURNAMES) or piece[:1] in _SURNAMES
    return has_surname and len(piece) >= 2 and not _PLACE_WORD.search(piece)


def name_at_end(street: str) -> str:
    """Return the name that stands behind a house number without a break, "" where none does."""
    found = _GLUED.search(street)
    return found[1] if found and is_probable_name(found[1]) else ""
