"""Template messages (模板消息, also those of 订阅消息) and the state of a user's subscriptions.

The notice channel's adapter calls it. There is no idempotency number: a repeat after an unknown outcome may send twice,
so sending is never repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.errors import ProviderRejected
from clients.alipay import sdk
from clients.alipay.failures import bare_sub_code
from clients.alipay.gateway import AlipayGateway
from clients.alipay.values import text


class Refusal(StrEnum):
    """Why a message was refused, and so what the sender does about it."""

    UNREACHABLE = "unreachable"
    """The user refused or unsubscribed: drop, and void the stored permission."""
    FORM_ID = "form_id"
    """The form id or trade number is spent, old or another's: drop, and throw the id away."""
    TEMPLATE = "template"
    """The template is not usable: configuration, alarm."""
    CONTENT = "content"
    """A value is too long, missing or forbidden: our fault, alarm, no repeat."""
    CONFIGURATION = "configuration"
    """Receiver, application or permission is wrong: alarm."""
    LATER = "later"
    """Too frequent or Alipay is busy: try again later."""


_REFUSALS = {
    Refusal.UNREACHABLE: (
        "MSG_UNSUBSCRIBED MSG_REJECTED MSG_UNAUTHORIZED MSG_CONTENT_NOT_INTERESTED NO_BIND_PUBLIC_APP"
        " NO_RECENT_VISIT_RECORD NO_PLACE_ORDER_RECORD"
    ),
    Refusal.FORM_ID: (
        "FORM_ID_INVALID FORM_ID_NOT_MATCH_APPID FORM_ID_OVER_TIME FORM_ID_SEND_LIMIT TRADE_NO_NOT_MATCH_USERID"
    ),
    Refusal.TEMPLATE: (
        "TEMPLATE_ILLEGAL USER_TEMPLATE_ILLEGAL USER_TEMPLATE_STATUS_ILLEGAL USER_TEMPLATE_LACK_KEYWORD"
        " MESSAGE_TEMPLATE_KEYWORD_ILLEGAL MSG_TEMPLATE_ID_VALID"
    ),
    Refusal.CONTENT: (
        "USER_KEYWORD_LENGTH_ERROR PAGE_OVER_LIMIT DATA_CONTENT_FORMAT_ERROR BIZ_CONTENT_FORMAT_ERROR DATA_SENSITIVE"
        " DATA_IS_EMPTY ILLEGAL_ARGUMENT_PARAMS"
    ),
    Refusal.LATER: "MSG_SINGLE_SD_OVER MSG_SEND_ERROR QUERY_CONSUMER_REQUEST_ERROR",
}
_REFUSAL_OF = {code: refusal for refusal, codes in _REFUSALS.items() for code in codes.split()}


@dataclass(frozen=True, slots=True)
class SubscriptionRelation:
    """How one user stands to one template, in Alipay's words (the list of states is not published)."""

    template_id: str
    subscribe_state: str
    subscribe_type: str
    keep_state: str


async def send_template_message(
    gateway: AlipayGateway,
    *,
    template_id: str,
    values: Mapping[str, str],
    page: str,
    open_id: str = "",
    user_id: str = "",
    form_id: str = "",
) -> None:
    """Send one message; `values` maps every keyword of the template to at most 50 characters.

    `form_id` is a form's id or a trade number for those templates, and stays empty for subscription templates.
    Raises: ProviderRejected (see `refusal`), ProviderUnavailable (may have been sent), ProviderProtocolError.
    Source: Alipay open platform, alipay.open.app.mini.templatemessage.send (小程序发送模板消息).
    """
    model, request_of = await sdk.blank("AlipayOpenAppMiniTemplatemessageSend")
    model.to_open_id = open_id
    model.to_user_id = user_id
    model.user_template_id = template_id
    model.form_id = form_id
    model.page = page
    # The platform wants JSON text here; the model would pass an object through as an object.
    model.data = json.dumps({name: {"value": value} for name, value in values.items()}, ensure_ascii=False)
    parameters = request_of(biz_model=model).get_params()
    await gateway.execute(parameters["method"], parameters["biz_content"], timeout_seconds=5.0)


async def query_subscriptions(
    gateway: AlipayGateway, template_ids: Sequence[str], *, open_id: str = "", user_id: str = ""
) -> tuple[SubscriptionRelation, ...]:
    """Ask how a user stands to at most three templates. A read.

    Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
    Source: Alipay open platform, alipay.open.app.messagetemplate.subscribe.query (订阅消息状态查询).
    """
    model, request_of = await sdk.blank("AlipayOpenAppMessagetemplateSubscribeQuery")
    model.open_id = open_id
    model.user_id = user_id
    model.template_id_list = list(template_ids)
    parameters = request_of(biz_model=model).get_params()
    fields = await gateway.execute(parameters["method"], parameters["biz_content"], repeatable=True)
    relations = fields.get("subscribe_relations")
    return tuple(
        SubscriptionRelation(
            template_id=text(relation, "template_id"),
            subscribe_state=text(relation, "subscribe_state"),
            subscribe_type=text(relation, "subscribe_type"),
            keep_state=text(relation, "keep_state"),
        )
        for relation in (relations if isinstance(relations, list) else [])
        if isinstance(relation, dict)
    )


def refusal(error: ProviderRejected) -> Refusal:
    """Say what a refused message obliges the sender to do. Unknown codes are configuration: a person must look."""
    if error.retryable:
        return Refusal.LATER
    return _REFUSAL_OF.get(bare_sub_code(error.provider_code), Refusal.CONFIGURATION)
