"""What files need from outside; wiring hands it in."""

from __future__ import annotations

from typing import Protocol


class VirusScan(Protocol):
    """A virus scanner.

    Asked once for every file, before anything of it is stored. Where none is set up the house asks nobody.
    """

    async def find(self, content: bytes) -> str:
        """Return the name of what was found in the content, "" where it is clean.

        Raises:
            ServiceUnavailable: nobody can say. The caller stores nothing and asks the person to try again.
        """
