"""Every way in which the owner of a case could provide a material now, found in the archive. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app import clock
from app.db import Row
from services.applications.archive.types import MaterialOffer, MaterialWay
from services.applications.materials import repository, rules
from services.applications.materials.owner import Owner
from services.applications.materials.sources import Sources
from services.applications.materials.types import Source
from services.catalogue.types import Item, Material

_MOST_FILES = 200


class MaterialWays:
    """Finds them for a whole item at once.

    Args:
        later_days: working days after acceptance within which deferred materials come in.
        reuse_days: days for which a file of an earlier case may be used again.
    """

    def __init__(self, sources: Sources, *, later_days: int, reuse_days: int) -> None:
        self._sources, self._later_days, self._reuse_days = sources, later_days, reuse_days

    async def of(self, owner: Owner, item: Item) -> list[MaterialOffer]:
        """Return the materials of an item with their ways; without those that the form itself becomes."""
        since = clock.now() - timedelta(days=self._reuse_days)
        earlier = await repository.list_earlier(owner, since, _MOST_FILES)
        trusted = not await repository.has_broken_promise(owner.people)
        return [
            MaterialOffer(
                material_code=material.code,
                material_name=material.name,
                necessity=material.necessity.value,
                ways=[
                    *await self._licences(owner, material),
                    *self._shared(material),
                    *_earlier(material, earlier),
                    *self._words(material, trusted),
                    MaterialWay(source="upload", text="拍照或上传文件"),
                ],
            )
            for material in item.record.materials
            if not (material.blank is not None and material.blank.from_form)
        ]

    async def _licences(self, owner: Owner, material: Material) -> list[MaterialWay]:
        if not rules.allows(material, Source.LICENCE):
            return []
        found = await self._sources.usable(owner, material)
        return [
            MaterialWay(
                source="licence",
                text=f"使用电子证照：{licence.type_name}（{licence.holder_shown}，{licence.issuer_name}）",
                licence_no=licence.licence_no,
            )
            for licence in found
        ]

    def _shared(self, material: Material) -> list[MaterialWay]:
        if not (self._sources.shares and rules.allows(material, Source.SHARED)):
            return []
        return [MaterialWay(source="shared", text="提交时通过数据共享获取")]

    def _words(self, material: Material, trusted: bool) -> list[MaterialWay]:
        ways = []
        if trusted and rules.allows(material, Source.PROMISE):
            ways.append(MaterialWay(source="promise", text="签署告知承诺书，免予提交"))
        if rules.allows(material, Source.LATER):
            ways.append(MaterialWay(source="later", text=f"容缺受理，受理后{self._later_days}个工作日内补交"))
        return ways


def _earlier(material: Material, rows: Sequence[Row]) -> list[MaterialWay]:
    """Offer the files of the newest earlier case that has this material whole and in a format that is taken."""
    if not rules.allows(material, Source.EARLIER):
        return []
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        if row["material_name"] == material.name:
            by_case.setdefault(row["application_no"], []).append(row)
    for number, pages in by_case.items():
        if len(pages) <= material.max_files and all(page["content_type"] in material.accepts for page in pages):
            day = clock.beijing_date(pages[0]["accepted_at"]).isoformat()
            text = f"沿用{day}办理“{pages[0]['item_name']}”时提交的材料"
            return [MaterialWay(source="earlier", text=text, application_no=number)]
    return []
