"""The documentation stays true: generated parts are fresh, links lead somewhere, no setting or code is missing."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.settings import Settings
from docs import code_reading, generate, words

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / "deploy/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"""\bcode\s*=\s*"([a-z][a-z0-9_]*)\"""")
_SETTING = re.compile(r"\bSJT_[A-Z][A-Z0-9_]*[A-Z0-9]\b")


def _names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _sources() -> list[Path]:
    return [file for room in code_reading.ROOMS for file in sorted((ROOT / room).rglob("*.py"))]


def test_generated_pages_are_fresh() -> None:
    assert generate.stale() == [], "run `python -m docs.generate`"


def test_every_setting_stands_on_the_settings_page() -> None:
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert [f.name for f in fields(Settings) if f"`SJT_{f.name.upper()}`" not in page] == []


def test_words_name_only_settings_that_exist() -> None:
    assert set(words.SETTINGS) - {f.name for f in fields(Settings)} == set()


@pytest.mark.parametrize("page", PAGES, ids=_names)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    known = {f"SJT_{f.name.upper()}" for f in fields(Settings)}
    known |= {f"{name}_FILE" for name in known}
    assert set(_SETTING.findall(page.read_text(encoding="utf-8"))) - known == set()


@pytest.mark.parametrize("page", PAGES, ids=_names)
def test_every_link_leads_to_a_file_and_heading_that_exist(page: Path) -> None:
    broken = []
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (heading and heading not in _anchors(file)):
            broken.append(target)
    assert broken == []


def _anchors(file: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_error_code_of_the_sources_is_documented() -> None:
    page = (ROOT / "docs/http.md").read_text(encoding="utf-8")
    families = (ROOT / "app/errors.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'^    code, .*= "([a-z_]+)"', families, re.MULTILINE))
    for file in _sources():
        if file.parts[-2] not in ("clients", "sf", "sms", "alipay", "wechat") or "services" in file.parts:
            codes |= set(_CODE.findall(file.read_text(encoding="utf-8")))
    assert len(codes) > 40
    assert {code for code in codes if f"`{code}`" not in page} == set()


def test_every_machine_of_states_is_drawn() -> None:
    page = (ROOT / "docs/states.md").read_text(encoding="utf-8")
    tables = code_reading.transition_tables()
    assert {name.rpartition(".")[0] for name in tables} >= {"payments.states", "services.applications.states"}
    for name, table in tables.items():
        assert name.rpartition(".")[2] in page
        for key in table:
            assert str(key[0] if isinstance(key, tuple) else key) in page


def test_every_metric_and_sweep_is_listed() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    listed = [name for name, *_ in code_reading.metrics()] + [name for name, *_ in code_reading.sweeps()]
    assert len(listed) > 15
    assert [name for name in listed if f"`{name}`" not in page] == []


def test_a_stale_block_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_reading, "metrics", lambda: [("sjt_new_total", "counter", "", "A metric of tomorrow")])
    assert generate.stale() == ["docs/operations.md"]


def test_providers_have_a_page_each() -> None:
    pages = {page.stem for page in (ROOT / "docs/providers").glob("*.md")}
    assert pages >= {"wechat", "wechat-pay", "alipay", "sf", "sms", "fiscal"}


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
