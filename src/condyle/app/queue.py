"""Which cases need eyes first, and why.

Four things are looked at: how a structure's volume compares with the others' of the label set (robust z of its
logarithm), what `condyle check` found last, how unsure the model was, where that was asked for, and its lights, where
it can tell how far to trust it. The last two are of the label map that the model made, and go when it is corrected.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from condyle import io
from condyle.app.answers import answer
from condyle.app.datasets import told_case
from condyle.app.findings import last_findings
from condyle.app.jobs.outcome import sentence
from condyle.app.lights import confidence_file, doubts, read_confidence
from condyle.app.reviews import Reviews
from condyle.app.revisions import LOG, made_by_program, revisions
from condyle.app.state import Served, dataset_of, served
from condyle.app.target import Target
from condyle.app.volumes import uncertainty_file
from condyle.app.workspace import require
from condyle.data import Case, Dataset
from condyle.data.load import load_labels
from condyle.errors import CondyleError
from condyle.io.atomic import atomic_file
from condyle.metrics.volumes import volumes_ml

#: What a finding of `condyle check` weighs, by its code; others by their severity.
_WEIGHTS = {"sides_swapped": 10.0, "grid_mismatch": 10.0, "labels_empty": 8.0, "islands": 3.0, "holes": 2.0,
            "at_border": 0.5, "structure_absent": 1.0}  # fmt: skip
_BY_SEVERITY = {"error": 8.0, "warning": 2.0, "info": 0.5}

#: Volumes farther from the median, in robust standard deviations, are told (Iglewicz and Hoaglin 1993) ...
OUTLIER = 3.5

#: ... from so many cases on. The spread is taken to be at least this share: no two bones are alike.
FEWEST, LEAST_SPREAD = 4, 0.1

#: One answer may measure for so long; the page asks again for the rest.
_BUDGET_S = 2.0

Measured = Mapping[str, Any]


def queue(request: Request) -> Response:
    """`GET /api/datasets/<d>/queue?set=<set>`: the cases with the label set, most in need first."""
    dataset, here = dataset_of(request), served(request)
    label_set = require(request.query_params.get("set"), "a label set")
    cases = [case for case in dataset.cases if label_set in case.label_sets]
    measured, left = measures(here, dataset, label_set, cases)
    why = {case.id: [*_unsure(measured.get(case.id))] for case in cases}
    for case_id, reason in volumes(measured):
        why[case_id].append(reason)
    for case_id, reason in found(here, request.path_params["dataset"], label_set):
        if case_id in why:
            why[case_id].append(reason)
    reviews = Reviews(dataset)
    told = []
    for case in cases:
        needs = sorted(why[case.id], key=lambda need: -need["weight"])
        lights = {name: one["light"] for name, one in measured.get(case.id, {}).get("confidence", {}).items()}
        told.append({**told_case(here.workspace, dataset, case, reviews), "needs": needs, "lights": lights})
    told.sort(key=lambda c: (c["verdict"] != "new", -sum(need["weight"] for need in c["needs"]), c["id"]))
    return answer({"cases": told, "measuring": left})


def volumes(measured: Mapping[str, Measured]) -> list[tuple[str, dict[str, Any]]]:
    """Structures far from their usual volume: case, and why."""
    out = []
    names = {name for m in measured.values() for name in m["volumes_ml"]}
    for name in sorted(names):
        known = {case: m["volumes_ml"][name] for case, m in measured.items() if m["volumes_ml"].get(name, 0) > 0}
        if len(known) < FEWEST:
            continue
        logs = np.log(list(known.values()))
        middle = float(np.median(logs))
        spread = max(1.4826 * float(np.median(np.abs(logs - middle))), LEAST_SPREAD)
        for (case, ml), value in zip(known.items(), logs, strict=True):
            z = (float(value) - middle) / spread
            if abs(z) > OUTLIER:
                usual = f"{np.exp(middle):.3g} ml is usual"
                need = _need("volume", f"{name} has {ml:.3g} ml, {usual}", min(abs(z), 10.0), name)
                out.append((case, need))
    return out


def found(here: Served, key: str, label_set: str) -> list[tuple[str, dict[str, Any]]]:
    """What the last `condyle check` of a dataset found in a label set: case, and why."""
    return [
        (f["case"], _need(f["code"], sentence(f, label_set), _weight(f), f["where"]))
        for f in last_findings(here.runner, key)
        if f["case"] and f["where"].partition(":")[0] in {label_set, "spacing"}
    ]


def measures(here: Served, dataset: Dataset, label_set: str, cases: Sequence[Case]) -> tuple[dict[str, Measured], int]:
    """Volumes and uncertainty of each case, as far as there was time; and how many are left.

    They are kept, each with the size and time of the file it was measured on.
    """
    path = here.workspace.own / "measures" / f"{here.workspace.key('measures', dataset.folder.name, label_set)}.json"
    kept = _read(path)
    out: dict[str, Measured] = {}
    left, begun, new = 0, time.monotonic(), False
    for case in cases:
        beside = [f(dataset, label_set, case) for f in (uncertainty_file, confidence_file)]
        beside.append(Target(dataset, case, label_set).folder / LOG)
        tag = _tag([dataset.path(case.label_sets[label_set]), *beside])
        known = kept.get(case.id)
        if known is None or known.get("tag") != tag:
            if time.monotonic() - begun > _BUDGET_S:
                left += 1
                continue
            known = {"tag": tag, **_measure(dataset, label_set, case)}
            kept[case.id], new = known, True
        out[case.id] = known
    if new:
        with atomic_file(path, overwrite=True) as temporary:
            temporary.write_text(json.dumps(kept), encoding="utf-8")
    return out, left


def _measure(dataset: Dataset, label_set: str, case: Case) -> dict[str, Any]:
    """The volume of each structure, the mean uncertainty within what is labelled, and lights; of broken files none.

    A model judged the label map that it made: of one that somebody has corrected since, it says nothing.
    """
    try:
        labels = load_labels(dataset, case, label_set)
        if not made_by_program(revisions(Target(dataset, case, label_set))):
            return {"volumes_ml": volumes_ml(labels, dataset.labels)}
        unsure = uncertainty_file(dataset, label_set, case)
        doubt = io.read(unsure).array if unsure.is_file() else None
        confidence = read_confidence(confidence_file(dataset, label_set, case))
    except CondyleError as error:
        return {"volumes_ml": {}, "fault": f"expected {error.expected}, got {error.got}"}
    told: dict[str, Any] = {"volumes_ml": volumes_ml(labels, dataset.labels)}
    if doubt is not None and doubt.shape == labels.shape and labels.array.any():
        told["uncertainty"] = float(doubt[labels.array > 0].mean())
    return told | {"confidence": confidence} if confidence else told


def _unsure(measured: Measured | None) -> list[dict[str, Any]]:
    if measured is None:
        return []
    if "fault" in measured:
        return [_need("broken", measured["fault"], 10.0, "")]
    doubt = measured.get("uncertainty", 0.0)
    needs = [_need("uncertainty", f"the model was unsure: {doubt:.2f}", 10 * doubt, "")] if doubt else []
    lights = doubts(measured.get("confidence", {}))
    return needs + [_need("confidence", why, weight, name) for name, why, weight in lights]


def _need(code: str, why: str, weight: float, structure: str) -> dict[str, Any]:
    return {"code": code, "why": why, "weight": round(weight, 2), "structure": structure}


def _weight(finding: Mapping[str, str]) -> float:
    return _WEIGHTS.get(finding["code"], _BY_SEVERITY[finding["severity"]])


def _tag(paths: Sequence[Path]) -> str:
    marks = [(p.stat().st_size, p.stat().st_mtime_ns) for p in paths if p.is_file()]
    return json.dumps(marks)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


ROUTES = [Route("/api/datasets/{dataset}/queue", queue)]
