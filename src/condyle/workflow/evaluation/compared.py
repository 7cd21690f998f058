"""The result of a comparison: a table and sentences one can read, and files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.metrics.statistics import Summary
from condyle.reports.comparison.sentences import findings
from condyle.reports.comparison.study import Study
from condyle.reports.comparison.tables import cases_text
from condyle.reports.measures import Measure
from condyle.workflow.shared.tables import aligned, csv_text

#: Files in the folder.
PAGE, SCORES, DIFFERENCES, ALL = "compare.html", "scores.csv", "differences.csv", "compare.json"


@dataclass(frozen=True)
class Compared:
    """What was compared.

    Args:
        study: All of it.
        shown: The scores of the table one reads.
        out: The folder that was written, or None.
    """

    study: Study
    shown: tuple[Measure, ...]
    out: Path | None = None

    @property
    def exit_code(self) -> int:
        """1 if something is not in the numbers: a case without partner, or left out."""
        return int(bool(self.study.notes))

    def to_json(self) -> dict[str, Any]:
        """Plain data: scores by structure, candidate and metric; differences; rankings; agreement; sentences."""
        study = self.study
        return {
            "candidates": list(study.names),
            "truth": study.truth,
            "groups": dict(study.groups),
            "findings": findings(study),
            "scores": {
                structure: {
                    candidate.name: {
                        "status": candidate.counts(structure),
                        **{k: s.to_json() for k, s in study.summary[structure][candidate.name].items()},
                        "runs": {m.key: candidate.run_means(structure, m.key) for m in self.shown},
                    }
                    for candidate in study.candidates
                }
                for structure in study.summary
            },
            "differences": [difference.to_json() for difference in study.differences],
            "rankings": {s: {k: r.to_json() for k, r in of.items()} for s, of in study.rankings.items()},
            "between": [
                {
                    "a": pair.a,
                    "b": pair.b,
                    "scores": {
                        s: {"status": dict(pair.counts[s]), **{k: v.to_json() for k, v in metrics.items()}}
                        for s, metrics in pair.summary.items()
                    },
                    "cases": {case: table.to_json() for case, table in pair.cases.items()},
                }
                for pair in study.between
            ],
            "notes": list(study.notes),
            "out": None if self.out is None else str(self.out),
        }

    def write(self, folder: Path, page: str) -> None:
        """Write the page, the tables and all of it as JSON into a folder that is there."""
        (folder / PAGE).write_text(page, encoding="utf-8")
        (folder / SCORES).write_text(csv_text(self._score_rows()), encoding="utf-8")
        if self.study.differences:
            (folder / DIFFERENCES).write_text(csv_text(self._difference_rows()), encoding="utf-8")
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        (folder / ALL).write_text(text + "\n", encoding="utf-8")

    def _summaries(self) -> Iterable[tuple[str, str, str, dict[str, int], dict[str, Summary]]]:
        """Structure, who, how many cases, statuses and scores, one line of a table each."""
        study = self.study
        for structure, of in study.summary.items():
            for candidate in study.candidates:
                counts = {str(k): n for k, n in candidate.counts(structure).items()}
                yield structure, candidate.name, cases_text(candidate), counts, dict(of[candidate.name])
        if study.truth is None:
            for pair in study.between:
                for structure, metrics in pair.summary.items():
                    counts = dict(pair.counts[structure])
                    yield structure, f"{pair.a} / {pair.b}", str(sum(counts.values())), counts, dict(metrics)

    def _score_rows(self) -> list[list[Any]]:
        rows: list[list[Any]] = [["structure", "candidate", "metric", "n", "groups", "mean", "sd", "low", "high",
                                  "median", "q1", "q3", "missed", "false_alarm", "absent"]]  # fmt: skip
        for structure, name, _, counts, metrics in self._summaries():
            statuses = [counts[k] for k in ("missed", "false_alarm", "absent")]
            for key, s in metrics.items():
                ends, quartiles = s.interval or ("", ""), s.quartiles or ("", "")
                rows.append([structure, name, key, s.n, s.groups, s.mean, s.sd, *ends, s.median, *quartiles, *statuses])
        return rows

    def _difference_rows(self) -> list[list[Any]]:
        rows = []
        for difference in self.study.differences:
            row = difference.to_json()
            low, high = row.pop("interval") or (None, None)
            rows.append({**row, "low": low, "high": high})
        return [list(rows[0]), *(list(row.values()) for row in rows)]

    def __str__(self) -> str:
        heads = ["structure", "candidate", "cases", "missed", "false alarms", *(m.heading for m in self.shown)]
        table = [heads]
        for structure, name, cases, counts, metrics in self._summaries():
            cells = [cases, str(counts["missed"]), str(counts["false_alarm"])]
            table.append([structure, name, *cells, *(_cell(metrics[m.key], m) for m in self.shown)])
        lines = [*aligned(table), "", *findings(self.study)]
        lines += [f"not in these numbers: {note}" for note in self.study.notes]
        if self.out is not None:
            lines.append(f"{self.out / PAGE}")
        return "\n".join(lines)


def _cell(summary: Summary, measure: Measure) -> str:
    if summary.mean is None:
        return "-"
    text = measure.text(summary.mean)
    if summary.sd is not None:
        text += f" ± {measure.text(summary.sd)}"
    if summary.interval is not None:
        text += f" [{measure.text(summary.interval[0])}, {measure.text(summary.interval[1])}]"
    return text
