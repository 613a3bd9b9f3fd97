"""The mini-program's own templates as WeChat lists them (port notify.templating.ports.PlatformTemplates)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clients.wechat.miniprogram import MiniProgramClient


class WeChatTemplates:
    """Asks WeChat for the real keys of each template."""

    def __init__(self, client: MiniProgramClient) -> None:
        self._client = client

    async def keys(self) -> Mapping[str, Sequence[str]]:
        """Return template id → keys. Source: WeChat mini-program documents, 获取个人模板列表 getMessageTemplateList."""
        return {template.template_id: template.keys for template in await self._client.get_templates()}
