"""Voxels of a dataset's cases."""

from __future__ import annotations

from condyle import io
from condyle.data.case import Case
from condyle.data.dataset import Dataset
from condyle.errors import ConfigError
from condyle.space import Volume


def load_image(dataset: Dataset, case: Case, channel: str) -> Volume:
    """One channel of a case, as stored.

    Raises:
        ConfigError: if there is no such channel.
        DataError: if the file is missing or broken.
    """
    if channel not in case.images:
        raise ConfigError("channel", expected=f"one of {', '.join(case.images)}", got=channel)
    return io.read(dataset.path(case.images[channel]))


def load_labels(dataset: Dataset, case: Case, label_set: str) -> Volume:
    """A case's label map of one set, uint8 or uint16.

    Raises:
        ConfigError: if the case has no such set.
        DataError: if the file is missing, broken, or no label map.
    """
    if label_set not in case.label_sets:
        raise ConfigError(
            f"label set of {case.id}", expected=f"one of {', '.join(case.label_sets) or 'none'}", got=label_set
        )
    return io.read_labels(dataset.path(case.label_sets[label_set]))
