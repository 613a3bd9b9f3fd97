"""Whose money it is: for any accounts and any bill, the chosen one fits, and none that fits is more particular."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.ids import new_id
from payments.accounts import choose
from payments.records import BillRecord
from payments.types import Account

APPS = ("wx1", "wx2", "wx3")
DEPARTMENTS = ("", "11140100MB000110X4", "11140105MB0001177F")
DIVISIONS = ("", "14", "1401", "140105", "140702")
BILL = BillRecord(
    id=new_id(),
    bill_no="B1",
    citizen_id=new_id(),
    subject_no="A1",
    title="工本费",
    amount_fen=2000,
    status="UNPAID",
    department_code=DEPARTMENTS[1],
    division_code="140105",
    due_at=None,
)
ACCOUNTS = st.lists(
    st.builds(
        Account,
        code=st.text("abcdef", min_size=1, max_size=4),
        channel=st.just("WECHAT"),
        app_id=st.sampled_from(APPS),
        mch_id=st.just("1900000001"),
        sub_app_id=st.sampled_from(("", *APPS)),
        department_code=st.sampled_from(DEPARTMENTS),
        division_code=st.sampled_from(DIVISIONS),
    ),
    max_size=8,
    unique_by=lambda account: account.code,
)


def fits(account: Account, bill: BillRecord, app_id: str) -> bool:
    serves = account.department_code == "" or account.department_code == bill.department_code
    return (
        serves
        and bill.division_code.startswith(account.division_code)
        and app_id
        in (
            account.app_id,
            account.sub_app_id,
        )
    )


@given(
    ACCOUNTS,
    st.sampled_from(DEPARTMENTS[1:]),
    st.sampled_from(("140105", "140702", "140100", "1401")),
    st.sampled_from(APPS),
    st.randoms(use_true_random=False),
)
def test_choice_fits_and_nothing_fits_better(
    accounts: list[Account], department: str, division: str, app_id: str, luck: object
) -> None:
    bill = replace(BILL, department_code=department, division_code=division)
    rows = [(new_id(), account) for account in accounts]
    fitting = [account for account in accounts if fits(account, bill, app_id)]
    chosen = choose(rows, bill, app_id)
    if chosen is None:
        assert fitting == []
        return
    row_id, account = chosen
    assert (row_id, account) in rows
    assert account in fitting
    own = [each for each in fitting if each.department_code]
    assert bool(account.department_code) == bool(own), "the department's own account before anybody's"
    rivals = own or fitting
    assert all(len(each.division_code) <= len(account.division_code) for each in rivals)
    luck.shuffle(rows)  # type: ignore[attr-defined]  # a random generator
    assert choose(rows, bill, app_id) == chosen, "the order of the rows decides nothing"
