"""Cleanup is chosen on held-out cases: steps that help are kept, steps that harm are not."""

from __future__ import annotations

import numpy as np
import pytest

from condyle import io
from condyle.labels import Labels
from condyle.predict.steps import FillHoles, LargestParts
from condyle.space import Volume
from condyle.workflow.learning.cleanup_choice import choose_cleanup
from datasets import GRID, ball

LABELS = Labels.of({"femur": 1, "patella": 2})


@pytest.fixture
def masks(tmp_path):
    """Three cases: femora with crumbs and a hole, patellae that truly lie in two parts of nearly one size."""
    out = {}
    for n in range(3):
        truth = np.zeros(GRID.shape, np.uint8)
        truth[ball(GRID, (15, 10, 8), 4)] = 1
        truth[ball(GRID, (4, 5, 4 + n), 2)] = truth[ball(GRID, (4, 15, 10), 2)] = 2
        found = truth.copy()
        found[ball(GRID, (15, 10, 8), 1)] = 0
        found[21:23, 2:4, 2:4] = 1
        paths = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        for path, array in zip(paths, (truth, found), strict=True):
            io.write(path, Volume(array, GRID))
        out[str(n)] = paths
    return out


def test_steps_that_help_are_kept_in_order_and_no_others(masks):
    steps, tried = choose_cleanup(masks, LABELS)
    assert steps == (LargestParts("femur", 1), FillHoles("femur"))
    harm = next(judged for judged in tried if judged.step == LargestParts("patella", 1))
    assert (harm.better, harm.worse) == (0, 3)
    assert harm.after < harm.before


def test_perfect_masks_get_no_cleanup(masks):
    perfect = {case: (truth, truth) for case, (truth, _) in masks.items()}
    assert choose_cleanup(perfect, LABELS)[0] == ()
