"""The commands by which a model makes a label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from condyle.app.jobs.pieces import Step, enter, image_of, names_of
from condyle.data import Case, Dataset
from condyle.errors import ConfigError


def segmenting(
    dataset: Dataset,
    model: Path,
    cases: Sequence[Case],
    label_set: str,
    *,
    uncertainty: bool = False,
    overwrite: bool = False,
) -> tuple[Step, ...]:
    """Segment cases, then enter the masks.

    Args:
        dataset: The dataset.
        model: The model's folder.
        cases: Some of the dataset's, or all.
        label_set: What the masks become.
        uncertainty: Also tell where the model is unsure.
        overwrite: Replace masks that are there.

    Raises:
        ConfigError: if only some cases of a dataset with several channels are asked for.
        DataError: if the model is not ready.
    """
    whole = len(cases) == len(dataset.cases)
    if not whole and len(dataset.channels) > 1:
        raise ConfigError("cases", expected="all cases of a dataset with several channels", got=str(len(cases)))
    again = ["--overwrite"] if overwrite else []
    masks = dataset.folder / "predictions" / label_set
    scans = [str(dataset.folder)] if whole else [str(image_of(dataset, case)) for case in cases]
    sure = ["--uncertainty"] if uncertainty else []
    words = ("segment", str(model), *scans, "-o", str(masks), *sure, *again)
    return (words, (*enter(dataset.folder, dataset.labels, label_set, masks, names_of(model)), *again))
