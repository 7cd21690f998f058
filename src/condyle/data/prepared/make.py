"""A case of a dataset, read, checked and prepared; every fault is told with the file it lies in."""

from __future__ import annotations

from condyle.config import Plan
from condyle.data.case import Case
from condyle.data.dataset import Dataset
from condyle.data.load import load_image, load_labels
from condyle.errors import CondyleError, DataError
from condyle.labels import present_ids
from condyle.prepare import Prepared, prepare
from condyle.space import Volume


def source_files(case: Case, plan: Plan, label_set: str) -> tuple[str, ...]:
    """What a prepared case is made from: paths in the dataset."""
    return (*(case.images[channel.name] for channel in plan.channels), case.label_sets[label_set])


def make_case(dataset: Dataset, case: Case, plan: Plan, label_set: str) -> Prepared:
    """Prepare a case of a dataset, with labels.

    Raises:
        DataError: naming the file, if it is missing or broken, has ids that the dataset does not know, or cannot be
            prepared; see `prepare.prepare`.
    """
    labels = load_labels(dataset, case, label_set)
    _check_ids(dataset, case, label_set, labels)
    images = [load_image(dataset, case, channel.name) for channel in plan.channels]
    try:
        return prepare(images, plan, labels)
    except CondyleError as error:
        # `prepare` knows volumes by their roles alone.
        files = {f"channel {channel}": name for channel, name in case.images.items()}
        files["labels"] = case.label_sets[label_set]
        where = dataset.path(files.get(error.where, case.images[plan.channels[0].name]))
        raise DataError(where, expected=error.expected, got=error.got, hint=error.hint) from error


def _check_ids(dataset: Dataset, case: Case, label_set: str, labels: Volume) -> None:
    table = dataset.labels
    unknown = sorted(set(present_ids(labels.array)) - {*table.ids, table.ignore})
    if unknown:
        raise DataError(
            dataset.path(case.label_sets[label_set]),
            expected=f"ids of the dataset's labels ({', '.join(map(str, table.ids))})",
            got=f"also {', '.join(map(str, unknown))}",
            hint="Add them to the labels in dataset.json, or import with a remap table.",
        )
