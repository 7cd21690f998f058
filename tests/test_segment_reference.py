"""Every model of nnU-Net's reference: its probabilities and its label maps."""

from __future__ import annotations

import numpy as np
import pytest

import condyle
from condyle.io import read, read_labels
from condyle.workflow.segmentation.segmenter import PredictSettings

CT, MR = "ct/nnUNetTrainer__nnUNetPlans__", "mr/nnUNetTrainer__nnUNetResEncUNetMPlans__"
RUNS = {
    "ct/expected/3d_fold0": (CT + "3d_fullres", PredictSettings(folds=("0",), probabilities=True)),
    "ct/expected/3d_folds01": (CT + "3d_fullres", PredictSettings(probabilities=True)),
    "ct/expected/3d_fold0_mirror": (
        CT + "3d_fullres",
        PredictSettings(folds=("0",), probabilities=True, mirror="nnunet"),
    ),
    "ct/expected/2d_fold0": (CT + "2d", PredictSettings(probabilities=True)),
    "mr/expected/3d_fold0": (MR + "3d_fullres", PredictSettings(probabilities=True)),
    "mr/expected/3d_fold0_mirror": (MR + "3d_fullres", PredictSettings(probabilities=True, mirror="nnunet")),
}


@pytest.mark.parametrize("run", RUNS)
def test_probabilities_and_labels_are_nnunets(shared_nnunet, run):
    name, settings = RUNS[run]
    folder = shared_nnunet / run
    scans = sorted((shared_nnunet / run[:2] / "images").glob("case_09_*.nii.gz"))
    answer = condyle.load(shared_nnunet / name, settings).answer(*map(read, scans))
    with np.load(folder / "case_09_probabilities_fp32.npz") as file:
        expected = file["probabilities"].astype(np.float32)
    ours = answer.probabilities.transpose(0, 3, 2, 1)
    # The reference is kept in half precision, which is off by up to 2.5e-4.
    assert np.abs(ours - expected).max() < 1e-3
    wanted = read_labels(folder / "fp32/case_09.nii.gz")
    assert answer.labels.grid.matches(wanted.grid)
    assert (answer.labels.array == wanted.array).mean() >= 0.9999
