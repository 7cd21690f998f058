"""Which label map is meant, and where its versions are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from condyle.data import Case, Dataset
from condyle.data.case import labels_path


@dataclass(frozen=True)
class Target:
    """One case's label map of one set, whether it is there yet or not.

    Args:
        dataset: The dataset.
        case: One of its cases.
        label_set: A set's name, safe as a file name.
    """

    dataset: Dataset
    case: Case
    label_set: str

    @property
    def there(self) -> bool:
        """Whether the case has the set."""
        return self.label_set in self.case.label_sets

    @property
    def path(self) -> Path:
        """The label map itself."""
        return self.dataset.path(self.case.label_sets.get(self.label_set, labels_path(self.label_set, self.case.id)))

    @property
    def folder(self) -> Path:
        """Where its versions and its draft are."""
        return corrections(self.dataset) / self.label_set / self.case.id


def corrections(dataset: Dataset) -> Path:
    """Where revisions, drafts and reviews are. It has a lock of its own, which other writers respect."""
    return dataset.folder / "corrections"
