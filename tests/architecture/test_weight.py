"""What a process does not use it does not load: heavy libraries come with the first work that needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT

_DRAWING = {"reportlab", "PIL", "segno", "pikepdf", "pypdfium2", "openpyxl", "xlsxwriter"}
_WORDS = {"jieba", "pypinyin", "cel_expr_python", "yaml"}
_VENDORS = {"alipay", "wechatpy", "clamav_client"}
_TABLES = {"models.citizens", "models.payments", "models.notify"}
"""Examples of those that nobody asks through the ORM."""


@pytest.mark.parametrize(
    ("modules", "not_loaded"),
    [
        ("app.factory", {*_DRAWING, *_WORDS, *_VENDORS, *_TABLES, "pgqueuer", "handlers.openapi", "app.loading"}),
        ("app.worker, app.tables", {*_DRAWING, *_WORDS, *_VENDORS, *_TABLES, "sanic", "jinja2", "app.loading"}),
    ],
    ids=["API", "job runner"],
)
def test_process_leaves_alone_what_it_does_not_need(modules: str, not_loaded: set[str]) -> None:
    program = f"import sys, {modules}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    assert not_loaded & set(done.stdout.split()) == set()
