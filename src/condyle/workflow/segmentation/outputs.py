"""The files that a segmented case becomes, each there whole or not at all, the mask last."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condyle.config import to_json
from condyle.errors import DataError
from condyle.io import nifti, read_labels, stem_of, suffix_of, write, write_segments
from condyle.io.atomic import atomic_file, remove_file
from condyle.io.temporary import is_leftover
from condyle.io.there import is_there
from condyle.labels import Labels
from condyle.space import Volume
from condyle.workflow.segmentation.predict_settings import PredictSettings
from condyle.workflow.segmentation.segmenter import Answer


@dataclass(frozen=True)
class Outputs:
    """Where a case goes.

    Args:
        mask: The label map.
        probabilities: Beside it, where asked for.
        uncertainty: Likewise.
        confidence: Likewise.
    """

    mask: Path
    probabilities: Path | None = None
    uncertainty: Path | None = None
    confidence: Path | None = None

    @classmethod
    def beside(cls, mask: Path, settings: PredictSettings, *, judges: bool = False) -> Outputs:
        """The files that settings ask for.

        Args:
            mask: The label map's.
            settings: How the model is asked.
            judges: Whether it can tell how far to trust it.
        """
        name = str(mask.with_name(stem_of(mask)))
        return cls(
            mask,
            Path(f"{name}_probabilities.nii.gz") if settings.probabilities else None,
            Path(f"{name}_uncertainty.nii.gz") if settings.uncertainty else None,
            confidence_beside(mask) if judges and settings.confidence == "model" else None,
        )

    @property
    def complete(self) -> bool:
        """Whether every file is there."""
        files = (self.mask, self.probabilities, self.uncertainty, self.confidence)
        return all(is_there(path) for path in files if path is not None)


def confidence_beside(mask: Path) -> Path:
    """Where the lights of a label map lie."""
    return mask.with_name(f"{stem_of(mask)}_confidence.json")


def write_answer(outputs: Outputs, answer: Answer, labels: Labels, *, overwrite: bool = False) -> None:
    """Write what is not there yet, or all of it. What lies beside a mask is always of that very mask.

    Raises:
        DataError: if the disk refuses, or another mask is there that shall stay.
    """
    grid = answer.labels.grid
    if not overwrite and outputs.mask.exists():
        _refuse_another(outputs.mask, answer.labels)
    else:
        # What is left of an earlier mask goes with it.
        overwrite = True
    p = answer.probabilities
    if outputs.probabilities is not None and p is not None and _due(outputs.probabilities, overwrite):
        with atomic_file(outputs.probabilities, overwrite=overwrite) as temporary:
            nifti.write_fractions(temporary, p, grid, len(p))
    if outputs.uncertainty is not None and answer.uncertainty is not None and _due(outputs.uncertainty, overwrite):
        write(outputs.uncertainty, answer.uncertainty, overwrite=overwrite)
    if outputs.confidence is not None and answer.confidence is not None and _due(outputs.confidence, overwrite):
        told = {"structures": to_json(answer.confidence)}
        with atomic_file(outputs.confidence, overwrite=overwrite) as temporary:
            temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if _due(outputs.mask, overwrite):
        if outputs.confidence is None:
            remove_file(confidence_beside(outputs.mask))
        write_mask(outputs.mask, answer.labels, labels, overwrite=overwrite)


def write_mask(path: Path, mask: Volume, labels: Labels | None, *, overwrite: bool = False) -> None:
    """Write a label map, with the names of its structures where the format has a place for them.

    Raises:
        DataError: if the disk refuses.
    """
    if suffix_of(path) == ".seg.nrrd":
        write_segments(path, mask, labels, overwrite=overwrite)
    else:
        write(path, mask, overwrite=overwrite)


def _refuse_another(path: Path, labels: Volume) -> None:
    """Raise a `DataError` if a mask that is there is not the one that was found now."""
    there = read_labels(path)
    if not there.grid.matches(labels.grid) or not np.array_equal(there.array, labels.array):
        raise DataError(
            path,
            expected="the label map that this model makes of this scan, to write the other files beside it",
            got="another one",
            hint="Write to another place, or pass --overwrite.",
        )


def _due(path: Path, overwrite: bool) -> bool:
    """Whether a file is to be written. What a killed run left of it is swept up."""
    for left in path.parent.glob(f".condyle-*/{path.name}"):
        if is_leftover(left.parent.name):
            shutil.rmtree(left.parent, ignore_errors=True)
    return overwrite or not path.exists()
