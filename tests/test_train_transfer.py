"""Fine-tuning: from a model of nnU-Net's, and from one cohort to another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import condyle
from condyle import io
from condyle.data import Dataset
from condyle.errors import ConfigError
from condyle.recipe import RECIPES

QUICK = replace(RECIPES["quick"], val_iterations=1, precision="fp32", compiled=False)


def test_a_model_of_nnunets_is_gone_on_from_with_other_labels(shared_nnunet, tmp_path):
    """Femur and hip become one bone: the plan and the encoder are nnU-Net's, the last convolutions are new."""
    raw = next((shared_nnunet / "ct" / "raw").iterdir())
    model = shared_nnunet / "ct" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    condyle.import_([raw], tmp_path / "data", names={"bone": 1}, remap={"femur": "bone", "hip": "bone"})
    recipe = replace(QUICK, epochs=1, iterations=2, batch=1, deep_supervision=True, freeze=("encoder",))
    condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=recipe, fold="all", start=model)
    theirs, ours = condyle.load(model).model, condyle.load(tmp_path / "model").model
    assert ours.labels.names == ("bone",)
    assert ours.plan == replace(theirs.plan, net=replace(theirs.plan.net, out_channels=2), batch=1)
    before, after = theirs.state("0"), ours.state("all")
    assert all(torch.equal(after[k], before[k]) for k in after if k.startswith("encoder"))
    assert {k for k in after if after[k].shape != before[k].shape} == {k for k in after if ".heads." in k}
    dataset = Dataset.open(tmp_path / "data")
    image = io.read(dataset.path(dataset.cases[0].images["CT"]))
    assert condyle.load(tmp_path / "model").segment(image).grid.matches(image.grid)


def test_fine_tuning_helps_on_a_second_cohort(tmp_path):
    """Another scanner, another spacing, few cases and few steps, the same with and without a start."""
    cohorts = {"first": ("ct_bone", 8, (5.0, 5.0, 5.0), 1), "second": ("ct_low_dose", 4, (5.0, 5.0, 6.0), 90)}
    for name, (scanner, count, spacing, seed) in cohorts.items():
        condyle.phantom("proximal_femur", tmp_path / name, count=count, seed=seed, spacing=spacing, scanner=scanner)
        condyle.folds(tmp_path / name, count=2)
    small = replace(QUICK, features=8, patch=(32, 16, 16), epochs=3, iterations=25)
    condyle.train(tmp_path / "first", out=tmp_path / "base", recipe=small, fold="all", label_set="truth")
    few = replace(small, epochs=1, iterations=10)
    dice = {}
    for name, start in {"with": tmp_path / "base", "without": None}.items():
        told = condyle.train(tmp_path / "second", out=tmp_path / name, recipe=few, label_set="truth", start=start)
        dice[name] = float(np.mean([score.dice for case in told.scores.cases for score in case.table]))
    print(f"mean Dice with a start {dice['with']:.3f}, without {dice['without']:.3f}")  # noqa: T201
    assert dice["with"] > dice["without"] + 0.1


def test_a_start_with_other_channels_is_refused(shared_nnunet, tmp_path):
    raw = next((shared_nnunet / "ct" / "raw").iterdir())
    condyle.import_([raw], tmp_path / "data")
    (model,) = (shared_nnunet / "mr").glob("nnUNetTrainer__*")
    with pytest.raises(ConfigError, match="2 channels in the dataset"):
        condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=QUICK, fold="all", start=model)
