"""From what the page asks to the commands of a job: a button is a verb."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from condyle.app.jobs.asked import Asked
from condyle.app.jobs.job import Planned
from condyle.app.workspace import Workspace
from condyle.data import Case, Dataset
from condyle.data.dataset import FILE
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.recipe import RECIPES

#: Jobs of one lane never run at once: `writes` change a dataset, `reads` only look at one, `learns` takes hours.
WRITES, READS, LEARNS = "writes", "reads", "learns"

#: Masks of a model or rule, before they become a label set; never those that say how sure it is.
_MASKS = r"^(?P<case>.+?)(?<!_uncertainty)$"

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
    key, dataset = _dataset(workspace, asked)
    return Planned(f"Look for faults in {dataset.name}", key, READS, (("check", str(dataset.folder)),))


def _fill(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = _dataset(workspace, asked)
    label_set = asked.name("label_set", "fill")
    how = [
        "--threshold",
        asked.number_or("threshold", ("otsu",), -1e6, 1e6, 250.0),
        "--parts",
        str(int(asked.number("parts", 0, 1000, 1))),
    ]
    again = ["--overwrite"] if asked.yes("overwrite") else []
    cases = _cases(workspace, dataset, asked)
    title = f"Fill bone in {dataset.name}"
    if len(cases) == len(dataset.cases):
        words = ("fill", str(dataset.folder), "--label-set", label_set, *how, *again)
        return Planned(title, key, WRITES, (words,))
    masks = dataset.folder / "predictions" / label_set
    bone = _bone(dataset)
    steps = [
        ("fill", str(_image(dataset, case)), "-o", str(masks / f"{case.id}.nii.gz"), *how, "--overwrite")
        for case in cases
    ]
    return Planned(title, key, WRITES, (*steps, _enter(dataset, label_set, masks, {1: bone}, again)))


def _segment(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = _dataset(workspace, asked)
    model = workspace.model(asked.text("model"))
    label_set = asked.name("label_set")
    cases = _cases(workspace, dataset, asked)
    again = ["--overwrite"] if asked.yes("overwrite") else []
    masks = dataset.folder / "predictions" / label_set
    whole = len(cases) == len(dataset.cases)
    if not whole and len(dataset.channels) > 1:
        raise ConfigError("cases", expected="all cases of a dataset with several channels", got=str(len(cases)))
    scans = [str(dataset.folder)] if whole else [str(_image(dataset, case)) for case in cases]
    sure = ["--uncertainty"] if asked.yes("uncertainty") else []
    words = ("segment", str(model), *scans, "-o", str(masks), *sure, *again)
    names = {s.id: s.name for s in _labels(model).structures}
    title = f"Segment {len(cases)} of {dataset.name}"
    return Planned(title, key, WRITES, (words, _enter(dataset, label_set, masks, names, again)))


def _train(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = _dataset(workspace, asked)
    out = workspace.folder / "models" / asked.name("name")
    words = ["train", str(dataset.folder), "-o", str(out), "--label-set", _label_set(dataset, asked, "label_set")]
    words += ["--recipe", asked.choice("recipe", tuple(RECIPES), "default"), "--fold", asked.text("fold", "0")]
    if asked.has("minutes"):
        words += ["--minutes", f"{asked.number('minutes', 0.1, 100_000):g}"]
    if asked.has("start"):
        words += ["--start", str(workspace.model(asked.text("start")))]
    return Planned(f"Train {out.name}", key, LEARNS, (tuple(words),))


def _evaluate(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = _dataset(workspace, asked)
    judged, truth = _label_set(dataset, asked, "label_set"), _label_set(dataset, asked, "reference")
    out = _new_result(workspace, asked, f"{judged}-against-{truth}")
    sets = ("--label-sets", judged, truth)
    source = (str(dataset.folder), *sets)
    steps = (
        ("evaluate", *source, "-o", str(out / "scores.csv")),
        ("report", *source, "-o", str(out / "report.html")),
    )
    return Planned(f"Score {judged} against {truth}", key, READS, steps)


def _compare(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = _dataset(workspace, asked)
    sets = asked.texts("label_sets")
    if len(sets) < 2 or not set(sets) <= set(dataset.label_sets):
        raise ConfigError("label_sets", expected="two or more of the dataset's", got=", ".join(sets) or "none")
    out = _new_result(workspace, asked, "-".join(sets))
    words = ["compare", str(dataset.folder), "-o", str(out), "--common"]
    words += [word for name in sets for word in ("--label-set", name)]
    if asked.has("reference"):
        words += ["--reference", _label_set(dataset, asked, "reference")]
    return Planned(f"Compare {', '.join(sets)}", key, READS, (tuple(words),))


def _mesh(workspace: Workspace, asked: Asked) -> Planned:
    key, dataset = _dataset(workspace, asked)
    case = workspace.case(dataset, asked.text("case"))
    label_set = _label_set(dataset, asked, "label_set")
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
    key, dataset = _dataset(workspace, asked)
    out = workspace.folder / "results" / f"nnunet-{dataset.folder.name}"
    number = int(asked.number("number", 1, 999, 1))
    words = ("export", str(dataset.folder), str(out), "--label-set", _label_set(dataset, asked, "label_set"))
    return Planned("Export for nnU-Net", key, READS, ((*words, "--number", str(number), "--overwrite"),))


#: A verb the page may ask for is a function and a line here. `import` begins with an upload; see `uploads`.
PLANS: dict[str, Callable[[Workspace, Asked], Planned]] = {
    "check": _check,
    "fill": _fill,
    "segment": _segment,
    "train": _train,
    "evaluate": _evaluate,
    "compare": _compare,
    "mesh": _mesh,
    "export": _export,
}


def meshes_folder(dataset: Dataset, label_set: str, case: Case) -> Path:
    """Where a case's meshes are."""
    return dataset.folder / "meshes" / label_set / case.id


def _dataset(workspace: Workspace, asked: Asked) -> tuple[str, Dataset]:
    key = asked.text("dataset")
    return key, workspace.dataset(key)


def _cases(workspace: Workspace, dataset: Dataset, asked: Asked) -> list[Case]:
    """The cases that are named, or all."""
    keys = asked.texts("cases")
    return [workspace.case(dataset, key) for key in keys] if keys else list(dataset.cases)


def _label_set(dataset: Dataset, asked: Asked, field: str) -> str:
    return asked.choice(field, dataset.label_sets)


def _image(dataset: Dataset, case: Case) -> Path:
    return dataset.path(case.images[dataset.channels[0]])


def _bone(dataset: Dataset) -> str:
    """What `condyle fill` calls what it fills, in a dataset: the only structure there is, or else `bone`."""
    names = dataset.labels.names
    return names[0] if len(names) == 1 else "bone"


def _enter(
    dataset: Dataset, label_set: str, masks: Path, names: Mapping[int, str], again: list[str]
) -> tuple[str, ...]:
    """The step that makes masks a label set; ids become the dataset's own of the same names."""
    words = ["import", str(dataset.folder), "--label-set", f"{label_set}={masks}", "--mask-pattern", _MASKS]
    words += [word for id_, name in names.items() for word in ("--remap", f"{id_}={name}")]
    return (*words, *_structures(dataset, names), *again)


def _structures(dataset: Dataset, names: Mapping[int, str]) -> list[str]:
    """Options that name all structures, where some are new to the dataset; those get free ids."""
    ids = {s.name: s.id for s in dataset.labels.structures}
    if set(names.values()) <= set(ids):
        return []
    for id_, name in names.items():
        if name not in ids:
            used = {*ids.values(), dataset.labels.ignore}
            ids[name] = id_ if id_ not in used else next(i for i in range(1, 65536) if i not in used)
    return [word for name, id_ in ids.items() for word in ("--structure", f"{name}={id_}")]


def _labels(model: Path) -> Labels:
    """The structures of a model of ours.

    Raises:
        DataError: if its folder cannot be read.
    """
    path = model / "labels.json"
    try:
        return Labels.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        hint = "Train it until its first fold is there."
        raise DataError(path, expected="the labels of a model", got=str(error), hint=hint) from error


def _new_result(workspace: Workspace, asked: Asked, default: str) -> Path:
    """A folder for results that is not there yet."""
    name = asked.name("name", default[:80])
    numbers = ("", *(f"-{n}" for n in range(2, 10_000)))
    return next(p for p in (workspace.folder / "results" / f"{name}{n}" for n in numbers) if not p.exists())
