"""`condyle check`: every fault of a dataset, in one pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.data.checks import CASE_CHECKS, DATASET_CHECKS, Finding, Severity, load_case, summarize
from condyle.data.dataset import Dataset
from condyle.progress import Track, silent

_ORDER: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class CheckReport:
    """What was found.

    Args:
        folder: The dataset.
        cases: Number of cases looked at.
        findings: Errors first, then warnings, then infos; within each by case.
    """

    folder: Path
    cases: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is neither error nor warning."""
        return all(finding.severity == "info" for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """What the command line leaves with: 1 if there is an error or a warning."""
        return 0 if self.ok else 1

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings by severity."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in _ORDER}

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "folder": str(self.folder),
            "ok": self.ok,
            "cases": self.cases,
            "counts": self.counts,
            "findings": [finding.to_json() for finding in self.findings],
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {severity}{'s' * (n != 1)}" for severity, n in self.counts.items())
        return "\n".join([*map(str, self.findings), f"{self.folder}: {self.cases} cases, {counts}"])


def check(folder: Path, *, track: Track = silent) -> CheckReport:
    """Look through a dataset: files, grids, values, labels, sides, duplicates.

    Nothing is changed, and nothing stops at the first fault.

    Args:
        folder: A dataset.
        track: Told of each case.

    Raises:
        DataError: if there is no dataset, or its `dataset.json` cannot be used.
    """
    dataset = Dataset.open(folder)
    findings: list[Finding] = []
    summaries = []
    for case in track(dataset.cases, "Checking cases"):
        loaded, faults = load_case(dataset, case)
        findings += faults
        for case_check in CASE_CHECKS:
            findings += case_check(loaded)
        summaries.append(summarize(loaded))
    for dataset_check in DATASET_CHECKS:
        findings += dataset_check(dataset, summaries)
    findings.sort(key=lambda f: (_ORDER.index(f.severity), f.case, f.code, f.where))
    return CheckReport(folder, len(dataset.cases), tuple(findings))
