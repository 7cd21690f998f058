"""From what the page asks to the commands of a job: a button is a verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from condyle.app.jobs.asked import Asked
from condyle.app.jobs.contest import contest
from condyle.app.jobs.job import Planned
from condyle.app.jobs.pieces import (
    LEARNS,
    READS,
    WRITES,
    cases_of,
    dataset_of,
    enter,
    image_of,
    label_set_of,
    meshes_folder,
    new_result,
    nnunet_folder,
)
from condyle.app.jobs.segmenting import segmenting
from condyle.app.workspace import Workspace
from condyle.data.dataset import FILE
from condyle.errors import ConfigError
from condyle.recipe import RECIPES
from condyle.workflow.shared.naming import filled_structure

_FORMATS = ("stl", "3mf", "glb", "obj", "ply")


def planned(workspace: Workspace, fields: Mapping[str, Any]) -> Planned:
    """The commands for what is asked.

    Raises:
        ConfigError: if that makes no sense.
        DataError: if a dataset cannot be read.
    """
    asked = Asked(fields)
    verb = asked.choice("verb", tuple(PLANS))
    return PLANS[verb](workspace, asked)


def _check(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    return Planned(f"Look for faults in {dataset.name}", key, READS, (("check", str(dataset.folder)),))


def _fill(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    label_set = asked.name("label_set", "fill")
    how = [
        "--threshold",
        asked.number_or("threshold", ("otsu",), -1e6, 1e6, 250.0),
        "--parts",
        str(int(asked.number("parts", 0, 1000, 1))),
    ]
    again = ["--overwrite"] if asked.yes("overwrite") else []
    cases = cases_of(workspace, dataset, asked)
    title = f"Fill bone in {dataset.name}"
    if len(cases) == len(dataset.cases):
        words = ("fill", str(dataset.folder), "--label-set", label_set, *how, *again)
        return Planned(title, key, WRITES, (words,))
    masks = dataset.folder / "predictions" / label_set
    steps = [
        ("fill", str(image_of(dataset, case)), "-o", str(masks / f"{case.id}.nii.gz"), *how, "--overwrite")
        for case in cases
    ]
    entered = enter(dataset.folder, dataset.labels, label_set, masks, {1: filled_structure(dataset.labels)})
    return Planned(title, key, WRITES, (*steps, (*entered, *again)))


def _segment(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    cases = cases_of(workspace, dataset, asked)
    steps = segmenting(
        dataset,
        workspace.model(asked.text("model")),
        cases,
        asked.name("label_set"),
        uncertainty=asked.yes("uncertainty"),
        overwrite=asked.yes("overwrite"),
    )
    return Planned(f"Segment {len(cases)} of {dataset.name}", key, WRITES, steps)


def _train(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    out = workspace.folder / "models" / asked.name("name")
    words = ["train", str(dataset.folder), "-o", str(out), "--label-set", label_set_of(dataset, asked, "label_set")]
    words += ["--recipe", asked.choice("recipe", tuple(RECIPES), "default"), "--fold", asked.text("fold", "0")]
    if asked.has("minutes"):
        words += ["--minutes", f"{asked.number('minutes', 0.1, 100_000):g}"]
    if asked.has("start"):
        words += ["--start", str(workspace.model(asked.text("start")))]
    return Planned(f"Train {out.name}", key, LEARNS, (tuple(words),))


def _evaluate(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    judged, truth = label_set_of(dataset, asked, "label_set"), label_set_of(dataset, asked, "reference")
    out = new_result(workspace, asked, f"{judged}-against-{truth}")
    sets = ("--label-sets", judged, truth)
    source = (str(dataset.folder), *sets)
    steps = (
        ("evaluate", *source, "-o", str(out / "scores.csv")),
        ("report", *source, "-o", str(out / "report.html")),
    )
    return Planned(f"Score {judged} against {truth}", key, READS, steps)


def _compare(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    sets = asked.texts("label_sets")
    if len(sets) < 2 or not set(sets) <= set(dataset.label_sets):
        raise ConfigError("label_sets", expected="two or more of the dataset's", got=", ".join(sets) or "none")
    out = new_result(workspace, asked, "-".join(sets))
    words = ["compare", str(dataset.folder), "-o", str(out), "--common"]
    words += [word for name in sets for word in ("--label-set", name)]
    if asked.has("reference"):
        words += ["--reference", label_set_of(dataset, asked, "reference")]
    return Planned(f"Compare {', '.join(sets)}", key, READS, (tuple(words),))


def _mesh(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    case = workspace.case(dataset, asked.text("case"))
    label_set = label_set_of(dataset, asked, "label_set")
    if label_set not in case.label_sets:
        raise ConfigError("label_set", expected=f"one of {', '.join(case.label_sets) or 'none'}", got=label_set)
    out = meshes_folder(dataset, label_set, case)
    wanted = asked.texts("formats") or ["stl", "3mf", "glb"]
    words = ["mesh", str(dataset.path(case.label_sets[label_set])), "-o", str(out), "--overwrite"]
    words += ["--table", str(dataset.folder / FILE)]
    for format_ in wanted:
        words += ["--format", Asked({"format": format_}).choice("format", _FORMATS)]
    return Planned("Make meshes", key, READS, (tuple(words),))


def _export(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = dataset_of(workspace, asked)
    out = nnunet_folder(workspace, dataset)
    number = int(asked.number("number", 1, 999, 1))
    words = ("export", str(dataset.folder), str(out), "--label-set", label_set_of(dataset, asked, "label_set"))
    return Planned("Export for nnU-Net", key, READS, ((*words, "--number", str(number), "--overwrite"),))


#: A verb the page may ask for is a function and a line here. `import` begins with an upload; see `uploads`.
PLANS: dict[str, Callable[[Workspace, Asked], Planned]] = {
    "check": _check,
    "fill": _fill,
    "segment": _segment,
    "train": _train,
    "evaluate": _evaluate,
    "compare": _compare,
    "contest": contest,
    "mesh": _mesh,
    "export": _export,
}
