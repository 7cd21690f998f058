"""A real scan, learned by heart, through the command line's own verbs."""

from __future__ import annotations

import shutil
from dataclasses import replace

import condyle
from condyle import io
from condyle.metrics import compare
from condyle.recipe import RECIPES

ORGANS = {"liver": 1, "kidney_right": 2, "kidney_left": 3, "spleen": 4}


def test_a_real_ct_is_learned_by_heart_and_segmented_from_its_file(shared_data, tmp_path):
    """Import, train, segment: files in, a file out."""
    ct = shared_data / "ct_abdomen_pelvis"
    for folder, file in (("scans", "abdomen.nii.gz"), ("masks", "abdomen_labels.nii.gz")):
        (tmp_path / folder).mkdir()
        shutil.copy(ct / file, tmp_path / folder / "abdomen.nii.gz")
    condyle.import_(
        [tmp_path / "scans"], tmp_path / "data", channels=["CT"], label_sets={"reference": tmp_path / "masks"},
        names=ORGANS,
    )  # fmt: skip
    recipe = replace(
        RECIPES["quick"],
        features=8,
        spacing_mm=(6.0, 6.0, 6.0),
        patch=(32, 56, 64),
        batch=1,
        augment="none",
        epochs=4,
        iterations=80,
        rate=8e-3,
        compiled=False,
    )
    condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=recipe, fold="all")
    condyle.segment(tmp_path / "model", [ct / "abdomen.nii.gz"], out=tmp_path / "out")
    truth = io.read_labels(ct / "abdomen_labels.nii.gz")
    scores = compare(
        truth, io.read_labels(tmp_path / "out" / "abdomen.nii.gz"), condyle.load(tmp_path / "model").model.labels
    )
    found = {score.structure: round(score.dice, 4) for score in scores}
    assert min(found.values()) > 0.9, found
