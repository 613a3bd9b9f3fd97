"""How much memory this process took at most; for the parts of the bench that run as processes of their own."""

from __future__ import annotations

from pathlib import Path


def peak_mib() -> float:
    """Return the most memory of this process; what getrusage says is also that of the process which started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0
