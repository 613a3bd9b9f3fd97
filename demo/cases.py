"""Cases in depth: one draft on two platforms, taken in and corrected, a case granted by rule, a package of three
bodies. Played over HTTP; every step is checked."""

from __future__ import annotations

from typing import Any

from demo.counter import Counter
from demo.narrator import Narrator
from demo.person import Person, decide
from demo.wire import expect, until

_MEDICAL = "11140105MB000124984142004201000"
_BIRTH, _ALLOWANCE = "11140105MB0001177F4140709001000", "11140100MB0001142L3140504204000"
_NEWBORN = "YJS1401050001"
_CHILD_ID_NUMBER = "140105202502180026"


class Cases:
    """A person with two phones, a mother with a package, and the staff of three bodies, in the order of the story.

    Args:
        staff: by username.
        story: item, form and materials of the plain case.
    """

    def __init__(
        self, citizen: Person, mother: Person, staff: dict[str, Counter], story: dict[str, Any], narrator: Narrator
    ) -> None:
        self.citizen, self.mother, self._staff, self._story = citizen, mother, staff, story
        self._narrator, self._say = narrator, narrator.say
        self._window, self._reviewer = staff["window-xiaodian"], staff["reviewer-xiaodian"]

    async def play(self) -> str:
        """Play the whole part; return the number of the corrected case. Raises Unexpected."""
        self._narrator.begin("办件：两端一稿、预审补正")
        await self.citizen.be_known()
        number = await self.draft_on_two_phones()
        await self.correct_once(number)
        await self.finish(number)
        self._narrator.begin("智慧审批")
        await self.grant_by_rule()
        self._narrator.begin("一件事")
        await self.mother.be_known()
        await self.file_package()
        return number

    async def draft_on_two_phones(self) -> str:
        """Begin on WeChat, go on with it on Alipay, and see what each does to the other; return its number."""
        wechat, alipay = self.citizen.phones
        begun = {"item_code": self._story["item_code"], "form": {"reason": "遗失"}}
        number = str((await wechat.call("POST", "/applications", begun)).expect(201)["application_no"])
        path = f"/applications/{number}"
        typed = {"residence_address": wechat.person["address"], "phone": "138"}
        saved = (await wechat.call("PATCH", path, {"form_patch": typed, "autosave": True})).expect(200)
        expect(
            [fault["path"] for fault in saved["unsaved"]] == ["form.phone"], f"应只有手机号未保存：{saved['unsaved']}"
        )
        expect(saved["form"]["residence_address"] == typed["residence_address"], "填对的内容应已自动保存")
        self._say("微信填写，自动保存", f"{number} 未保存：{saved['unsaved'][0]['message']}")
        drafts = (await alipay.call("GET", "/applications?tab=draft")).expect(200)["data"]
        mine = next((row for row in drafts if row["application_no"] == number), None)
        expect(mine is not None and mine["provider"] == "WECHAT", "支付宝中应看到在微信起草的办件")
        self._say("支付宝继续填写", f"起草于微信，保存至 {mine and mine['expires_on']}")
        offers = (await alipay.call("GET", f"/items/{self._story['item_code']}/prefill")).expect(200)["fields"]
        for offer in offers:
            self._narrator.line(f"{offer['title']}  来源：{offer['source']['text']}")
        known = {offer["field"]: offer["value"] for offer in offers if offer["source"]["kind"] == "profile"}
        expect(known == self.citizen.identity, "预填内容应与实名信息一致")
        rest = {"lost_on": self._story["form"]["lost_on"], "fingerprint_collected": True}
        patch = {"form_patch": known | rest, "version": saved["version"]}
        filled = (await alipay.call("PATCH", path, patch)).expect(200)
        late = {"form_patch": {"commitment": True}, "version": saved["version"]}
        refused = (await wechat.call("PATCH", path, late)).expect(409)
        expect(refused["code"] == "stale_version", f"应为版本冲突：{refused}")
        expect(refused["current"]["version"] == filled["version"], "版本冲突应告知当前版本")
        self._say("微信以旧版本保存被拒绝", f"{refused['detail']}（当前版本 {refused['current']['version']}）")
        merged = (await wechat.call("PATCH", path, late | {"version": filled["version"]})).expect(200)
        expect(merged["form"]["id_number"] == known["id_number"], "支付宝填写的内容应保留")
        self._say("读取后再保存，两端内容合并", f"版本 {merged['version']}，共 {len(merged['form'])} 项")
        return number

    async def correct_once(self, number: str) -> None:
        """Hand the draft in; it is received, corrected once for everything, and accepted."""
        phone, path = self.citizen.phone, f"/applications/{number}"
        materials = await self.citizen.photos(*(each["material_code"] for each in self._story["materials"]))
        (await phone.call("PATCH", path, {"materials": materials})).expect(200)
        (await phone.call("PUT", f"{path}/delivery", {"method": "COUNTER"})).expect(200)
        (await phone.call("POST", f"{path}/submit", {})).expect(200)
        received = await decide(self._window, number, "receive")
        self._say("预审通过，窗口收件", received["status_text"])
        points = [
            {"target": "materials.M02", "text": "照片背景应为白色"},
            {"target": "form.residence_address", "text": "请写明单元和门牌号"},
        ]
        await decide(self._window, number, "correction", points=points)
        case = await phone.case_in(number, "CORRECTION")
        told = [(point["target"], point["text"]) for point in case["correction_points"]]
        expect(told == [(point["target"], point["text"]) for point in points], f"应一次告知全部补正内容：{told}")
        self._say("一次性告知补正", "；".join(text for _, text in told))
        photo = (await phone.upload("white background"))["upload_id"]
        kept = [each for each in materials if each["material_code"] != "M02"]
        mended = {
            "form_patch": {"residence_address": f"{phone.person['address']}（东户）"},
            "materials": [*kept, {"material_code": "M02", "upload_id": photo}],
            "version": case["version"],
        }
        (await phone.call("POST", f"{path}/correction", mended)).expect(200)
        self._say("申请人补正后再次提交")
        seen = (await self._window.call("GET", f"/cases/{number}")).expect(200)["case"]
        more = {"points": [{"target": "form.lost_on", "text": "请另附说明"}], "version": seen["version"]}
        refused = (await self._window.call("POST", f"/cases/{number}/correction", more)).expect(409)
        expect(refused["code"] == "correction_already_given", f"不应能再次提出新的补正要求：{refused}")
        self._say("再提新的补正要求被拒绝", refused["detail"])
        await decide(self._window, number, "accept")
        case = await phone.case_in(number, "ACCEPTED")
        expect(bool(case["promised_due_on"]), "受理后应告知承诺办结日")
        self._say("窗口受理", f"承诺办结日 {case['promised_due_on']}")
        await self._read_documents(number)

    async def _read_documents(self, number: str) -> None:
        listed = await self.citizen.documents(number)
        expect([row["kind"] for row in listed] == ["RECEIPT", "CORRECTION", "ACCEPTANCE"], f"文书不符：{listed}")
        for row in listed:
            self._narrator.line(f"{row['issued_on']}  {row['title']}  {row['document_no']}")
        content = await self.citizen.document(number, listed[-1]["document_no"])
        self._say("下载受理通知书", f"PDF {len(content)} 字节")

    async def finish(self, number: str) -> None:
        """Pay, have it granted and fetch the result at the counter."""
        bill = await self.citizen.pay_fee(number)
        self._say("缴费", f"{bill['amount_fen'] / 100:.2f} 元")
        await decide(self._reviewer, number, "approve")
        await self.citizen.phone.case_in(number, "DELIVERING")
        await decide(self._window, number, "hand-over")
        case = await self.citizen.phone.case_in(number, "CLOSED")
        expect(case["outcome"] == "GRANTED", "结果应为准予")
        self._say("准予，窗口领取", case["status_text"])

    async def grant_by_rule(self) -> str:
        """File with the new licence in place of a paper; rules grant it at once and say why. Return its number."""
        phone = self.citizen.phone
        offers = (await phone.call("GET", f"/items/{_MEDICAL}/prefill")).expect(200)["materials"]
        way = next(way for each in offers for way in each["ways"] if way["source"] == "licence")
        self._say("免证办：以电子证照代替纸质材料", way["text"])
        person = phone.person
        insured = {"insured_name": person["name"], "insured_id_number": person["id_number"], "relation": "本人"}
        form = self.citizen.identity | insured | {"ground": "本地户籍", "current_address": person["address"]}
        material = {"material_code": "M01", "source": "licence", "licence_no": way["licence_no"]}
        draft = {"item_code": _MEDICAL, "form": form, "materials": [material]}
        number = await self.citizen.file(draft, "ELECTRONIC")
        case = await phone.case_in(number, "CLOSED")
        expect(case["outcome"] == "GRANTED", "规则应准予")
        self._say("提交即办结", f"{number} {case['status_text']} {case['outcome_text']}")
        why = (await phone.call("GET", f"/applications/{number}/decision-explanation")).expect(200)
        checks = [check for decision in why["decisions"][-1:] for check in decision["checks"]]
        expect(why["by_rule"] and bool(checks), "应有自动决定的说明")
        expect({check["found"] for check in checks} == {"HOLDS"}, f"准予时各项核验都应成立：{checks}")
        self._say("自动决定的说明", f"{why['summary']}（{why['decisions'][-1]['rule_name']}）")
        for check in checks:
            self._narrator.line(f"{check['found_text']}  {check['text']}")
        return number

    async def file_package(self) -> str:
        """One form and each material once; three bodies decide, one of them after a correction. Return its number."""
        phone = self.mother.phone
        guide = (await phone.call("GET", f"/packages/{_NEWBORN}")).expect(200)
        codes = [each["code"] for each in guide["materials"] if not each["generated"]]
        draft = {
            "package_code": _NEWBORN,
            "form": self.newborn(),
            "materials": await self.mother.photos(*codes),
        }
        number = str((await phone.call("POST", "/package-cases", draft)).expect(201)["package_no"])
        path = f"/package-cases/{number}"
        (await phone.call("PUT", f"{path}/delivery", {"method": "COUNTER"})).expect(200)
        view = (await phone.call("POST", f"{path}/submit", {})).expect(200)
        parts = _parts(view)
        statuses = [parts[code]["status"] for code in (_BIRTH, _ALLOWANCE, _MEDICAL)]
        expect(statuses == ["STARTED", "STARTED", "WAITING"], f"应先办两项、一项等待：{statuses}")
        self._say("一次提交，分送三个部门", f"{number} 材料 {len(codes)} 份")
        self._progress(view)
        await self._correct_one_part(number, str(parts[_ALLOWANCE]["application_no"]))
        await self._follow_order(number, str(parts[_BIRTH]["application_no"]))
        await self._grant(self._staff["reviewer-yibao-taiyuan"], str(parts[_ALLOWANCE]["application_no"]))
        ended = await self._package(number, lambda view: view["status"] == "CLOSED")
        expect(ended["parts_decided"] == 3, "三项都应办结")
        self._say("全部办结，一件事统一办结", f"{ended['status_text']} {ended['result_text']}")
        self._progress(ended)
        return number

    async def _correct_one_part(self, number: str, allowance: str) -> None:
        reviewer = self._staff["reviewer-yibao-taiyuan"]
        await decide(reviewer, allowance, "correction", points=[{"target": "form.bank_account", "text": "账号有误"}])
        view = await self._package(number, lambda view: _parts(view)[_ALLOWANCE]["needs_correction"])
        others = [part["needs_correction"] for part in view["parts"] if part["item_code"] != _ALLOWANCE]
        expect(others == [False, False], "其他事项不应受影响")
        self._say("其中一项需补正，其他照常办理")
        mended = {"form_patch": {"bank_account": "6217001234567890125"}}
        (await self.mother.phone.call("POST", f"/applications/{allowance}/correction", mended)).expect(200)
        await self._package(number, lambda view: not _parts(view)[_ALLOWANCE]["needs_correction"])

    async def _follow_order(self, number: str, birth: str) -> None:
        """Grant the first part; the one that waits for it asks for what only now is known, and begins."""
        await self._grant(self._reviewer, birth)
        view = await self._package(number, lambda view: _parts(view)[_MEDICAL]["status"] == "ASKED")
        asked = _parts(view)[_MEDICAL]["asked"]
        expect([each["path"] for each in asked] == ["form.child_id_number"], f"应只问新生儿身份证号：{asked}")
        self._say("前一项准予后，后一项请补充", asked[0]["message"])
        answer = {"form": {"child_id_number": _CHILD_ID_NUMBER}}
        path = f"/package-cases/{number}/parts/{_MEDICAL}/form"
        begun = _parts((await self.mother.phone.call("PATCH", path, answer)).expect(200))[_MEDICAL]
        expect(begun["status"] == "STARTED", "补充后应自动提交")
        medical = str(begun["application_no"])
        await until("规则判断", lambda: self._explained(medical), lambda why: bool(why["decisions"]))
        why = await self._explained(medical)
        expect(not why["by_rule"] and why["decisions"][-1]["verdict"] == "PERSON", "为他人参保应由人工办理")
        self._say("规则有疑，转人工办理", why["summary"])
        await self._grant(self._staff["reviewer-yibao-xiaodian"], medical)
        await decide(self._window, birth, "hand-over")

    async def _grant(self, reviewer: Counter, number: str) -> None:
        await decide(reviewer, number, "accept")
        await decide(reviewer, number, "approve")

    async def _explained(self, number: str) -> dict[str, Any]:
        path = f"/applications/{number}/decision-explanation"
        return dict((await self.mother.phone.call("GET", path)).expect(200))

    async def _package(self, number: str, good: Any) -> dict[str, Any]:
        async def view() -> dict[str, Any]:
            return dict((await self.mother.phone.call("GET", f"/package-cases/{number}")).expect(200))

        return await until("一件事进展", view, good)

    def _progress(self, view: dict[str, Any]) -> None:
        for part in view["parts"]:
            shown = part["case_status_text"] or part["status_text"]
            self._narrator.line(f"{part['item_name']}  {shown} {part['outcome_text']} {part['explanation']}")

    def newborn(self) -> dict[str, Any]:
        """The one form of the package."""
        return self.mother.identity | {
            "relation": "母亲", "child_name": "陈一诺", "child_sex": "女", "child_born_on": "2025-02-18",
            "birth_certificate_no": "T140012345", "nation": "汉族", "settle_with": "随母",
            "household_address": "山西省太原市小店区平阳路88号3号楼2单元501", "parents_married": True,
            "medical_ground": "新生儿", "medical_relation": "父母", "wants_allowance": True,
            "employer": "太原某某商贸有限公司", "employer_uscc": "91140100MA00000319", "event": "顺产", "babies": 1,
            "bank_account": "6217001234567890124",
        }  # fmt: skip


def _parts(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["item_code"]: part for part in view["parts"]}
