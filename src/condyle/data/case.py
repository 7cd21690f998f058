"""One subject's scan at one time, and the label maps drawn on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from condyle.data.fields import checked_fields, text, text_table
from condyle.data.names import require_safe


@dataclass(frozen=True)
class Case:
    """One entry of a dataset. Paths are relative to the dataset's folder, with `/`.

    Args:
        id: Unique in the dataset, safe as a file name.
        group: Who it comes from: a patient, a donor. Cases of one group are never parted by a split.
        images: Path by channel.
        label_sets: Path of a label map by the name of its set (`reference`, `corrected`).
        patient: The PatientID of the DICOM files it came from, or "".
    """

    id: str
    group: str
    images: Mapping[str, str]
    label_sets: Mapping[str, str] = field(default_factory=dict)
    patient: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """All its files."""
        return (*self.images.values(), *self.label_sets.values())

    def with_label_set(self, name: str, path: str) -> Case:
        """The case with one more label set, or another file for it."""
        return replace(self, label_sets={**self.label_sets, name: path})

    def to_json(self) -> dict[str, Any]:
        """Plain data, as stored in `dataset.json`."""
        out: dict[str, Any] = {
            "id": self.id,
            "group": self.group,
            "images": dict(self.images),
            "label_sets": dict(self.label_sets),
        }
        if self.patient:
            out["patient"] = self.patient
        return out

    @classmethod
    def from_json(cls, data: Any, where: str) -> Case:
        """The inverse of `to_json`.

        Raises:
            DataError: on missing or unknown keys, wrong types, or an id or label set name that is no safe
                file name.
        """
        fields = checked_fields(
            data, where, required=("id", "group", "images"), optional={"label_sets": {}, "patient": ""}
        )
        case = cls(
            id=require_safe(fields["id"], f"{where}: id"),
            group=text(fields["group"], f"{where}: group"),
            images=text_table(fields["images"], f"{where}: images"),
            label_sets=text_table(fields["label_sets"], f"{where}: label_sets"),
            patient=text(fields["patient"], f"{where}: patient", empty=True),
        )
        for name in (*case.images, *case.label_sets):
            require_safe(name, where)
        return case


def image_path(channel: str, case_id: str) -> str:
    """Where a case's image of a channel lies in a dataset."""
    return f"images/{channel}/{case_id}.nii.gz"


def labels_path(label_set: str, case_id: str) -> str:
    """Where a case's label map of a set lies in a dataset."""
    return f"labels/{label_set}/{case_id}.nii.gz"
