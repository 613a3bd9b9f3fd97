"""An address line is taken apart for couriers: whole names of today, wherever in the country."""

import pytest

from services.delivery.addresses import with_parts
from services.delivery.types import Contact


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("山西省大同市平城区测试路1号", ("山西省", "大同市", "平城区", "测试路1号")),
        ("太原市小店区人民南路2号", ("山西省", "太原市", "小店区", "人民南路2号")),
        ("山西 太原市 小店区 人民南路 2号", ("山西省", "太原市", "小店区", "人民南路2号")),
        ("山西省介休市北坛路9号", ("山西省", "晋中市", "介休市", "北坛路9号")),
        ("大同市大同县西坪镇", ("山西省", "大同市", "云州区", "西坪镇")),
        ("山西省太原市迎泽大街1号", ("山西省", "太原市", "", "迎泽大街1号")),
        ("北京市朝阳区建国路1号", ("北京市", "北京市", "朝阳区", "建国路1号")),
        ("北京市北京市市辖区朝阳区建国路1号", ("北京市", "北京市", "朝阳区", "建国路1号")),
        ("湖北省省直辖县级行政区划仙桃市干河街道", ("湖北省", "仙桃市", "仙桃市", "干河街道")),
        ("广东省东莞市松山湖大道", ("广东省", "东莞市", "", "松山湖大道")),
        ("新疆伊犁州伊宁市解放路", ("新疆维吾尔自治区", "伊犁哈萨克自治州", "伊宁市", "解放路")),
        ("新华路3号", ("", "", "", "新华路3号")),
        ("山西省太原市小店区", ("山西省", "太原市", "小店区", "山西省太原市小店区")),
    ],
)
def test_line_is_taken_apart(line: str, parts: tuple[str, ...]) -> None:
    contact = with_parts(Contact(name="张伟", phone="13800000001", address=line))
    assert (contact.province, contact.city, contact.county, contact.street) == parts
    assert with_parts(contact) == contact
    assert contact.address == line


def test_parts_that_are_there_stay() -> None:
    given = Contact(name="张伟", phone="1", address="太原市小店区", province="甲省", city="乙市", street="丙路")
    assert with_parts(given) is given
