"""WeChat mini-program server API (api.weixin.qq.com): login, tokens, phone, real name, messages, message push.

Started by `python -m simulators`; keeps its state in the section `wechat`.
"""

from aiohttp import web

from simulators.core import World
from simulators.wechat import login, messages, tokens
from simulators.wechat.controls import control_routes
from simulators.wechat.wire import method

GET_METHODS = (
    ("/sns/jscode2session", "jscode2session", login.jscode2session),
    ("/cgi-bin/token", "token", tokens.get_token),
    ("/wxa/checksession", "checksession", login.check_session),
    ("/wxaapi/newtmpl/gettemplate", "gettemplate", messages.get_templates),
)
POST_METHODS = (
    ("/cgi-bin/stable_token", "stable_token", tokens.stable_token),
    ("/wxa/business/getuserphonenumber", "getuserphonenumber", login.get_user_phone_number),
    ("/intp/realname/checkrealnameinfo", "checkrealnameinfo", login.check_real_name_info),
    ("/cgi-bin/message/subscribe/send", "subscribe_send", messages.send_subscription),
    ("/cgi-bin/message/custom/send", "custom_send", messages.send_customer_message),
)


def routes(world: World) -> web.Application:
    """Return the application that speaks WeChat's paths."""
    app = web.Application(client_max_size=1024 * 1024)
    for path, name, run in GET_METHODS:
        app.router.add_get(path, method(world, name, run))
    for path, name, run in POST_METHODS:
        app.router.add_post(path, method(world, name, run))
    return app


def control(world: World) -> list[web.RouteDef]:
    """Return the control routes under /control/wechat."""
    return control_routes(world)
