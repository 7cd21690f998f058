"""What is known of one structure of one case, and a table of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from condyle.metrics.status import Status


@dataclass(frozen=True)
class Score:
    """One row: a structure of a case. None is what cannot be known; a distance of a missed structure, say.

    Args:
        structure: Its name.
        status: Whether it was found; see `status`.
        cut: Whether the field of view cuts it in either label map: volumes are of the part in view, and the faces at
            the border are no surface.
        reference_ml: Volume of the reference.
        prediction_ml: Volume of the prediction.
        volume_error_ml: Prediction less reference.
        volume_error_absolute_ml: The same without its sign.
        volume_error_percent: Prediction less reference, of the reference's volume.
        dice: 2 TP / (2 TP + FP + FN).
        iou: TP / (TP + FP + FN).
        sensitivity: TP / (TP + FN), also called recall.
        specificity: TN / (TN + FP); depends on how much background is in view.
        precision: TP / (TP + FP).
        accuracy: (TP + TN) / all voxels; depends on how much background is in view.
        volume_similarity: 1 - |FN - FP| / (2 TP + FP + FN).
        assd_mm: Mean distance between the surfaces, over the area of both.
        from_reference_mm: Mean distance of the reference's surface from the prediction's.
        from_prediction_mm: The other way.
        median_mm: Median of the distances, by area.
        sd_mm: Their standard deviation.
        hd95_mm: The larger of the directed 95 % distances.
        hd_mm: The largest distance.
        surface_dice: Share of both areas within the tolerance.
        surface_overlap: Share of the prediction's area within the tolerance.
        assd_penalised_mm: `assd_mm`, with the limit for a missed structure or a false alarm.
        hd95_penalised_mm: The same of `hd95_mm`.
        reference_parts: Connected parts (by faces).
        prediction_parts: Connected parts (by faces).
        reference_euler: Parts + cavities - handles.
        prediction_euler: Parts + cavities - handles.
    """

    structure: str
    status: Status
    cut: bool
    reference_ml: float
    prediction_ml: float
    volume_error_ml: float
    volume_error_absolute_ml: float
    volume_error_percent: float | None
    dice: float | None
    iou: float | None
    sensitivity: float | None
    specificity: float | None
    precision: float | None
    accuracy: float | None
    volume_similarity: float | None
    assd_mm: float | None
    from_reference_mm: float | None
    from_prediction_mm: float | None
    median_mm: float | None
    sd_mm: float | None
    hd95_mm: float | None
    hd_mm: float | None
    surface_dice: float | None
    surface_overlap: float | None
    assd_penalised_mm: float | None
    hd95_penalised_mm: float | None
    reference_parts: int
    prediction_parts: int
    reference_euler: int
    prediction_euler: int

    def to_json(self) -> dict[str, Any]:
        """Plain data: every field by its name."""
        return asdict(self)


#: Scores of which a mean makes sense, in the order they are shown in.
METRICS = (
    "dice", "iou", "sensitivity", "specificity", "precision", "accuracy", "volume_similarity",
    "assd_mm", "hd95_mm", "hd_mm", "median_mm", "sd_mm", "from_reference_mm", "from_prediction_mm",
    "surface_dice", "surface_overlap", "assd_penalised_mm", "hd95_penalised_mm",
    "reference_ml", "prediction_ml", "volume_error_ml", "volume_error_absolute_ml", "volume_error_percent",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """The scores of one case, one row a structure."""

    rows: tuple[Score, ...]

    def __iter__(self) -> Iterator[Score]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, structure: str) -> Score:
        """The row of a structure.

        Raises:
            KeyError: if there is none.
        """
        for row in self.rows:
            if row.structure == structure:
                return row
        raise KeyError(structure)

    def to_json(self) -> dict[str, Any]:
        """Plain data: structure to its scores."""
        return {row.structure: row.to_json() for row in self.rows}


def worst_first(cases: Mapping[str, Table]) -> list[str]:
    """Cases by the mean Dice of their structures, ascending; those without any last."""

    def mean(id_: str) -> float:
        dice = [row.dice for row in cases[id_] if row.dice is not None]
        return sum(dice) / len(dice) if dice else float("inf")

    return sorted(cases, key=lambda id_: (mean(id_), id_))
