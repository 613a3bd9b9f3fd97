"""What may happen to money: another way to pay, paid twice, a refund that two people decide, callbacks that come again,
and a day's statement that agrees with the ledger. Played over HTTP; every step is checked."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from rich.console import Console

from demo.counter import Counter
from demo.narrator import Narrator
from demo.payer import Payer
from demo.wire import Answer, Wire, expect

_BEIJING = timezone(timedelta(hours=8))
_LATE_FEE_FEN = 51_000
"""Makes the bill one whose refund a second person must approve."""
_COPIES = {"times": 3, "concurrent": 5}


class Money:
    """The payer, the window and two cashiers, in the order of the story."""

    def __init__(
        self,
        payer: Payer,
        cashier: Counter,
        second: Counter,
        control: Wire,
        story: dict[str, Any],
        console: Console,
    ) -> None:
        self._payer, self._cashier, self._second, self._control = payer, cashier, second, control
        self._fee_fen = int(story["fee_fen"])
        self._narrator = Narrator(console)
        self._say = self._narrator.say
        self._bills: list[dict[str, Any]] = []
        self._paid: dict[str, int] = {}
        self._refunded: dict[str, int] = {}
        self._began_on = _today()

    async def play(self) -> None:
        """Play the whole part. Raises Unexpected."""
        self._narrator.begin("资金")
        await self._payer.be_known()
        await self._pay_another_way()
        twice = await self._pay_twice()
        await self._refund_by_two()
        await self._hear_again(twice)
        await self._agree()

    async def _pay_another_way(self) -> None:
        bill = await self._billed()
        first = await self._payer.wechat.order(bill["bill_no"])
        self._say("微信发起支付", f"{first['out_trade_no']} {_yuan(bill['amount_fen'])}")
        second = await self._payer.alipay.order(bill["bill_no"])
        self._say("改用支付宝", second["out_trade_no"])
        there = (await self._at_wechat(first))["trade_state"]
        here = (await self._payer.payment(first))["status"]
        expect((there, here) == ("CLOSED", "CLOSED"), f"微信订单应已关闭，渠道 {there}，本地 {here}")
        self._say("微信订单已在渠道关闭", f"{first['out_trade_no']} 渠道 {there}")
        refused = await self._payer.wechat.tap(first)
        expect(refused.status == 400, "已关闭的微信订单不应还能支付")
        self._say("微信收银台拒绝付款", str(refused.value["error"]))
        (await self._payer.alipay.tap(second)).expect(200)
        await self._confirmed(bill, second)

    async def _pay_twice(self) -> dict[str, Any]:
        """Pay at both: WeChat says that it closed the order, and takes the money all the same. Return that order."""
        bill = await self._billed()
        late = await self._payer.wechat.order(bill["bill_no"])
        fault = {"provider": "wechat_pay", "call": "close", "kind": "error", "code": "ORDER_CLOSED"}
        (await self._control.send("POST", "/control/faults", value=fault)).expect(201)
        order = await self._payer.alipay.order(bill["bill_no"])
        (await self._payer.alipay.tap(order)).expect(200)
        await self._confirmed(bill, order)
        (await self._payer.wechat.tap(late)).expect(200)
        self._paid[late["out_trade_no"]] = self._fee_fen
        self._say("同一缴款单又在微信支付成功", late["out_trade_no"])
        refund = await self._payer.refunded(late)
        expect(refund["amount_fen"] == self._fee_fen, "重复缴费应全额退还")
        kept = (await self._cashier.call("GET", f"/refunds/{refund['out_refund_no']}")).expect(200)
        expect(kept["requested_by"] == "" and not kept["needs_approval"], "重复缴费应自动退还，无须人工")
        await self._given_back(late, refund)
        self._say("自动退还重复缴费", f"{refund['out_refund_no']} {_yuan(refund['amount_fen'])} {kept['cause_text']}")
        await self._payer.bill_in(bill, "CONFIRMED")
        expect((await self._payer.payment(order))["refunds"] == [], "原缴费不应被退还")
        return late

    async def _refund_by_two(self) -> None:
        bill = await self._billed()
        path = f"/control/fiscal/bills/{bill['payment_code']}/late-fee"
        (await self._control.send("POST", path, value={"late_fee_fen": _LATE_FEE_FEN})).expect(200)
        order = await self._payer.wechat.pay(bill["bill_no"])
        amount_fen = self._fee_fen + _LATE_FEE_FEN
        await self._confirmed(bill, order, amount_fen)
        wish = {"amount_fen": amount_fen, "reason": "滞纳金计算有误，全额退还"}
        asked = (await self._cashier.call("POST", f"/payments/{order['out_trade_no']}/refunds", wish)).expect(201)
        number = asked["out_refund_no"]
        expect(asked["needs_approval"] and asked["status"] == "REQUESTED", "超过限额的退款应等待第二人审核")
        self._say("收费岗申请退款", f"{number} {_yuan(amount_fen)} {asked['status_text']}")
        approve = f"/refunds/{number}/approve"
        own = await self._cashier.call("POST", approve, {})
        expect(own.status == 403 and own.value["code"] == "own_refund", f"申请人不应能审核自己的申请：{own.value}")
        self._say("本人审核被拒绝", own.value["detail"])
        waiting = (await self._payer.payment(order))["refunds"][0]
        expect((waiting["out_refund_no"], waiting["status"]) == (number, "REQUESTED"), "群众应看到退款待审核")
        self._say("群众看到进度", waiting["status_text"])
        approved = (await self._second.call("POST", approve, {"note": "已核对缴款记录"})).expect(200)
        expect(approved["approved_by"] == self._second.account["username"], "应记录审核人")
        self._say("复核岗同意", approved["status_text"])
        done = await self._payer.refunded(order)
        expect((done["out_refund_no"], done["amount_fen"]) == (number, amount_fen), "群众应看到同一笔退款")
        await self._given_back(order, done)
        shown = await self._payer.bill_in(bill, "REFUNDED")
        self._say("群众看到退款成功", f"{done['status_text']} {done['finished_at']} 缴款单 {shown['status_text']}")

    async def _hear_again(self, twice: dict[str, Any]) -> None:
        """Have the platforms send callbacks again that were heard: one of a plain payment, one of a refunded one."""
        before = await self._everything()
        sent = []
        for address in (f"alipay/trades/{next(iter(self._paid))}", f"wechat_pay/orders/{twice['out_trade_no']}"):
            again = await self._control.send("POST", f"/control/{address}/notify", value=_COPIES)
            sent += [each["status"] for each in again.expect(200)["callbacks"]]
        expect(set(sent) <= {200, 204}, f"重复回调应被正常应答：{sent}")
        expect(await self._everything() == before, "重复回调改变了记录")
        self._say("重复回调不改变任何记录", f"{len(sent)} 次")

    async def _agree(self) -> None:
        """The day's statement has every yuan of this part, and is what the ledger says."""
        days = f"date={self._began_on}&until={_today()}"
        statement = (await self._cashier.call("GET", f"/statements?{days}")).expect(200)
        total = statement["total"]
        expect(total["ledger_agrees"] and all(row["ledger_agrees"] for row in statement["rows"]), "日报与账目不符")
        lines = await self._lines()
        paid, refunded = lines["缴费"], lines["退款"]
        expect(paid == self._paid, f"明细中的缴费应为 {self._paid}，实为 {paid}")
        expect(refunded == self._refunded, f"明细中的退款应为 {self._refunded}，实为 {refunded}")
        expect(total["paid_fen"] >= sum(paid.values()), "日报的缴费少于明细")
        expect(total["refunded_fen"] >= sum(refunded.values()), "日报的退款少于明细")
        shown = f"缴费 {total['paid_count']} 笔 {_yuan(total['paid_fen'])}"
        shown += f"，退款 {total['refunded_count']} 笔 {_yuan(total['refunded_fen'])}，净额 {_yuan(total['net_fen'])}"
        self._say("收银日报与账目相符", shown)

    async def _billed(self) -> dict[str, Any]:
        bill = await self._payer.billed()
        expect(bill["amount_fen"] == self._fee_fen, f"金额应为 {self._fee_fen} 分")
        self._bills.append(bill)
        return bill

    async def _confirmed(self, bill: dict[str, Any], order: dict[str, Any], amount_fen: int = 0) -> None:
        done = await self._payer.bill_in(bill, "CONFIRMED")
        expect(done["amount_fen"] == (amount_fen or self._fee_fen), f"缴款单金额不符：{done['amount_fen']} 分")
        self._paid[order["out_trade_no"]] = done["amount_fen"]
        late = f"（含滞纳金 {_yuan(done['late_fee_fen'])}）" if done["late_fee_fen"] else ""
        self._say("支付并经财政确认", f"{order['out_trade_no']} {_yuan(done['amount_fen'])}{late}")

    async def _given_back(self, order: dict[str, Any], refund: dict[str, Any]) -> None:
        """Check that WeChat, too, has exactly this refund of the order, and note it."""
        listed = (await self._control.send("GET", "/control/wechat_pay/refunds")).expect(200)
        there = [
            (row["out_refund_no"], row["amount"]["refund"], row["status"])
            for row in listed
            if row["out_trade_no"] == order["out_trade_no"]
        ]
        expect(there == [(refund["out_refund_no"], refund["amount_fen"], "SUCCESS")], f"渠道退款不符：{there}")
        self._refunded[refund["out_refund_no"]] = refund["amount_fen"]

    async def _at_wechat(self, order: dict[str, Any]) -> dict[str, Any]:
        path = f"/control/wechat_pay/orders/{order['out_trade_no']}"
        return dict((await self._control.send("GET", path)).expect(200))

    async def _everything(self) -> list[Any]:
        """Everything that is shown of this part's bills: by the payer, by the cashier, in the day's lines."""
        bills = [await self._payer.bill(bill["subject_no"]) for bill in self._bills]
        payments = [(await self._cashier.call("GET", f"/payments/{number}")).expect(200) for number in self._paid]
        # The receipt comes from the fiscal platform in its own time.
        return [*(bill | {"receipt": None} for bill in bills), *payments, await self._lines()]

    async def _lines(self) -> dict[str, dict[str, int]]:
        """This part's movements in the lines of its days: kind → our number → fen."""
        found: dict[str, dict[str, int]] = {"缴费": {}, "退款": {}, "退款退回": {}}
        ours = {str(bill["bill_no"]) for bill in self._bills}
        for day in sorted({self._began_on, _today()}):
            answer = await self._cashier.call("GET", f"/statements/lines?date={day}")
            for row in _table(answer):
                if row["缴款单号"] in ours:
                    number = row["支付单号"] if row["类型"] == "缴费" else row["退款单号"]
                    found[row["类型"]][number] = abs(int(Decimal(row["金额（元）"]) * 100))
        return found


def _table(answer: Answer) -> list[dict[str, str]]:
    """Read a table that staff took away; its first line says who did."""
    text = answer.expect(200).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text.partition("\n")[2])))


def _today() -> str:
    return datetime.now(UTC).astimezone(_BEIJING).date().isoformat()


def _yuan(fen: int) -> str:
    return f"{fen / 100:.2f} 元"
