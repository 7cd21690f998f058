"""A model that was trained against what there was before, on cases that it did not learn from.

What it made of the cases that were held out lies beside it since its training; that becomes a label set. The other
side is a label set that is there, or a model: if that was trained on the same dataset, what it made of its own
held-out cases, else it segments them now.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from condyle.app.jobs.asked import Asked
from condyle.app.jobs.job import Planned
from condyle.app.jobs.pieces import WRITES, Step, dataset_of, enter, label_set_of, names_of, new_result
from condyle.app.jobs.segmenting import segmenting
from condyle.app.workspace import Workspace
from condyle.data import Case, Dataset
from condyle.errors import ConfigError


def contest(workspace: Workspace, asked: Asked) -> Planned:
    """The commands that hold a model against a label set or a model, by the labels that are taken as true.

    Raises:
        ConfigError: if the model held no case of the dataset out, or nothing is named to hold it against.
        DataError: if a model is not ready.
    """
    key, dataset = dataset_of(workspace, asked)
    model = workspace.model(asked.text("model"))
    truth = label_set_of(dataset, asked, "reference")
    cases = held_out(dataset, model)
    if not cases:
        hint = "Train it with a fold to test on."
        raise ConfigError("model", expected="one that was tested on cases of this dataset", got=model.name, hint=hint)
    improved, steps = _of_held_out(dataset, model)
    if asked.has("against_set"):
        original = label_set_of(dataset, asked, "against_set")
    else:
        original, more = _of_model(dataset, workspace.model(asked.text("against")), cases)
        steps += more
    if original in {improved, truth}:
        raise ConfigError("against", expected="something else to hold it against", got=original)
    out = new_result(workspace, asked, f"{original}-or-{improved}")
    sets = ("--label-set", original, "--label-set", improved, "--reference", truth)
    steps += (("compare", str(dataset.folder), "-o", str(out), "--common", *sets),)
    return Planned(f"Hold {model.name} against {original}", key, WRITES, steps)


def held_out(dataset: Dataset, model: Path) -> list[Case]:
    """The cases that a model was tested on and did not learn from."""
    return [case for case in dataset.cases if (model / "validation" / f"{case.id}.nii.gz").is_file()]


def _of_held_out(dataset: Dataset, model: Path) -> tuple[str, tuple[Step, ...]]:
    name = f"{model.name}-held-out"
    masks = model / "validation"
    return name, ((*enter(dataset.folder, dataset.labels, name, masks, names_of(model)), "--overwrite"),)


def _of_model(dataset: Dataset, model: Path, cases: Sequence[Case]) -> tuple[str, tuple[Step, ...]]:
    """What the other model makes of these cases, as a label set."""
    if {case.id for case in cases} <= {case.id for case in held_out(dataset, model)}:
        return _of_held_out(dataset, model)
    name = f"{model.name}-original"
    return name, segmenting(dataset, model, cases, name, overwrite=True)
