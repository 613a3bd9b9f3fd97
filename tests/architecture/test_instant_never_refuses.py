"""A rule never refuses: the package that judges by rules knows two acts, to accept and to approve."""

from __future__ import annotations

import ast

from tests.architecture.sources import sources


def test_instant_approval_knows_no_act_but_accept_and_approve() -> None:
    package = [source for source in sources() if source.module.startswith("services.applications.instant")]
    acts = {
        node.attr
        for source in package
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Act"
    }
    assert acts == {"ACCEPT", "APPROVE"}


def test_instant_approval_calls_no_use_case_that_refuses() -> None:
    refusing = {"deny", "not_accept", "request_correction", "return_", "send_back", "terminate", "withdraw", "close"}
    package = [source for source in sources() if source.module.startswith("services.applications.instant")]
    called = {
        node.func.attr
        for source in package
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert package
    assert called & refusing == set()
