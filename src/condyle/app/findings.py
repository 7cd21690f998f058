"""What `condyle check` found in a dataset when it was last run, as the pages tell it."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.app.jobs.outcome import Finding, sentence
from condyle.app.jobs.runner import Runner


def last_findings(runner: Runner, key: str) -> list[Finding]:
    """The findings of the last check, which imports end with too; empty if there was none.

    Args:
        runner: The jobs.
        key: Of the dataset.
    """
    for job in runner.table.newest():
        if job.place == key and job.verb in {"check", "import"} and job.state in {"done", "attention"}:
            results = runner.results(job)
            return list(results[-1].get("findings", [])) if results else []
    return []


def by_case(findings: Sequence[Finding]) -> dict[str, list[dict[str, str]]]:
    """Errors and warnings of each case by its id, those of the dataset as a whole under ""."""
    out: dict[str, list[dict[str, str]]] = {}
    for finding in findings:
        if finding["severity"] != "info":
            told = {"severity": finding["severity"], "why": sentence(finding), "advice": finding["advice"]}
            out.setdefault(finding["case"], []).append(told)
    return out
