"""The floor: bare Sanic, raw asyncpg and `cryptography`, doing only what cannot be avoided; no code of the product.

Started by bench.servers. No sign-in, no checks, no errors, no logs, no metrics; statements are written out here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sys
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sanic import Request, Sanic
from sanic.response import HTTPResponse, raw, text

from app import start
from app.db import tortoise_config
from app.processes import leave_with_parent
from app.settings import Settings
from bench import floor_sql as sql
from bench.engines import ROOT
from bench.floor_paying import FloorPaying

_CONNECTIONS = 20


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """Without the reset statement on release: the product saves it too."""

    def get_reset_query(self) -> str:
        return ""


class _Resource(msgspec.Struct):
    ciphertext: str
    nonce: str
    associated_data: str


class _Envelope(msgspec.Struct):
    resource: _Resource


class _Amount(msgspec.Struct):
    total: int


class _Paid(msgspec.Struct):
    out_trade_no: str
    transaction_id: str
    success_time: sql.Moment
    amount: _Amount


class _Node(msgspec.Struct):
    shipment_no: str = msgspec.field(name="orderid")
    waybill_no: str = msgspec.field(name="mailno")
    moment: str = msgspec.field(name="acceptTime")
    place: str = msgspec.field(name="acceptAddress")
    text: str = msgspec.field(name="remark")
    code: str = msgspec.field(name="opCode")


class _Routes(msgspec.Struct):
    nodes: list[_Node] = msgspec.field(name="WaybillRoute")


class _RoutePush(msgspec.Struct):
    body: _Routes = msgspec.field(name="Body")


class Floor:
    """The eight bare handlers over one pool."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        _, _, file = settings.wechat_pay_public_keys.partition("=")
        self._key = cast(RSAPublicKey, load_pem_public_key(Path(file).read_bytes()))
        self._alipay_key = cast(RSAPublicKey, load_pem_public_key(Path(settings.alipay_public_key).read_bytes()))
        self._aes = AESGCM(settings.wechat_pay_apiv3_key.encode())
        self._paying = FloorPaying(settings)
        self._pool: asyncpg.Pool = None

    async def open(self, _: Sanic[Any, Any]) -> None:
        """Open the pool."""
        leave_with_parent()
        credentials = tortoise_config(self._settings.database_url)["connections"]["default"]["credentials"]
        where = {name: credentials[name] for name in ("host", "port", "user", "password", "database")}
        self._pool = await asyncpg.create_pool(
            **where, min_size=_CONNECTIONS, max_size=_CONNECTIONS, connection_class=_Connection
        )

    async def hello(self, _: Request) -> HTTPResponse:
        """Say hello."""
        return text("hello")

    async def detail(self, _: Request, number: str) -> HTTPResponse:
        """Read one row by its index and encode it."""
        row = await self._pool.fetchrow(sql.ROW, number)
        return raw(msgspec.json.encode(dict(row)), content_type="application/json")

    async def submit(self, _: Request, number: str, citizen: str) -> HTTPResponse:
        """Run the two statements of a submission; the second is a transaction of its own."""
        async with self._pool.acquire() as link:
            row = await link.fetchrow(sql.OWN, number, uuid.UUID(citizen))
            moved = await link.fetchrow(sql.SUBMIT, *sql.submit_values(row))
        return raw(msgspec.json.encode(dict(moved)), content_type="application/json")

    async def callback(self, request: Request) -> HTTPResponse:
        """Verify, decrypt, and book a payment: inbox, order, bill, ledger pair, job."""
        body, headers = request.body, request.headers
        signed = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode() + body + b"\n"
        self._key.verify(base64.b64decode(headers["wechatpay-signature"]), signed, PKCS1v15(), SHA256())
        sealed = msgspec.json.decode(body, type=_Envelope).resource
        plain = self._aes.decrypt(
            sealed.nonce.encode(), base64.b64decode(sealed.ciphertext), sealed.associated_data.encode()
        )
        paid = msgspec.json.decode(plain, type=_Paid)
        await self._book("WECHAT", paid)
        return HTTPResponse(status=204)

    async def alipay(self, request: Request) -> HTTPResponse:
        """Verify a form, and book a payment by the same statements."""
        fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        signature = base64.b64decode(fields.pop("sign"))
        del fields["sign_type"]
        signed = "&".join(f"{name}={value}" for name, value in sorted(fields.items())).encode()
        self._alipay_key.verify(signature, signed, PKCS1v15(), SHA256())
        paid_at = datetime.fromisoformat(f"{fields['gmt_payment']}+08:00")
        amount = _Amount(int(fields["total_amount"].replace(".", "")))
        await self._book("ALIPAY", _Paid(fields["out_trade_no"], fields["trade_no"], paid_at, amount))
        return text("success")

    async def push(self, request: Request, token: str) -> HTTPResponse:
        """Compare the token, read a route push, and move the parcel: its row, the event, the state, the job."""
        if not hmac.compare_digest(token, self._settings.sf_push_token):
            return HTTPResponse(status=404)
        for node in msgspec.json.decode(request.body, type=_RoutePush).body.nodes:
            moment = datetime.fromisoformat(f"{node.moment}+08:00")
            key = hashlib.sha256(f"sf|{node.waybill_no}|{int(moment.timestamp())}|{node.code}".encode()).hexdigest()
            async with self._pool.acquire() as link, link.transaction():
                parcel = await link.fetchrow(sql.PARCEL, node.shipment_no)
                told = (uuid.uuid4(), moment, parcel["id"], key, node.code, node.text, node.place)
                await link.execute(sql.EVENT, *told)
                await link.execute(sql.MOVE, parcel["id"], moment)
                await link.execute(sql.JOB, sql.moved_event(parcel, node.shipment_no, node.waybill_no))
        return raw(b'{"return_code":"0000","return_msg":"ok"}', content_type="application/json")

    async def open_order(self, _: Request, bill_no: str, payer: str) -> HTTPResponse:
        """Open an order at WeChat Pay."""
        return await self._paying.open_order(self._pool, bill_no, payer)

    async def _book(self, channel: str, paid: _Paid) -> None:
        number, moment = paid.out_trade_no, paid.success_time
        async with self._pool.acquire() as link, link.transaction():
            await link.execute(sql.INBOX, uuid.uuid4(), moment, paid.transaction_id, number, channel)
            payment = await link.fetchrow(sql.PAYMENT, number, paid.transaction_id, moment)
            bill = await link.fetchrow(sql.BILL, payment["bill_id"], moment, payment["id"])
            entry = (uuid.uuid4(), uuid.uuid4(), number, paid.amount.total, bill["bill_no"], moment, channel)
            await link.execute(sql.LEDGER, *entry)
            await link.execute(sql.JOB, sql.paid_event(bill, number, channel))


def main(port: int) -> None:
    """Serve until the bench ends."""
    floor = Floor(start.settings(ROOT))
    app: Sanic[Any, Any] = Sanic("floor", configure_logging=False)
    app.before_server_start(floor.open)
    app.add_route(floor.hello, "/hello")
    app.add_route(floor.detail, "/applications/<number:str>")
    app.add_route(floor.submit, "/applications/<number:str>/submit/<citizen:str>", methods=["POST"])
    app.add_route(floor.callback, "/callback", methods=["POST"])
    app.add_route(floor.alipay, "/alipay", methods=["POST"])
    app.add_route(floor.push, "/pushes/<token:str>", methods=["POST"])
    app.add_route(floor.open_order, "/bills/<bill_no:str>/pay/<payer:str>", methods=["POST"])
    app.run(host="127.0.0.1", port=port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main(int(sys.argv[1]))
