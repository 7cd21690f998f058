"""Everything `condyle check` looks for. Each check is a pure function; a new one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from condyle.data.checks.duplicates import no_image_twice, no_labels_twice, one_group_a_patient
from condyle.data.checks.files import in_folds, nothing_unlisted
from condyle.data.checks.finding import Finding, Severity
from condyle.data.checks.geometry import one_grid, usual_spacing
from condyle.data.checks.images import finite_values, not_constant
from condyle.data.checks.labelled import known_ids, not_interpolated
from condyle.data.checks.loaded import Loaded, load_case
from condyle.data.checks.sides import left_is_left
from condyle.data.checks.structures import every_structure, in_one_piece, no_cavities, not_empty, within_view
from condyle.data.checks.summary import Summary, summarize
from condyle.data.dataset import Dataset

#: Asked of each case, while its voxels are at hand.
CASE_CHECKS: tuple[Callable[[Loaded], list[Finding]], ...] = (
    one_grid,
    finite_values,
    not_constant,
    known_ids,
    not_interpolated,
    not_empty,
    in_one_piece,
    no_cavities,
    within_view,
    left_is_left,
)

#: Asked of all cases together, when their voxels are gone.
DATASET_CHECKS: tuple[Callable[[Dataset, Sequence[Summary]], list[Finding]], ...] = (
    usual_spacing,
    every_structure,
    no_image_twice,
    no_labels_twice,
    one_group_a_patient,
    nothing_unlisted,
    in_folds,
)

__all__ = ["CASE_CHECKS", "DATASET_CHECKS", "Finding", "Loaded", "Severity", "Summary", "load_case", "summarize"]
