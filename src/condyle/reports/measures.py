"""The metrics a page draws and lists: how each is called, rounded, and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One metric.

    Args:
        key: The field of `metrics.Score`.
        title: Heading.
        unit: `mm`, `%`, or nothing.
        digits: Decimal places.
        better: Whether larger or smaller is better, or nearer to zero.
        meaning: A sentence.
    """

    key: str
    title: str
    unit: str
    digits: int
    better: Literal["larger", "smaller", "zero"]
    meaning: str

    @property
    def heading(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, value: float | None) -> str:
        """A value with its digits; a dash where there is none."""
        return "–" if value is None else f"{value:.{self.digits}f}".replace("-", "−")  # noqa: RUF001 - typography


#: In the order of every table and figure.
MEASURES = (
    Measure("dice", "Dice", "", 4, "larger", "Overlap of the two masks: 1 is the same, 0 is none."),
    Measure("assd_mm", "ASSD", "mm", 3, "smaller", "Average distance between the two surfaces, over the area of both."),
    Measure("hd95_mm", "HD95", "mm", 2, "smaller", "Distance within which 95 % of either surface lies from the other."),
    Measure("surface_dice", "Surface Dice", "", 4, "larger", "Share of both surfaces within the tolerance."),
    Measure(
        "volume_error_percent",
        "Volume",
        "%",
        2,
        "zero",
        "Volume of the prediction less that of the truth, in percent of the truth's.",
    ),
)
PENALISED = {
    "assd_mm": Measure("assd_penalised_mm", "ASSD penalised", "mm", 3, "smaller", ""),
    "hd95_mm": Measure("hd95_penalised_mm", "HD95 penalised", "mm", 2, "smaller", ""),
}
