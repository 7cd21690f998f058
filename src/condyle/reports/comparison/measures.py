"""The scores a comparison shows, beside those of every report."""

from __future__ import annotations

from condyle.reports.measures import MEASURES, PENALISED, Measure

_BY_KEY = {measure.key: measure for measure in (*MEASURES, *PENALISED.values())}

_SENSITIVITY = Measure("sensitivity", "Sensitivity", "", 4, "larger", "Share of the truth that was found.")
_SPECIFICITY = Measure(
    "specificity",
    "Specificity",
    "",
    4,
    "larger",
    "Share of the background left alone; it grows with the field of view.",
)
_ABSOLUTE = Measure(
    "volume_error_absolute_ml", "Volume error", "ml", 2, "smaller", "Volume less that of the truth, without its sign."
)

#: Columns against a reference.
AGAINST_TRUTH = (
    _BY_KEY["dice"], _SENSITIVITY, _SPECIFICITY, _BY_KEY["assd_mm"], _BY_KEY["assd_penalised_mm"],
    _BY_KEY["hd95_mm"], _BY_KEY["hd95_penalised_mm"], _ABSOLUTE, _BY_KEY["volume_error_percent"],
)  # fmt: skip

#: Panels of four boxes, as the proximal femur study draws them.
PANEL = (_BY_KEY["dice"], _SENSITIVITY, _SPECIFICITY, _BY_KEY["assd_mm"])

#: What is tested, by key.
TESTED = {m.key: m for m in AGAINST_TRUTH if m.key in {
    "dice", "assd_penalised_mm", "hd95_penalised_mm", "volume_error_absolute_ml",
}}  # fmt: skip

#: Columns of two candidates against each other.
BETWEEN = (
    _BY_KEY["dice"], _BY_KEY["assd_mm"], _BY_KEY["hd95_mm"],
    Measure("volume_error_ml", "Volume change", "ml", 2, "zero", "Volume of the second less that of the first."),
    Measure("volume_error_percent", "Volume change", "%", 2, "zero", "The same in percent of the first."),
)  # fmt: skip
