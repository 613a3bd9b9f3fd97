"""Compares bound templates with what WeChat says of them: fields that are lacking, or that the platform does not know.

Asked once at start and then each hour. A difference is a warning in the log, the metrics and on the template's page;
nothing is blocked, for the platform may be away or the template on its way through review.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from app import metrics
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from notify.templates import Binding, Shelf
from notify.templating.ports import PlatformTemplates
from notify.types import Channel

log = structlog.get_logger()
_SECONDS = 3600.0
_SOONER_SECONDS = 60.0


class Comparison:
    """What is known of the platform's templates.

    Args:
        platform: WeChat's own list; None where nobody can be asked.
    """

    def __init__(self, shelf: Shelf, platform: PlatformTemplates | None) -> None:
        self._shelf = shelf
        self._platform = platform
        self._keys: Mapping[str, Sequence[str]] | None = None

    def warnings(self, binding: Binding | None) -> list[str]:
        """Return what differs between a WeChat binding and the platform; nothing where that is not known."""
        if binding is None or self._keys is None:
            return []
        real = self._keys.get(binding.template_id)
        if real is None:
            return [f"微信小程序账号下没有模板 {binding.template_id}"]
        lacking = [key for key in real if key not in binding.fields]
        unknown = [key for key in binding.fields if key not in real]
        found = [f"缺少微信模板的字段：{'、'.join(lacking)}"] if lacking else []
        return found + ([f"微信模板没有这些字段：{'、'.join(unknown)}"] if unknown else [])

    async def refresh(self) -> bool:
        """Ask the platform and warn of what differs; False where it could not be asked."""
        if self._platform is None:
            return True
        try:
            self._keys = await self._platform.keys()
        except (ProviderUnavailable, ProviderRejected, ProviderProtocolError) as error:
            log.warning("notice_templates_not_compared", error=type(error).__name__)
            return False
        faulty = 0
        for template, binding in await self._shelf.bound(Channel.WECHAT):
            if found := self.warnings(binding):
                faulty += 1
                log.warning("notice_template_differs", code=template.code, version=template.version, found=found)
        metrics.TEMPLATE_DIFFERENCES.labels("WECHAT").set(faulty)
        return True

    async def watch(self) -> None:
        """Refresh for as long as the process lives; runs beside the requests."""
        while True:
            await asyncio.sleep(_SECONDS if await self.refresh() else _SOONER_SECONDS)
