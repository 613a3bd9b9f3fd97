"""The page on which the user finishes face verification: a stand-in for Alipay's camera."""

from html import escape

from aiohttp import web

from simulators.alipay import certify
from simulators.alipay.errors import AlipayError
from simulators.alipay.platform import Platform

_LAYOUT = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>支付宝身份验证（模拟）</title></head>
<body style="font-family:sans-serif;max-width:24rem;margin:3rem auto;text-align:center">{}</body></html>"""


def _page(content: str, status: int = 200) -> web.Response:
    return web.Response(text=_LAYOUT.format(content), content_type="text/html", status=status)


def refusal(error: AlipayError) -> web.Response:
    """Show why the page cannot be used."""
    return _page(f"<h1>无法验证</h1><p>{escape(error.sub_msg)}</p><p><code>{escape(error.sub_code)}</code></p>", 400)


def certify_page(certify_id: str, name: str) -> web.Response:
    """Show the pass and fail buttons for one verification; the name is masked."""
    return _page(
        f"<h1>人脸识别（模拟）</h1><p>请 *{escape(name[-1])} 本人操作</p>"
        f'<form method="post" action="/certify/{escape(certify_id)}">'
        '<button name="passed" value="T">通过</button> <button name="passed" value="F">不通过</button></form>'
    )


async def finish_certify(platform: Platform, request: web.Request) -> web.Response:
    """Take the pressed button and show the way back."""
    form = await request.post()
    try:
        row = certify.finish(platform, request.match_info["certify_id"], form.get("passed") == "T")
    except AlipayError as error:
        return refusal(error)
    result = "验证通过" if row["passed"] == "T" else "验证未通过"
    return _page(f'<h1>{result}</h1><p><a href="{escape(row["return_url"])}">返回小程序</a></p>')
