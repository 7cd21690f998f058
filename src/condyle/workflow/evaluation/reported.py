"""The result of a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reported:
    """What was written.

    Args:
        out: The page.
        size_mb: How large it is.
        cases: How many were scored.
        viewed: Those one can look into, worst first.
        figures: Files for a paper.
        unsettled: Files without a partner, and cases that failed.
    """

    out: Path
    size_mb: float
    cases: int
    viewed: tuple[str, ...]
    figures: tuple[Path, ...] = ()
    unsettled: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 if a file has no partner or a case failed."""
        return int(bool(self.unsettled))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "out": str(self.out),
            "size_mb": round(self.size_mb, 3),
            "cases": self.cases,
            "viewed": list(self.viewed),
            "figures": [str(path) for path in self.figures],
            "unsettled": list(self.unsettled),
        }

    def __str__(self) -> str:
        lines = [f"{self.out}: {self.cases} cases, {len(self.viewed)} to look into, {self.size_mb:.1f} MB"]
        if self.figures:
            lines.append(f"{self.figures[0].parent}: {len(self.figures)} figures")
        return "\n".join([*lines, *self.unsettled])
