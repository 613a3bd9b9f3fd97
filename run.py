"""The one entry: `python run.py COMMAND`. `--help` lists the commands; `make run` calls `serve`."""

from __future__ import annotations

import os
from pathlib import Path

if __name__ == "__mp_main__":
    # A child process of the service begins here (Python imports the entry again in it): it leaves with its parent.
    from app.processes import leave_with_parent

    leave_with_parent()
else:
    # The metrics library looks for its shared folder when it is first imported, so this comes before any of ours.
    folder = Path(os.environ.get("SJT_VAR", "var")).resolve() / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(folder))

if __name__ == "__main__":
    from app.cli import main

    main()
