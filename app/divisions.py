"""The administrative divisions of the country (行政区划), and how a line of address names them. For addresses only.

Whose business a case is follows from the catalogue's own table of the province, never from this one. The names are the
Ministry of Civil Affairs' as of 2025-12-31 (data/divisions-national.csv, without Hong Kong, Macao and Taiwan).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent.parent / "data"
MUNICIPALITIES = ("110000", "120000", "310000", "500000")
_HOME = "14"
_PEOPLES = (
    "蒙古族|回族|藏族|维吾尔族|苗族|彝族|壮族|布依族|朝鲜族|满族|侗族|瑶族|白族|土家族|哈尼族|哈萨克族|傣族|黎族|傈僳族|佤族|畲族|"
    "拉祜族|水族|东乡族|纳西族|景颇族|柯尔克孜族|土族|达斡尔族|仫佬族|羌族|布朗族|撒拉族|毛南族|仡佬族|锡伯族|普米族|塔吉克族|怒族|"
    "俄罗斯族|鄂温克族|德昂族|保安族|裕固族|独龙族|各族|蒙古|哈萨克|柯尔克孜|塔吉克|维吾尔|锡伯|鄂温克"
)
_TAIL = re.compile(rf"(?:(?:(?<!内)(?:{_PEOPLES}))*自治[区州县旗]|特别行政区|地区|林区|特区|[省市县区旗盟])$")
_STREET_GOES_ON = re.compile(
    r"[东西南北中]?(?:大?[街道]|路|巷|胡同|线)|[省市县区州盟镇乡村站桥府里]|街道|大厦|花园|小区|新城|广场"
)
_BETWEEN = " ,，、-·"
_MINOR = re.compile(r"市辖区|省直辖县级行政(?:区划|单位)")


@dataclass(frozen=True, slots=True)
class Division:
    """One division; `successor` is where a retired one lies today."""

    code: str
    name: str
    parent: str
    successor: str = ""
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What a line names: the deepest division ("" = none), what follows it, and whether there is room for doubt."""

    code: str
    rest: str = field(repr=False)
    is_sure: bool


class Country:
    """The tree of divisions."""

    def __init__(self, divisions: Iterable[Division]) -> None:
        listed = tuple(divisions)
        self._current: Mapping[str, Division] = {each.code: each for each in listed if not each.is_retired}
        self._children: dict[str, list[Division]] = {}
        for each in listed:
            self._children.setdefault(each.parent, []).append(each)

    def __contains__(self, code: str) -> bool:
        return code in self._current

    def path(self, code: str) -> tuple[Division, ...]:
        """Return the way from the province down to a current division; empty for an unknown code."""
        way: list[Division] = []
        while (found := self._current.get(code)) is not None:
            way.append(found)
            code = found.parent
        return tuple(reversed(way))

    def full_name(self, code: str) -> str:
        """Return the name from the province down, "" for an unknown code."""
        return "".join(each.name for each in self.path(code))

    def children(self, code: str) -> tuple[Division, ...]:
        """Return the current divisions right below one; "" asks for the provinces."""
        return tuple(each for each in self._children.get(code, ()) if not each.is_retired)

    def below(self, code: str) -> Iterator[Division]:
        """Go through all divisions below one, retired ones too, nearest level first."""
        level = self._children.get(code, [])
        while level:
            yield from level
            level = [child for each in level for child in self._children.get(each.code, ())]

    def parts(self, code: str) -> tuple[str, str, str]:
        """Return province, city and county as couriers want them.

        A municipality is its own city; a county right below a province is its own city too.
        """
        way = self.path(code)
        names = [each.name for each in way]
        if not way:
            return "", "", ""
        if way[0].code in MUNICIPALITIES:
            return names[0], names[0], "".join(names[1:2])
        if len(way) == 2 and not way[1].code.endswith("00"):
            return names[0], names[1], names[1]
        return names[0], "".join(names[1:2]), "".join(names[2:3])

    def read(self, line: str) -> Named:
        """Find the divisions that a line begins with; names may be short (太原小店), levels left out.

        Of two readings the one that takes more of the line wins. Not sure is what ends with a short name, with one that
        several divisions have, or with one that is no more.
        """
        named = self._step(line, "")
        while named.code:
            # People paste the region and then the whole address once more.
            again = self._step(named.rest, "")
            same = again.code == named.code
            if not again.code or not (same or self._is_below(again.code, named.code)):
                break
            named = Named(again.code, again.rest, again.is_sure or (same and named.is_sure))
        return named

    def _step(self, line: str, above: str, *, is_sure: bool = True) -> Named:
        line = line.lstrip(_BETWEEN)
        line = _MINOR.sub("", line, count=1) if _MINOR.match(line) else line
        found = self._match(line, above)
        if found is None:
            return Named(above, line, is_sure)
        division, taken, certain = found
        code = division.code
        if division.is_retired:
            code, certain = division.successor or division.parent, certain and bool(division.successor)
        rest = line[taken:]
        if code in MUNICIPALITIES and rest.startswith(division.name):
            rest = rest[len(division.name) :]
        return self._step(rest, code, is_sure=certain)

    def _match(self, line: str, above: str) -> tuple[Division, int, bool] | None:
        """Return the division named at the beginning of a line, the length of its name there, whether it is certain."""
        found = [
            (len(form), is_whole, each)
            for each in _index(self).get(line[:1], ())
            if not above or above in (each.parent, *(upper.code for upper in self.path(each.parent)))
            for form, is_whole in forms_of(each.name)
            if line.startswith(form) and (is_whole or not _STREET_GOES_ON.match(line[len(form) :]))
        ]
        if not found:
            return None
        length = max(taken for taken, _, _ in found)
        longest = [(each, is_whole) for taken, is_whole, each in found if taken == length]
        codes = {each.code for each, _ in longest}
        # 吉林 is the province rather than the city in it.
        first = [(each, whole) for each, whole in longest if each.parent not in codes]
        at_home = [(each, whole) for each, whole in first if each.code.startswith(_HOME)]
        chosen = first if len(first) == 1 else at_home
        if len(chosen) != 1:
            return None
        division, is_whole = chosen[0]
        return division, length, is_whole and len(first) == 1

    def _is_below(self, code: str, above: str) -> bool:
        return any(each.code == above for each in self.path(code)[:-1])


def forms_of(name: str) -> tuple[tuple[str, bool], ...]:
    """Return the ways to write a name: whole, without its peoples, without its last word; two characters stay."""
    short = _TAIL.sub("", name)
    if short == name or len(short) < 2:
        return ((name, True),)
    half = ((short + name[-1], True),) if "自治" in name else ()
    return ((name, True), *half, (short, False))


@cache
def _index(country: Country) -> Mapping[str, tuple[Division, ...]]:
    found: dict[str, list[Division]] = {}
    for each in country.below(""):
        found.setdefault(each.name[:1], []).append(each)
    return {first: tuple(listed) for first, listed in found.items()}


@cache
def country() -> Country:
    """Read the list once per process."""
    with (_DATA / "divisions-national.csv").open(encoding="utf-8", newline="") as source:
        current = [Division(row["code"], row["name"], row["parent"]) for row in csv.DictReader(source)]
    with (_DATA / "divisions.csv").open(encoding="utf-8", newline="") as source:
        retired = [
            Division(row["code"], row["name"], row["parent"], row["successor"], is_retired=True)
            for row in csv.DictReader(source)
            if row["kind"] == "retired" and row["level"] == "county"
        ]
    codes = {each.code for each in current}
    return Country([*current, *(each for each in retired if each.parent in codes)])
