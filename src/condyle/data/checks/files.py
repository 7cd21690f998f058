"""Does the folder hold what `dataset.json` says, and nothing else; do the folds hold every case?"""

from __future__ import annotations

from collections.abc import Sequence

from condyle.data.checks.finding import Finding
from condyle.data.checks.summary import Summary
from condyle.data.dataset import Dataset


def nothing_unlisted(dataset: Dataset, summaries: Sequence[Summary]) -> list[Finding]:
    """Files that no case names are never read, though somebody may think so."""
    del summaries
    listed = {path for case in dataset.cases for path in case.paths}
    findings = []
    for part in ("images", "labels"):
        for path in sorted((dataset.folder / part).rglob("*")):
            relative = path.relative_to(dataset.folder)
            hidden = any(name.startswith(".") for name in relative.parts)
            if path.is_file() and not hidden and relative.as_posix() not in listed:
                text = "The file is there, but no case names it."
                advice = "Import it, or remove it."
                findings.append(Finding("warning", "file_unlisted", "", relative.as_posix(), text, advice))
    return findings


def in_folds(dataset: Dataset, summaries: Sequence[Summary]) -> list[Finding]:
    """Every labelled case needs its place in the folds, if there are any."""
    del summaries
    if dataset.folds is None:
        return []
    return [
        Finding(
            "warning",
            "no_fold",
            case.id,
            "folds",
            "The case came after the folds were made and is in none.",
            "Run condyle folds again, with --overwrite.",
        )
        for case in dataset.labelled
        if case.id not in dataset.folds.parts
    ]
