"""Is every case its own, and every patient in one group?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from condyle.data.checks.finding import Finding
from condyle.data.checks.summary import Summary
from condyle.data.dataset import Dataset


def no_image_twice(dataset: Dataset, summaries: Sequence[Summary]) -> list[Finding]:
    """The same voxels, in any order of axes, under two ids; worse if the ids are of two groups."""
    del dataset
    seen: dict[str, tuple[Summary, str]] = {}
    findings = []
    for summary in summaries:
        for channel, fingerprint in summary.images.items():
            first, first_channel = seen.setdefault(fingerprint, (summary, channel))
            if first is summary and first_channel == channel:
                continue
            same_group = first.case.group == summary.case.group
            text = f"It has the same voxels as {first.case.id}, {first_channel}"
            leak = "." if same_group else f", which is of another group: {first.case.group}, not {summary.case.group}."
            findings.append(
                Finding(
                    "warning" if same_group else "error",
                    "image_twice",
                    summary.case.id,
                    channel,
                    text + leak,
                    "Remove one of them." if same_group else "Remove one, or give them one group.",
                )
            )
    return findings


def no_labels_twice(dataset: Dataset, summaries: Sequence[Summary]) -> list[Finding]:
    """One label map in two cases whose scans differ: a mask was copied to the wrong case."""
    del dataset
    seen: dict[tuple[str, str], Summary] = {}
    findings = []
    for summary in summaries:
        for name, fingerprint in summary.maps.items():
            first = seen.setdefault((name, fingerprint), summary)
            if first is summary or set(first.images.values()) & set(summary.images.values()):
                continue
            text = f"The label map is that of {first.case.id}, though the scan is another."
            advice = "See which of the two it belongs to."
            findings.append(Finding("warning", "labels_twice", summary.case.id, name, text, advice))
    return findings


def one_group_a_patient(dataset: Dataset, summaries: Sequence[Summary]) -> list[Finding]:
    """One PatientID in two groups: the split would part the patient."""
    del summaries
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for case in dataset.cases:
        if case.patient:
            groups[case.patient].setdefault(case.group, case.id)
    return [
        Finding(
            "error",
            "patient_in_groups",
            id_,
            "group",
            f"Its patient is in group {group} here and in group {next(iter(of_patient))} elsewhere.",
            "Give all scans of a patient one group.",
        )
        for of_patient in groups.values()
        for group, id_ in list(of_patient.items())[1:]
    ]
