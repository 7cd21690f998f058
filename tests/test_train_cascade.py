"""A cascade: a first network on a coarser grid, and a second that sees what it found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import condyle
from condyle import io
from condyle.augment import Mirroring, build
from condyle.augment.mistakes import Mistakes, forget_part, grown, mistake_ball, move_edge, opened, shrunk
from condyle.data import Dataset
from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.models.folder import read
from condyle.recipe import RECIPES
from condyle.space import Grid
from condyle.training import Batches, drawn
from condyle.training.found import FoundBefore
from condyle.workflow.segmentation.segmenter import Segmenter
from datasets import LABELS, ball, small_dataset
from training_toys import CASES, RECIPE, TABLE, ToyCase, config, train

TINY = replace(
    RECIPES["quick"], network="plain", stage="cascade", features=4, patch=(8, 8, 8), epochs=1, iterations=3,
    val_iterations=1, precision="fp32", compiled=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    folder = tmp_path_factory.mktemp("data") / "small"
    small_dataset(folder, tuple("abcd"))
    condyle.folds(folder, count=2)
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("cascade") / "model"
    return out, condyle.train(data.folder, out=out, recipe=TINY)


def test_a_trained_cascade_segments_on_the_scans_grid(trained, data):
    out, told = trained
    model = condyle.load(out).model
    assert model.plan.cascade == LABELS.ids
    assert model.folds == ("0",)
    assert min(np.array(model.before.plan.spacing_mm) / model.plan.spacing_mm) > 1.2
    image = io.read(data.path(data["a"].images["CT"]))
    assert condyle.load(out).segment(image).grid.matches(image.grid)
    assert {case.id for case in told.scores.cases} == {c for c, part in data.folds.parts.items() if part == 0}


def test_each_case_was_looked_at_by_a_first_network_that_never_saw_it(trained, data):
    out, _ = trained
    first = read(out / "before", first_stage=True)
    assert first.folds == ("0", "1")
    for case, fold in data.folds.parts.items():
        alone = Segmenter(replace(first, weights={str(fold): first.weights[str(fold)]}))
        found = alone.segment(io.read(data.path(data[case].images["CT"])))
        assert np.array_equal(io.read_labels(out / "before" / "validation" / f"{case}.nii.gz").array, found.array)
        assert case not in first.record["folds"][str(fold)]["cases"]


def test_held_out_cases_are_segmented_by_two_networks_that_never_saw_them(trained, data):
    out, _ = trained
    model = condyle.load(out).model
    alone = replace(model, before=replace(model.before, weights={"0": model.before.weights["0"]}))
    case = next(c for c, part in data.folds.parts.items() if part == 0)
    mask = io.read_labels(out / "validation" / f"{case}.nii.gz").array
    assert np.array_equal(mask, Segmenter(alone).segment(io.read(data.path(data[case].images["CT"]))).array)


def test_what_is_learned_from_is_what_prediction_shows_the_second_network(trained, data):
    """The stored label map of a case is on the grid of its prepared image, where prediction puts it."""
    from condyle.prepare import prepare

    out, _ = trained
    plan = condyle.load(out).plan
    for case in data.cases:
        (stored,) = (out / "training" / "found" / case.id).iterdir()
        mask = io.read_labels(out / "before" / "validation" / f"{case.id}.nii.gz")
        expected = prepare([io.read(data.path(case.images["CT"]))], plan, mask).labels
        assert np.array_equal(np.load(stored), expected)


def test_the_same_command_has_nothing_left_to_do_and_more_folds_join(trained, data):
    out, _ = trained
    before = {p: p.read_bytes() for p in out.rglob("*") if p.suffix in {".safetensors", ".npy"}}
    condyle.train(data.folder, out=out, recipe=TINY)
    assert {p: p.read_bytes() for p in before} == before
    condyle.train(data.folder, out=out, recipe=TINY, fold="1")
    assert condyle.load(out).model.folds == ("0", "1")
    assert {p: p.read_bytes() for p in before} == before


def test_all_cases_take_what_other_folds_found(data, tmp_path):
    told = condyle.train(data.folder, out=tmp_path / "model", recipe=TINY, fold="all")
    assert told.scores is None
    model = condyle.load(tmp_path / "model").model
    assert (model.folds, model.before.folds) == (("all",), ("0", "1", "all"))


def test_the_coarse_network_can_be_trained_alone(data, tmp_path):
    condyle.train(data.folder, out=tmp_path / "low", recipe=replace(TINY, stage="low"))
    made = condyle.load(tmp_path / "low").model
    assert (made.plan.cascade, made.before) == ((), None)
    assert min(np.array(made.plan.spacing_mm)) > 1.8


@pytest.mark.parametrize("stage", ["low", "cascade"])
def test_stages_are_refused_where_one_network_is_enough(stage, data, tmp_path):
    with pytest.raises(ConfigError, match=r"stage.*a quarter of a scan"):
        condyle.train(data.folder, out=tmp_path / "model", recipe=replace(TINY, stage=stage, patch=(24, 20, 16)))
    assert not (tmp_path / "model").exists()


def test_a_cascade_is_gone_on_from_in_both_stages(data, trained, tmp_path):
    still = replace(TINY, iterations=1, rate=1e-9, warmup=0)
    condyle.train(data.folder, out=tmp_path / "model", recipe=still, fold="all", start=trained[0])
    begun, ended = (condyle.load(folder).model for folder in (trained[0], tmp_path / "model"))
    for one, other in ((begun, ended), (begun.before, ended.before)):
        assert other.plan == one.plan
        assert other.record["start"] == trained[0].name
        start, state = one.state("0"), other.state("all")
        assert all(torch.allclose(state[name], start[name], atol=1e-6) for name in start)


@pytest.mark.parametrize("stage", ["low", "full"])
def test_a_start_has_the_stages_that_are_asked_for(stage, data, trained, tmp_path):
    with pytest.raises(ConfigError, match="cascade, as the model to start from"):
        condyle.train(data.folder, out=tmp_path / "model", recipe=replace(TINY, stage=stage), start=trained[0])
    condyle.train(data.folder, out=tmp_path / "one", recipe=replace(TINY, stage="full", iterations=1), fold="all")
    with pytest.raises(ConfigError, match="full, as the model to start from"):
        condyle.train(data.folder, out=tmp_path / "model", recipe=TINY, start=tmp_path / "one")
    assert not (tmp_path / "model").exists()


def test_a_cascade_is_not_gone_on_from_with_other_structures(data, tmp_path):
    with pytest.raises(ConfigError, match=r"start: structures.*femur_left"):
        condyle.train(data.folder, out=tmp_path / "model", recipe=TINY, start=Path("bones"))
    assert not (tmp_path / "model").exists()


def test_the_second_network_learns_from_what_was_found(tmp_path):
    """The image is noise: whatever is right comes from the channels behind it."""
    rng = np.random.default_rng(0)
    blind = {name: ToyCase.of(rng.normal(size=case.image.shape), np.array(case.labels)) for name, case in CASES.items()}
    found = FoundBefore({name: case.labels for name, case in blind.items()}, (1, 3))
    recipe = replace(RECIPE, epochs=4, iterations=25)
    common = {"cases": blind, "patch": (8, 8, 8), "batch": 2, "table": TABLE}
    learn = Batches(**common, ids=("c0", "c1", "c2"), iterations=25, found=found)
    watch = Batches(**common, ids=("c3",), iterations=2, found=found)
    history = train(tmp_path, recipe, drawn(config(in_channels=3), 0), batches=learn, validation=watch)
    assert history.epochs[-1].mean_dice > 0.9


def test_what_was_found_moves_with_the_patch_and_sides_change_places():
    labels = np.zeros((16, 16, 16), np.int16)
    labels[3:9, 2:7, 4:12] = 1
    labels[9:15, 8:14, 4:12] = 2
    case = ToyCase.of(labels[None].astype(float), labels, (1, 2))
    table = Labels.of({"femur_left": 1, "femur_right": 2})
    mirroring = Mirroring.of(table, 2, 3)
    values = {"cases": {"a": case}, "ids": ("a",), "patch": (8, 8, 8), "batch": 1, "oversample": 1.0}
    batches = Batches(
        **values, table=torch.tensor([0, 0, 1, 2], dtype=torch.int16), augment=build("views", (8, 8, 8), mirroring),
        found=FoundBefore({"a": case.labels}, (2, 1)),
    )  # fmt: skip
    for number in range(20):
        image, target = batches.sample(0, number)
        assert image.shape == (3, 8, 8, 8)
        assert torch.equal(image[1] == 1, target == 2)
        assert torch.equal(image[2] == 1, target == 1)
    turned = replace(batches, augment=build("light", (8, 8, 8), mirroring))
    for number in range(20):
        image, target = turned.sample(0, number)
        assert torch.equal(image[1] == 1, target == 2)


def test_mistakes_are_made_as_often_as_told_and_nothing_but_labels_comes_out():
    grid = Grid((24, 24, 24), np.eye(4))
    found = np.zeros(grid.shape, np.int16)
    found[ball(grid, (8, 8, 8), 5)] = 1
    found[ball(grid, (16, 16, 16), 5)] = 4
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(400):
        spoilt = found.copy()
        for mistake in Mistakes().draw((1, 4), rng):
            mistake(spoilt)
        assert set(np.unique(spoilt)) <= {0, 1, 4}
        changed += not np.array_equal(spoilt, found)
    # Edges of at least one of two in 0.4 * 0.75 of all, parts in 0.2 * 0.75.
    assert changed / 400 == pytest.approx(1 - 0.7 * 0.85, abs=0.08)


def test_a_drawn_first_stage_errs_by_more():
    """Nothing found, other names, and bones where there are none."""
    grid = Grid((24, 24, 24), np.eye(4))
    found = np.zeros(grid.shape, np.int16)
    found[ball(grid, (8, 8, 8), 5)] = 1
    rng = np.random.default_rng(0)
    nothing = renamed = invented = 0
    kinds = Mistakes(p_edges=0, p_parts=0, p_nothing=0.2, balls=2)
    for _ in range(400):
        spoilt = found.copy()
        for mistake in kinds.draw((1, 4), rng):
            mistake(spoilt)
        assert set(np.unique(spoilt)) <= {0, 1, 4}
        nothing += not spoilt.any()
        renamed += bool((spoilt[found == 1] == 4).any())
        invented += bool((spoilt[found == 0] > 0).any())
    assert 0.15 < nothing / 400 < 0.4
    assert renamed > 20
    assert invented > 40


def test_a_ball_of_another_name_takes_no_more_than_was_found():
    found = np.zeros((20, 20, 20), np.int16)
    found[:10] = 1
    mistake_ball(found, id_=4, place=np.array([0.5, 0.5, 0.5]), radius=5.0, only=True)
    assert found[9, 10, 10] == 4
    assert found[2, 10, 10] == 1, "beyond the ball"
    assert not found[10:].any()
    mistake_ball(found, id_=2, place=np.array([0.5, 0.5, 0.5]), radius=3.0, only=False)
    assert (found == 2).sum() == pytest.approx(4 / 3 * np.pi * 27, rel=0.2)


def test_a_ball_grows_and_shrinks_by_the_radius():
    grid = Grid((30, 30, 30), np.eye(4))
    mask = ball(grid, (15, 15, 15), 8)
    assert np.array_equal(grown(mask, 3.0)[15, 15], ball(grid, (15, 15, 15), 11)[15, 15])
    assert np.array_equal(shrunk(mask, 3.0)[15, 15, :], ball(grid, (15, 15, 15), 5)[15, 15, :])
    thin = mask.copy()
    thin[15, 15, 23:29] = True
    assert not opened(thin, 2.0)[15, 15, 26]
    assert not grown(np.zeros((4, 4, 4), bool), 2.0).any()


def test_a_structure_that_grows_takes_from_its_neighbour_and_one_that_shrinks_leaves_background():
    found = np.zeros((4, 4, 20), np.int16)
    found[..., 2:8], found[..., 8:14] = 1, 2
    move_edge(found, id_=1, change=grown, radius=2.0)
    assert found[0, 0].tolist() == [1] * 10 + [2] * 4 + [0] * 6
    move_edge(found, id_=2, change=shrunk, radius=1.0)
    assert found[0, 0].tolist() == [1] * 10 + [0] + [2] * 2 + [0] * 7
    move_edge(found, id_=3, change=grown, radius=2.0)
    assert set(np.unique(found)) == {0, 1, 2}


def test_small_parts_are_forgotten_and_large_ones_are_not():
    found = np.zeros((10, 10, 10), np.int16)
    found[:5], found[8, 8, 8], found[8, 2, 2] = 1, 1, 1
    forget_part(found, id_=1, which=0.99, largest=0.15)
    assert (found[8, 2, 2], found[8, 8, 8], found[0, 0, 0]) == (1, 0, 1)
    forget_part(found, id_=1, which=0.0, largest=0.15)
    forget_part(found, id_=1, which=0.0, largest=0.15)
    assert found[:5].all()
    assert not found[5:].any()
