"""Numbers and prints the steps of a story on the console. Every part tells its own through it."""

from __future__ import annotations

from rich.console import Console


class Narrator:
    """Tells one story, step by step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = 0

    def begin(self, title: str) -> None:
        """Rule off a new part."""
        self._console.rule(f"[bold]{title}")

    def say(self, title: str, seen: str = "") -> None:
        """Tell a step and what was seen."""
        self._step += 1
        self._console.print(f"[cyan]{self._step:2d}[/cyan] {title}  [dim]{seen}[/dim]")

    def line(self, text: str) -> None:
        """Show a line below the step, as it came."""
        self._console.print(f"      {text}", markup=False, highlight=False)
