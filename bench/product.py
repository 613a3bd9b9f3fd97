"""The product as the bench measures it: the real application in one process on one port, nothing left out.

Started by bench.servers with the settings in the environment; leaves with the bench.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app import start
from app.factory import create_app

ROOT = Path(__file__).resolve().parent.parent
"""Not that of bench.engines, which brings the import of catalogues along: no API process has it in memory."""


def main(port: int) -> None:
    """Serve until the bench ends."""
    app = create_app(start.settings(ROOT))
    app.run(host="127.0.0.1", port=port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
