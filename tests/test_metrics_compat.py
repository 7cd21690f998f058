"""The numbers of other tools, held against values those tools gave themselves (`python -m bench.compat` makes more)."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.errors import DataError
from condyle.metrics import compat

Spacing = tuple[float, float, float]


def balls() -> tuple[np.ndarray, np.ndarray, Spacing]:
    i = np.indices((20, 18, 12))
    stretch = np.array([1, 1, 4])[:, None, None, None]
    a = ((i - np.array([9, 8, 5])[:, None, None, None]) ** 2 * stretch).sum(0) < 36
    b = ((i - np.array([10, 8, 6])[:, None, None, None]) ** 2 * stretch).sum(0) < 42
    return a, b, (1.0, 1.0, 2.0)


def blocks() -> tuple[np.ndarray, np.ndarray, Spacing]:
    """One touches the border, the other has a speck in a corner of the array."""
    a, b = np.zeros((10, 12, 9), bool), np.zeros((10, 12, 9), bool)
    a[2:7, 3:9, 0:5] = b[3:8, 3:10, 1:6] = b[0, 0, 8] = True
    return a, b, (0.7, 0.8, 2.5)


def lattice() -> tuple[np.ndarray, np.ndarray, Spacing]:
    """All neighbourhoods there are, more or less."""
    i, j, k = np.indices((8, 8, 8))
    sums = i * 3 + j * 5 + k * 7
    return sums % 11 < 4, sums % 13 < 4, (1.0, 0.5, 3.0)


PAIRS = {"balls": balls, "blocks": blocks, "lattice": lattice}

#: Printed by seg-metrics 1.2.8, surface-distance 0.1, pymia 0.3.4 with SimpleITK 2.5.7, MedPy 0.5.2. Tolerance 1 mm.
TRUTH = {
    "balls": {
        "seg-metrics dice": 0.7063492063492064,
        "seg-metrics jaccard": 0.5460122699386503,
        "seg-metrics precision": 0.6106346483704974,
        "seg-metrics recall": 0.8376470588235294,
        "seg-metrics fpr": 0.0582798459563543,
        "seg-metrics fnr": 0.1623529411764706,
        "seg-metrics vs": 0.3134920634920635,
        "seg-metrics hd": 4.0,
        "seg-metrics hd95": 2.2467391014099025,
        "seg-metrics msd": 0.9543630533748203,
        "seg-metrics mdsd": 1.0,
        "seg-metrics stdsd": 0.9952788836304928,
        "surface-distance average from reference": 0.6445324550658201,
        "surface-distance average from prediction": 1.0477348730870257,
        "surface-distance HD95": 2.8284271247461903,
        "surface-distance HD": 4.0,
        "surface-distance surface Dice": 0.7073222980722814,
        "surface-distance overlap of reference": 0.7893339789601592,
        "surface-distance overlap of prediction": 0.6440996632553954,
        "pymia AverageDistance": 0.47594262454811803,
        "MedPy hd": 4.0,
        "MedPy hd95": 2.8284271247461903,
        "MedPy asd": 1.4484487539411512,
        "MedPy assd": 1.302534631832555,
    },
    "blocks": {
        "seg-metrics dice": 0.588957055214724,
        "seg-metrics jaccard": 0.41739130434782606,
        "seg-metrics precision": 0.5454545454545454,
        "seg-metrics recall": 0.64,
        "seg-metrics fpr": 0.08602150537634409,
        "seg-metrics fnr": 0.36,
        "seg-metrics vs": 0.15950920245398773,
        "seg-metrics hd": 10.378824234008789,
        "seg-metrics hd95": 2.5961509704589845,
        "seg-metrics msd": 1.0034370708874878,
        "seg-metrics mdsd": 0.7000002861022949,
        "seg-metrics stdsd": 1.1049548305691264,
        "surface-distance average from reference": 0.765796665145899,
        "surface-distance average from prediction": 0.9103545271596644,
        "surface-distance HD95": 2.596150997149434,
        "surface-distance HD": 10.378824596263298,
        "surface-distance surface Dice": 0.8248273203983831,
        "surface-distance overlap of reference": 0.840380718052051,
        "surface-distance overlap of prediction": 0.8110087961716177,
        "pymia AverageDistance": 0.6858319070010009,
        "MedPy hd": 10.378824596263298,
        "MedPy hd95": 2.596150997149434,
        "MedPy asd": 1.1345338033925214,
        "MedPy assd": 1.0767380988870074,
    },
    "lattice": {
        "seg-metrics dice": 0.313953488372093,
        "seg-metrics jaccard": 0.18620689655172415,
        "seg-metrics precision": 0.34394904458598724,
        "seg-metrics recall": 0.2887700534759358,
        "seg-metrics fpr": 0.3169230769230769,
        "seg-metrics fnr": 0.7112299465240641,
        "seg-metrics vs": -0.1744186046511628,
        "seg-metrics hd": 1.4142135381698608,
        "seg-metrics hd95": 1.0,
        "seg-metrics msd": 0.4575184580198554,
        "seg-metrics mdsd": 0.5,
        "seg-metrics stdsd": 0.3686195181634201,
        "surface-distance average from reference": 0.023778126200535304,
        "surface-distance average from prediction": 0.007473390667994646,
        "surface-distance HD95": 0.0,
        "surface-distance HD": 1.4142135623730951,
        "surface-distance surface Dice": 0.9993816807382926,
        "surface-distance overlap of reference": 0.998865368070495,
        "surface-distance overlap of prediction": 1.0,
        "pymia AverageDistance": 0.4561326661992916,
        "MedPy hd": 1.4142135623730951,
        "MedPy hd95": 1.0,
        "MedPy asd": 0.4402422547054133,
        "MedPy assd": 0.4575184578993391,
    },
}


def flattened(a: np.ndarray, b: np.ndarray, spacing: Spacing) -> dict[str, float]:
    seg, med = compat.seg_metrics_scores(a, b, spacing), compat.medpy_scores(a, b, spacing)
    surfel = compat.surfel_scores(a, b, spacing, 1.0)
    return {
        **{f"seg-metrics {name}": value for name, value in vars(seg).items()},
        "surface-distance average from reference": surfel.average_mm[0],
        "surface-distance average from prediction": surfel.average_mm[1],
        "surface-distance HD95": surfel.robust_hausdorff_mm,
        "surface-distance HD": surfel.hausdorff_mm,
        "surface-distance surface Dice": surfel.surface_dice,
        "surface-distance overlap of reference": surfel.surface_overlap[0],
        "surface-distance overlap of prediction": surfel.surface_overlap[1],
        "pymia AverageDistance": compat.ahd_volume(a, b, spacing),
        **{f"MedPy {name}": value for name, value in vars(med).items()},
    }


@pytest.mark.parametrize("name", TRUTH)
def test_scores_are_those_the_tools_give(name: str):
    assert flattened(*PAIRS[name]()) == pytest.approx(TRUTH[name], abs=1e-6)


def test_a_missed_structure_has_the_values_the_tools_give_it():
    a, _, spacing = blocks()
    none = np.zeros_like(a)
    seg = compat.seg_metrics_scores(a, none, spacing)
    assert (seg.dice, seg.hd, seg.hd95, seg.msd, seg.fnr) == (0, 0, 0, 0, 1)
    alarm = compat.seg_metrics_scores(none, a, spacing)
    assert (alarm.precision, alarm.recall, alarm.fpr, alarm.fnr, alarm.msd) == (0, 0, 0, 0, 0)
    assert compat.surfel_scores(a, none, spacing).robust_hausdorff_mm == np.inf
    assert compat.ahd_volume(a, none, spacing) == np.inf
    with pytest.raises(DataError, match="prediction"):
        compat.medpy_scores(a, none, spacing)


def test_two_empty_masks_have_the_values_the_tools_give_them():
    none = np.zeros((4, 4, 4), bool)
    seg = compat.seg_metrics_scores(none, none, (1, 1, 1))
    assert (seg.dice, seg.jaccard, seg.hd, seg.vs) == (1, 1, 0, 1)
    assert np.isnan(compat.surfel_scores(none, none, (1, 1, 1)).surface_dice)
    assert np.isnan(compat.nnunet_dice(none, none, (1,)))


def test_nnunet_counts_regions_and_leaves_ignored_voxels_out():
    reference = np.array([1, 1, 2, 0, 9, 9])
    prediction = np.array([1, 2, 2, 2, 1, 0])
    assert compat.nnunet_dice(reference, prediction, (1,)) == pytest.approx(2 * 1 / (2 + 2))
    assert compat.nnunet_dice(reference, prediction, (1,), ignore=9) == pytest.approx(2 * 1 / (2 + 1))
    assert compat.nnunet_dice(reference, prediction, (1, 2), ignore=9) == pytest.approx(2 * 3 / (3 + 4))
