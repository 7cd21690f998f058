"""Every recipe trains on phantoms of its own kind. Networks are narrow and patches small: minutes are for studies."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

import condyle
from condyle.data import Dataset
from condyle.recipe import RECIPES

#: Recipe to the kind of phantom it was made for, its label set, and what is smaller here.
KINDS = {
    "default": ("proximal_femur", {"features": 4}),
    "quick": ("proximal_femur", {"features": 4}),
    "thorough": ("proximal_femur", {"features": 4}),
    "nnunet": ("proximal_femur", {"features": 4}),
    "lang-3d": ("proximal_femur", {"features": 4}),
    "lang-2d": ("proximal_femur", {"features": 4, "batch": 4}),
    "abdomen-vnet": ("abdomen", {"features": 4, "patch": (16, 32, 32), "spacing_mm": (8.0, 8.0, 8.0)}),
    "knee-unet3d": ("knee", {"features": 4, "patch": (16, 16, 16), "batch": 4}),
    "limb-resnet34": ("paediatric_legs", {"patch": (64, 64), "batch": 4}),
    "limb-unet2d": (
        "paediatric_legs",
        {"features": 8, "patch": (64, 64), "batch": 4, "oversample": 1.0, "iterations": 12},
    ),
}
SPACING_MM = (6.0, 6.0, 6.0)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Kind to a dataset of two persons, made when it is first asked for."""
    made: dict[str, Dataset] = {}

    def of(kind: str) -> Dataset:
        if kind not in made:
            folder = tmp_path_factory.mktemp("phantoms") / kind
            pairs = kind in {"proximal_femur", "knee"}
            condyle.phantom(kind, folder, count=4 if pairs else 2, seed=3, spacing=SPACING_MM)
            condyle.folds(folder, count=2)
            made[kind] = Dataset.open(folder)
        return made[kind]

    return of


def test_each_recipe_has_its_kind():
    # Pictures that are drawn have tests of their own.
    assert set(RECIPES) == {*KINDS, "synthetic"}


@pytest.mark.parametrize("name", KINDS)
def test_a_recipe_trains_on_its_own_kind_and_its_loss_falls(name, phantoms, tmp_path):
    kind, smaller = KINDS[name]
    quick = {"epochs": 3, "iterations": 6, "val_iterations": 1, "rate": 3e-3, "precision": "fp32", "compiled": False}
    recipe = replace(RECIPES[name], **(quick | smaller))
    told = condyle.train(phantoms(kind).folder, out=tmp_path / "model", recipe=recipe, label_set="truth")
    with (tmp_path / "model" / "training" / "fold_0" / "history.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < losses[0]
    assert {case.group for case in phantoms(kind).cases if case.id in told.folds["0"].cases}.isdisjoint(
        case.group for case in told.scores.cases
    )
