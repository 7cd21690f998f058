"""The result of an evaluation: every score, and a table one can read."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from condyle.metrics import Table
from condyle.metrics.audit import Suspect
from condyle.metrics.score import METRICS, Score
from condyle.metrics.statistics import Summary, summarize
from condyle.workflow.shared.tables import aligned

#: Metrics of the table one reads, their heading, and digits.
_SHOWN = (
    ("dice", "Dice", 4), ("assd_mm", "ASSD mm", 3), ("assd_penalised_mm", "penalised", 3), ("hd95_mm", "HD95 mm", 2),
    ("hd95_penalised_mm", "penalised", 2), ("surface_dice", "surface Dice", 4), ("volume_error_percent", "volume %", 2),
)  # fmt: skip


@dataclass(frozen=True)
class CaseScores:
    """The scores of one case and its patient."""

    id: str
    group: str
    table: Table


@dataclass(frozen=True)
class Evaluated:
    """What was measured.

    Args:
        cases: In order of their ids.
        unmatched: What had no partner.
        failed: Case to what went wrong.
        suspects: Rows of the audited table that cannot be right.
        seed: Of the bootstrap.
    """

    cases: tuple[CaseScores, ...]
    unmatched: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    suspects: tuple[Suspect, ...] = ()
    seed: int = 0

    @property
    def exit_code(self) -> int:
        """1 if a file has no partner, a case failed, or an audited row cannot be right."""
        return int(bool(self.unmatched or self.failed or self.suspects))

    @property
    def structures(self) -> tuple[str, ...]:
        """In order of first appearance."""
        return tuple(dict.fromkeys(row.structure for case in self.cases for row in case.table))

    def status_counts(self, structure: str) -> dict[str, int]:
        """How often a structure was in both, missed, a false alarm, absent."""
        counts = Counter(row.status for row, _ in self._rows(structure))
        return {name: counts[name] for name in ("both", "missed", "false_alarm", "absent")}

    @cached_property
    def summary(self) -> dict[str, dict[str, Summary]]:
        """Structure to metric to its mean, SD, median, quartiles and interval over cases."""
        out: dict[str, dict[str, Summary]] = {}
        for structure in self.structures:
            rows = self._rows(structure)
            groups = [group for _, group in rows]
            out[structure] = {
                metric: summarize([getattr(row, metric) for row, _ in rows], groups, np.random.default_rng(self.seed))
                for metric in METRICS
            }
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain data: `cases[case][structure][score]`, `summary[structure][score]`."""
        return {
            "cases": {case.id: case.table.to_json() for case in self.cases},
            "groups": {case.id: case.group for case in self.cases},
            "summary": {
                structure: {
                    "status": self.status_counts(structure),
                    **{metric: summary.to_json() for metric, summary in metrics.items()},
                }
                for structure, metrics in self.summary.items()
            },
            "unmatched": list(self.unmatched),
            "failed": dict(self.failed),
            "audit": [{"row": s.row, "case": s.case, "why": s.why} for s in self.suspects],
        }

    def to_csv(self) -> str:
        """One line for each case and structure; what cannot be known is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["case", "group", *Score.__dataclass_fields__])
        for case in self.cases:
            for row in case.table:
                writer.writerow([case.id, case.group, *("" if v is None else v for v in row.to_json().values())])
        return text.getvalue()

    def __str__(self) -> str:
        lines = aligned(self._table()) if self.cases else []
        if self.cases and self._cut():
            lines.append(f"cut by the field of view, so that only what is in view was measured: {self._cut()}")
        lines += [f"no partner: {what}" for what in self.unmatched]
        lines += [f"failed: {case}: {what}" for case, what in self.failed.items()]
        lines += [f"cannot be right: line {s.row} ({s.case}): {s.why}" for s in self.suspects]
        return "\n".join(lines) or "nothing found that cannot be right"

    def _table(self) -> list[list[str]]:
        rows = [["structure", "cases", "missed", "false alarms", "absent", *(title for _, title, _ in _SHOWN)]]
        for structure, metrics in self.summary.items():
            counts = self.status_counts(structure)
            cells = [str(n) for n in (sum(counts.values()), counts["missed"], counts["false_alarm"], counts["absent"])]
            rows.append([structure, *cells, *(_cell(metrics[metric], digits) for metric, _, digits in _SHOWN)])
        return rows

    def _cut(self) -> str:
        cut = Counter(row.structure for case in self.cases for row in case.table if row.cut)
        return ", ".join(f"{structure} ({n})" for structure, n in cut.items())

    def _rows(self, structure: str) -> list[tuple[Score, str]]:
        return [(row, case.group) for case in self.cases for row in case.table if row.structure == structure]


def _cell(summary: Summary, digits: int) -> str:
    if summary.mean is None:
        return "-"
    if summary.interval is None:
        return f"{summary.mean:.{digits}f}"
    return f"{summary.mean:.{digits}f} [{summary.interval[0]:.{digits}f}, {summary.interval[1]:.{digits}f}]"
