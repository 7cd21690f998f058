"""`condyle export`: a dataset for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from condyle.data.dataset import Dataset
from condyle.data.names import safe_name
from condyle.data.nnunet_export import write_nnunet
from condyle.errors import ConfigError
from condyle.io.atomic import atomic_folder
from condyle.progress import Track, silent
from condyle.workflow.shared.label_sets import chosen_label_set


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Args:
        folder: Where.
        training: Number of cases with labels.
        unlabelled: Number of cases without.
        ids: Label id in the dataset to the id written.
    """

    folder: str
    training: int
    unlabelled: int
    ids: Mapping[int, int]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        moved = ", ".join(f"{old} is {new}" for old, new in self.ids.items() if old != new)
        text = f"{self.folder}: {self.training} cases for training, {self.unlabelled} without labels"
        return f"{text}\nnew label ids: {moved}" if moved else text


def export(
    dataset: Path,
    out: Path,
    *,
    to: Literal["nnunet"] = "nnunet",
    label_set: str | None = None,
    number: int = 1,
    name: str | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> ExportResult:
    """Write a dataset in another program's layout.

    `nnunet` makes `DatasetXXX_Name` in `out`, as nnU-Net v2 reads it from `nnUNet_raw`. Label ids become
    consecutive with the ignore id last.

    Args:
        dataset: A dataset.
        out: The folder in which the new one is made.
        to: The layout.
        label_set: Which label maps; needed where there are several sets.
        number: nnU-Net's number of the dataset, 1 to 999.
        name: nnU-Net's name of it; the dataset's own by default.
        overwrite: Replace a folder of that name.
        track: Told of each case.

    Raises:
        DataError: if there is no dataset, a file of it is missing or broken, or `out` cannot be written.
        ConfigError: if there is no such label set or layout, or no clear choice.
    """
    if to != "nnunet":
        raise ConfigError("to", expected="nnunet", got=str(to))
    if not 1 <= number <= 999:
        raise ConfigError("number", expected="1 to 999", got=str(number))
    opened = Dataset.open(dataset)
    chosen = chosen_label_set(opened, label_set)
    target = out / f"Dataset{number:03d}_{safe_name(name or opened.name)}"
    with atomic_folder(target, overwrite=overwrite, holds=(".json", ".nii.gz")) as folder:
        ids = write_nnunet(opened, folder, chosen, track=track)
    training = sum(chosen in case.label_sets for case in opened.cases)
    return ExportResult(str(target), training, len(opened.cases) - training, ids)
