"""Plans: every rule on its own, nnU-Net's plans for nnU-Net's data, and no plan that cannot be trained."""

from __future__ import annotations

import json
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from condyle import io
from condyle.config import NetConfig, Plan, from_json, to_json
from condyle.data import Case, Dataset
from condyle.data.case import image_path, labels_path
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.models.nnunet.plans import read_plans
from condyle.planning import Fingerprint, Intensity, Planned, StructureFacts, fingerprint, make_plan
from condyle.planning.ends import channels, regions
from condyle.planning.families import FAMILIES, feature_maps
from condyle.planning.fit import first_patch, smaller
from condyle.planning.geometry import geometry
from condyle.planning.intensities import MOST_LEVELS, Distribution
from condyle.planning.low import coarser
from condyle.planning.quick import MOST_VOXELS, level_for_size, quick_spacing
from condyle.planning.spacing import resampled_median, target_spacing, tensor_order
from condyle.planning.topology import topology
from condyle.recipe import RECIPES, Recipe
from condyle.space import Grid, Volume, reorient
from condyle.workflow.import_ import import_
from condyle.workflow.plan import plan
from datasets import ball, small_dataset

TWO = Labels.of({"femur": 1, "hip": 2})
SEEN = Intensity(100.0, 50.0, 90.0, -20.0, 300.0, -100.0, 400.0)
CUBE = Grid((40, 40, 40), np.eye(4))


def scans(
    cases: int,
    kji: tuple[float, ...],
    spacing_kji: tuple[float, ...],
    *,
    names: tuple[str, ...] = ("CT",),
    kept: float = 1.0,
    structures: tuple[StructureFacts, ...] = (),
) -> Fingerprint:
    """The fingerprint of so many equal scans; sizes in the order k, j, i, as nnU-Net tells them."""
    k, j, i = (round(n) for n in kji)
    c, b, a = spacing_kji
    ids = tuple(f"c{n}" for n in range(cases))
    return Fingerprint(names, ids, ((i, j, k),) * cases, ((a, b, c),) * cases, kept, (SEEN,) * len(names), structures)


def dataset_of(folder: Path, scan: Any, truth: Any, grid: Grid = CUBE, labels: Labels = TWO) -> Dataset:
    """A dataset of one case."""
    case = Case("a", "a", {"CT": image_path("CT", "a")}, {"reference": labels_path("reference", "a")})
    io.write(folder / case.images["CT"], Volume(np.asarray(scan), grid))
    io.write(folder / case.label_sets["reference"], Volume(np.asarray(truth), grid))
    dataset = Dataset(folder, "one", ("CT",), labels, (case,))
    dataset.save()
    return dataset


# Intensities


def test_whole_numbers_have_their_exact_percentiles_mean_and_deviation():
    values = np.random.default_rng(0).normal(300, 200, 40_000).astype(np.int16)
    seen = Distribution.of(values).summary()
    expected = np.percentile(values, [50, 0.5, 99.5], method="inverted_cdf")
    assert (seen.median, seen.low, seen.high) == tuple(expected)
    assert seen.mean == pytest.approx(values.mean(), rel=1e-12)
    assert seen.std == pytest.approx(values.std(), rel=1e-12)
    assert (seen.min, seen.max) == (values.min(), values.max())


def test_each_case_weighs_the_same_however_large_its_structures_are():
    small, large = np.zeros(10, np.int16), np.full(10_000, 100, np.int16)
    seen = Distribution.joined([Distribution.of(small), Distribution.of(large)]).summary()
    assert (seen.mean, seen.std) == (pytest.approx(50), pytest.approx(50))


def test_many_different_values_are_joined_without_harm_even_beside_an_outlier():
    rng = np.random.default_rng(1)
    cases = [rng.normal(mean, 30, 150_000).astype(np.float32) for mean in (100, 160, 130)]
    cases[0][0] = 1e9
    merged = Distribution.of(cases[0])
    for case in cases[1:]:
        merged = Distribution.joined([merged, Distribution.of(case)])
    assert len(merged.levels) <= MOST_LEVELS
    whole = np.concatenate(cases).astype(np.float64)
    seen = merged.summary()
    assert (seen.median, seen.low, seen.high) == pytest.approx(np.percentile(whole, [50, 0.5, 99.5]), abs=0.1)
    assert seen.mean == pytest.approx(whole.mean(), rel=1e-9)
    assert seen.std == pytest.approx(whole.std(), rel=1e-9)
    assert (seen.min, seen.max) == (whole.min(), 1e9)


# What is measured


def test_a_slab_has_its_thickness_a_ball_a_third_of_its_diameter(tmp_path):
    truth = np.zeros(CUBE.shape, np.uint8)
    truth[ball(CUBE, (20, 20, 20), 15)] = 1
    facts = fingerprint(dataset_of(tmp_path / "ball", truth + 1.0, truth), "reference").structures[0]
    assert facts.volume_ml == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.01)
    assert facts.thickness_mm == pytest.approx(10, rel=0.06)
    # Made of voxels, a slab counts for 0.87 to 1.5 times its thickness, less for its rim.
    for n, normal in enumerate(([0, 0, 1], [1, 1, 1], [1, 2, 2])):
        depth = (np.stack(np.indices(CUBE.shape), -1) - 19.5) @ (np.array(normal) / np.linalg.norm(normal))
        slab = (np.abs(depth) <= 2.5).astype(np.uint8) * 2
        thick = fingerprint(dataset_of(tmp_path / str(n), slab + 1.0, slab), "reference").structures[1]
        assert 0.7 * 5 < thick.thickness_mm < 1.5 * 5


def test_the_margin_of_zeros_is_cut_and_sizes_are_those_of_the_scan_turned_to_ras(tmp_path):
    grid = Grid((10, 20, 30), np.diag([1.0, 2.0, 3.0, 1.0]))
    image, truth = np.zeros(grid.shape, np.int16), np.zeros(grid.shape, np.uint8)
    image[2:8, 5:15, :] = 7
    truth[4, 7, 3] = 1
    for n, orientation in enumerate(("RAS", "LPS", "SAR")):
        scan, mask = (reorient(Volume(a, grid), orientation) for a in (image, truth))
        seen = fingerprint(dataset_of(tmp_path / str(n), scan.array, mask.array, scan.grid), "reference")
        assert seen.shapes == ((6, 10, 30),)
        assert seen.spacings_mm[0] == pytest.approx((1, 2, 3))
        assert seen.kept == pytest.approx(0.3)
        assert seen.intensities[0].mean == 7


def test_the_ignore_id_counts_for_intensities_as_nnunet_has_it_and_is_no_structure(tmp_path):
    image, truth = np.ones(CUBE.shape, np.int16), np.zeros(CUBE.shape, np.uint8)
    truth[0, 0, 0], truth[0, 0, 1] = 1, 9
    image[0, 0, 1] = 5
    seen = fingerprint(dataset_of(tmp_path, image, truth, labels=Labels.of({"bone": 1}, ignore=9)), "reference")
    assert seen.intensities[0].mean == 3
    assert [(s.name, s.cases) for s in seen.structures] == [("bone", 1)]


def test_faults_name_the_file(tmp_path):
    truth = np.zeros(CUBE.shape, np.uint8)
    truth[1, 1, 1] = 1
    image = np.ones(CUBE.shape, np.float32)
    image[3, 3, 3] = np.nan
    with pytest.raises(DataError, match=r"images/CT/a\.nii\.gz: expected finite intensities, got 1 voxels"):
        fingerprint(dataset_of(tmp_path / "nan", image, truth), "reference")
    with pytest.raises(DataError, match=r"labels/reference/a\.nii\.gz: .*got also 7"):
        fingerprint(dataset_of(tmp_path / "id", truth + 1, truth * 7), "reference")
    with pytest.raises(DataError, match=r"images/CT/a\.nii\.gz: expected intensities other than 0"):
        fingerprint(dataset_of(tmp_path / "zero", truth * 0, truth), "reference")
    dataset = dataset_of(tmp_path / "grid", truth + 1, truth)
    io.write(
        dataset.path("labels/reference/a.nii.gz"), Volume(truth[1:], Grid((39, 40, 40), np.eye(4))), overwrite=True
    )
    with pytest.raises(DataError, match=r"labels/reference/a\.nii\.gz: expected the grid of"):
        fingerprint(dataset, "reference")


def test_nothing_labelled_is_refused_and_background_alone_names_its_cases(tmp_path):
    empty = np.zeros(CUBE.shape, np.uint8)
    dataset = dataset_of(tmp_path, empty + 1, empty)
    with pytest.raises(DataError, match="only background in a"):
        fingerprint(dataset, "reference")
    with pytest.raises(DataError, match="labelled in the set manual"):
        fingerprint(dataset, "manual")


def test_a_fingerprint_is_the_same_for_any_number_of_workers_and_travels_as_json(tmp_path):
    dataset = small_dataset(tmp_path)
    seen = fingerprint(dataset, "reference", workers=3)
    assert seen == fingerprint(dataset, "reference", workers=1)
    assert from_json(Fingerprint, json.loads(json.dumps(to_json(seen))), "here") == seen
    assert [s.name for s in seen.structures] == ["femur_left", "femur_right", "patella"]
    assert fingerprint(dataset, "reference", dataset.cases[1:]).cases == ("b", "c")


def test_cases_of_background_alone_are_named_and_do_not_count(tmp_path):
    dataset = small_dataset(tmp_path)
    path = dataset.path(dataset.cases[0].label_sets["reference"])
    io.write(path, io.read(path).with_array(np.zeros((24, 20, 16), np.uint8)), overwrite=True)
    seen = fingerprint(dataset, "reference")
    assert seen.empty == ("a",)
    assert {s.cases for s in seen.structures} == {2}
    assert "only background in a" in str(make_plan(seen, dataset.labels, Recipe()).reasons[1])


def test_a_fingerprint_that_contradicts_itself_is_refused():
    seen = scans(2, (10, 10, 10), (1, 1, 1))
    with pytest.raises(ConfigError, match="one case or more"):
        replace(seen, shapes=())
    with pytest.raises(ConfigError, match="one a channel"):
        replace(seen, intensities=())


# Spacing and axes


def test_the_target_is_the_median_and_across_thick_slices_the_tenth_percentile():
    spacings = np.array([[n, 0.5, 0.5] for n in range(2, 13)], float)
    shapes = np.array([[20, 200, 200]] * 11, float)
    assert target_spacing(spacings, shapes).tolist() == [3, 0.5, 0.5]
    many_slices = np.array([[100, 200, 200]] * 11, float)
    assert target_spacing(spacings, many_slices).tolist() == [7, 0.5, 0.5]
    spacings[:3, 0] = 0.2
    assert target_spacing(spacings, shapes)[0] == pytest.approx(0.50001)


def test_the_coarsest_axis_comes_first_the_first_of_equal_ones_and_a_single_slice_before_all():
    shape = np.array([10.0, 10, 10])
    assert tensor_order(np.array([1.0, 3, 2]), shape) == (1, 0, 2)
    assert tensor_order(np.array([1.0, 1.0000001, 1]), shape) == (0, 1, 2)
    assert tensor_order(np.array([1.0, 3, 2]), np.array([10.0, 10, 1])) == (2, 0, 1)


def test_sizes_are_the_median_of_the_resampled_ones():
    spacings, shapes = np.array([[1.0, 1, 1], [2, 1, 1]]), np.array([[10.0, 11, 12], [11, 11, 12]])
    assert resampled_median(spacings, shapes, np.array([2.0, 1, 1])).tolist() == [8, 11, 12]


def test_the_first_stage_coarsens_fine_axes_until_they_are_within_a_factor_of_two():
    assert coarser(np.array([3.0, 1, 1])).tolist() == pytest.approx([3.0, 1.03, 1.03])
    assert coarser(np.array([1.5, 1, 1])).tolist() == pytest.approx([1.545, 1.03, 1.03])


# Stages, patch, batch


def test_thick_slices_are_halved_and_mixed_late():
    found = topology((5.0, 0.6, 0.6), (20, 320, 256))
    assert found.strides == ((1, 1, 1), *((1, 2, 2),) * 3, *((2, 2, 2),) * 2, (1, 2, 2))
    assert found.kernels == (*((1, 3, 3),) * 3, *((3, 3, 3),) * 4)
    assert (found.divisor, found.patch) == ((4, 64, 64), (20, 320, 256))


def test_a_lone_axis_is_halved_only_if_three_edges_are_left_and_sizes_are_rounded_up():
    assert topology((1, 1), (7, 11)).divisor == (1, 1)
    assert topology((1, 1), (7, 12)).divisor == (1, 2)
    assert topology((1, 1, 1), (40, 94.5, 90)).patch == (40, 96, 96)
    assert len(topology((1, 1, 1), (96, 96, 96), most_stages=3).strides) == 3


def test_feature_maps_are_those_that_nnunet_names_for_its_reference_networks():
    for dim, edge, most, stages, maps in ((3, 128, 320, 6, 558_319_104), (2, 512, 512, 7, 129_793_792)):
        net = NetConfig(
            kind="residual_unet", dim=dim, in_channels=1, out_channels=3,
            features=tuple(min(most, 32 * 2**n) for n in range(stages)), kernels=((3,) * dim,) * stages,
            strides=((1,) * dim, *((2,) * dim,) * (stages - 1)), blocks=(1, 3, 4, 6, 6, 6, 6)[:stages],
            decoder_blocks=(1,) * (stages - 1),
        )  # fmt: skip
        # Theirs is with the heads of deep supervision, which planning leaves out.
        coarse_heads = sum(3 * (edge >> n) ** dim for n in range(1, stages - 1))
        assert feature_maps(net, (edge,) * dim) == maps - coarse_heads


def test_the_first_patch_has_the_scans_aspect_and_is_no_larger_than_the_median_scan():
    assert first_patch((1.0, 1.0, 1.0), (300, 100.5, 400)) == (256, 100.5, 256)
    assert first_patch((4.0, 1.0, 1.0), (300, 800, 800)) == (102, 406, 406)
    assert first_patch((1.0, 1.0, 1.0), (5, 6, 7)) == (12, 12, 12)


def test_a_patch_shrinks_along_the_axis_that_is_largest_beside_the_scan_the_last_of_equal_ones():
    assert smaller((128, 128, 128), (32, 32, 32), (1, 1, 1), (128, 128, 128)) == (128, 128, 112)
    assert smaller((128, 128, 128), (32, 32, 32), (1, 1, 1), (100, 128, 128)) == (112, 128, 128)
    # 256 - 64 = 192 would skip 224, which a network halves less often.
    assert smaller((256, 64), (64, 16), (1, 1), (128, 64)) == (224, 64)


#: What nnunetv2 2.8.1 plans for so many equal scans of one channel CT and two structures.
THEIRS = [
    # cases, shape and spacing k j i, network, GB; 3D patch, batch, divisor; 2D patch and batch
    (62, (199, 93, 133), (1.0, 1.0, 1.0), "plain", 8, (192, 96, 128), 2, (32, 16, 32), (96, 144), 240),
    (62, (199, 93, 133), (1.0, 1.0, 1.0), "resenc-m", 8, (192, 96, 128), 2, (32, 16, 32), (96, 144), 244),
    (20, (512, 300, 300), (0.8, 0.7, 0.7), "plain", 8, (192, 112, 112), 2, (32, 16, 16), (320, 320), 32),
    (30, (20, 320, 300), (5.0, 0.6, 0.6), "plain", 8, (20, 320, 256), 2, (4, 64, 64), (320, 320), 28),
    (30, (20, 320, 300), (5.0, 0.6, 0.6), "resenc-l", 24, (20, 320, 320), 4, (4, 64, 64), (320, 320), 90),
    (12, (60, 40, 9), (1.5, 1.0, 4.0), "plain", 4, (10, 64, 40), 2, (2, 8, 8), (64, 40), 5),
]


@pytest.mark.parametrize(
    ("cases", "shape", "spacing", "network", "gb", "patch", "batch", "divisor", "flat", "many"), THEIRS
)
def test_plans_are_nnunets(*, cases, shape, spacing, network, gb, patch, batch, divisor, flat, many):
    seen, recipe = scans(cases, shape, spacing), Recipe(network=network, memory_gb=gb)
    made = make_plan(seen, TWO, recipe)
    assert (made.plan.patch, made.plan.batch, made.plan.net.divisor) == (patch, batch, divisor)
    slices = make_plan(seen, TWO, replace(recipe, dim=2))
    assert (slices.plan.patch, slices.plan.batch) == (flat, many)
    assert slices.plan.spacing_mm[0] is None
    assert slices.batch_dice
    assert made.batch_dice is (made.low is not None)


def test_a_cascade_is_nnunets_too():
    made = make_plan(scans(20, (512, 300, 300), (0.8, 0.7, 0.7)), TWO, Recipe())
    assert made.low is not None
    assert made.cascade is not None
    assert made.low.spacing_mm == pytest.approx((1.3619464489919237, 1.1917031428679332, 1.1917031428679332), rel=1e-12)
    assert (made.low.patch, made.low.batch) == ((192, 112, 112), 2)
    assert (made.cascade.cascade, made.cascade.net.in_channels) == ((1, 2), 3)
    assert replace(made.cascade, cascade=(), net=made.plan.net) == made.plan
    assert made.batch_dice
    assert not made.low_batch_dice
    assert any(r.what == "first stage" for r in made.reasons)


def configuration(made: Planned, name: str) -> Plan:
    found = {"2d": made.plan, "3d_fullres": made.plan, "3d_lowres": made.low, "3d_cascade_fullres": made.cascade}[name]
    assert found is not None
    return found


@pytest.mark.parametrize(("which", "name"), [("ct", "Dataset701_CtBones"), ("mr", "Dataset702_MrAniso")])
def test_the_reference_datasets_are_planned_as_nnunet_planned_them(shared_nnunet, tmp_path, which, name):
    import_([shared_nnunet / which / "raw" / name], tmp_path / "data")
    dataset = Dataset.open(tmp_path / "data")
    seen = fingerprint(dataset, "reference")
    table = json.loads((shared_nnunet / which / "raw" / name / "dataset.json").read_text())
    for file, network, gb in (("", "plain", 8), ("ResEncUNetM", "resenc-m", 8), ("ResEncUNetL", "resenc-l", 24)):
        plans = json.loads((shared_nnunet / which / "default_plans" / f"nnUNet{file}Plans.json").read_text())
        for key in plans["configurations"]:
            theirs, _ = read_plans(plans, table, key, "plans")
            recipe = Recipe(network=network, dim=2 if key == "2d" else 3, memory_gb=gb)
            made = make_plan(seen, dataset.labels, recipe)
            ours = configuration(made, key)
            for field in ("net", "patch", "batch", "axes", "regions", "crop_nonzero", "separate", "cascade"):
                assert getattr(ours, field) == getattr(theirs, field), (file, key, field)
            assert ours.spacing_mm[1:] == pytest.approx(theirs.spacing_mm[1:], rel=1e-6)
            assert (ours.spacing_mm[0] or 0) == pytest.approx(theirs.spacing_mm[0] or 0, rel=1e-6)
            assert made.batch_dice is plans["configurations"][key]["batch_dice"]
            for a, b in zip(ours.channels, theirs.channels, strict=True):
                assert (a.name, a.normalize, a.nonzero_only) == (b.name, b.normalize, b.nonzero_only)
    # nnU-Net draws 1e8 voxels: its mean and deviation are good to 1e-4 of the deviation, percentiles to 1e-3.
    for n, ours_seen in enumerate(seen.intensities):
        drawn = plans["foreground_intensity_properties_per_channel"][str(n)]
        assert (ours_seen.mean, ours_seen.std) == pytest.approx((drawn["mean"], drawn["std"]), abs=1e-4 * drawn["std"])
        ends = (drawn["percentile_00_5"], drawn["median"], drawn["percentile_99_5"])
        assert (ours_seen.low, ours_seen.median, ours_seen.high) == pytest.approx(ends, abs=1e-3 * drawn["std"])
        assert (ours_seen.min, ours_seen.max) == (drawn["min"], drawn["max"])


@settings(max_examples=60, deadline=None)
@example(shape=(56, 317, 340), spacing=(0.4, 3.0, 3.0), network="resenc-m", dim=3, cases=1, gb=4.0)
@given(
    shape=st.tuples(*[st.integers(3, 400)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.4, 0.7, 1.0, 1.5, 3.0, 6.0])] * 3),
    network=st.sampled_from([*FAMILIES, "quick"]),
    dim=st.sampled_from([2, 3]),
    cases=st.integers(1, 50),
    gb=st.sampled_from([4.0, 8.0, 24.0]),
)
def test_every_plan_can_be_trained(*, shape, spacing, network, dim, cases, gb):
    facts = (StructureFacts("femur", cases, 10.0, 4.0), StructureFacts("hip", 0, 0.0, 0.0))
    seen = scans(cases, shape, spacing, structures=facts)
    made = make_plan(seen, TWO, Recipe(network=network, dim=dim, memory_gb=gb))
    for one in (made.plan, made.low, made.cascade):
        if one is not None:
            assert all(p % d == 0 for p, d in zip(one.patch, one.net.divisor, strict=True))
            assert len(one.net.features) >= 2
            assert one.batch >= 2
    # A batch is a rounded number: up to half a patch more than fits may come with it.
    assert made.memory_gb <= gb * made.plan.batch / (made.plan.batch - 0.5)
    assert sorted(made.plan.axes) == [0, 1, 2]
    assert from_json(Planned, json.loads(json.dumps(to_json(made))), "here") == made
    if network == "quick":
        native = make_plan(seen, TWO, Recipe(network="plain", dim=dim)).plan.spacing_mm
        coarse = zip(made.plan.spacing_mm, native, strict=True)
        assert all(a is None or b is None or a >= b for a, b in coarse)


# Normalisation and outputs


def test_ct_is_normalised_by_the_dataset_all_else_by_the_scan_and_inside_the_body_where_much_was_cut():
    names = ("ct", "T1", "noNorm", "rescale_to_0_1", "rgb_to_0_1")
    kinds = [(c.normalize, c.nonzero_only) for c in channels(scans(1, (9, 9, 9), (1, 1, 1), names=names, kept=0.7))]
    assert kinds == [("ct", False), ("zscore", True), ("none", False), ("rescale", False), ("rgb", False)]
    ct, t1, *_ = channels(scans(1, (9, 9, 9), (1, 1, 1), names=names, kept=0.75))
    assert (ct.mean, ct.std, ct.low, ct.high) == (100, 50, -20, 300)
    assert not t1.nonzero_only


def test_outputs_are_classes_or_the_tables_regions_or_for_bce_each_structure():
    seen = scans(3, (60, 60, 60), (1, 1, 1))
    plain = make_plan(seen, TWO, Recipe())
    assert (plain.plan.net.out_channels, plain.plan.regions) == (3, ())
    joined = Labels.of({"cortical": 1, "marrow": 2}, ignore=3, regions={"bone": (1, 2)})
    made = make_plan(seen, joined, Recipe()).plan
    assert [(r.name, r.ids, r.paint) for r in made.regions] == [
        ("bone", (1, 2), 1),
        ("cortical", (1,), 1),
        ("marrow", (2,), 2),
    ]
    assert made.net.out_channels == 3
    single = regions(Labels.of({"bone": 1}), RECIPES["knee-unet3d"])
    assert [(r.name, r.ids, r.paint) for r in single] == [("bone", (1,), 1)]
    with pytest.raises(ConfigError, match="a structure to find"):
        make_plan(seen, Labels(()), Recipe())


# The recipe's own choices


@pytest.mark.parametrize("name", RECIPES)
def test_every_named_recipe_gives_a_plan_with_a_network_that_can_be_built(name):
    import torch

    from condyle.nets.build import build

    made = make_plan(scans(8, (120, 100, 110), (1.0, 1.0, 1.0)), TWO, RECIPES[name])
    with torch.device("meta"):
        build(made.plan.net)
    assert made.plan.net.dim == RECIPES[name].dim
    assert RECIPES[name].batch in {0, made.plan.batch}
    if RECIPES[name].pictures == "scans":
        every = tuple(range(RECIPES[name].dim))
        assert made.plan.mirror == {"off": (), "sides": every[-1:]}.get(RECIPES[name].mirror, every)


def test_spacing_patch_batch_width_and_dice_of_a_recipe_go_before_the_planners():
    seen = scans(20, (300, 300, 300), (1.0, 1.0, 1.0))
    recipe = Recipe(spacing_mm=(2.0, 1.0, 1.0), patch=(60, 90, 100), batch=5, features=8, batch_dice=True, mirror="off")
    made = make_plan(seen, TWO, recipe)
    assert made.plan.spacing_mm == (2, 1, 1)
    assert made.plan.axes == (2, 1, 0)
    assert made.plan.patch == (64, 96, 112)
    assert (made.plan.batch, made.plan.net.features[:2]) == (5, (8, 16))
    assert (made.batch_dice, made.low_batch_dice, made.plan.mirror) == (True, True, ())
    told = {r.what: str(r) for r in made.reasons}
    assert "rounded up to what the network can halve" in told["patch"]
    assert "the recipe's choice" in told["batch"]
    sagittal = make_plan(seen, TWO, replace(recipe, spacing_mm=(1.0, 1.0, 3.0)))
    assert (sagittal.plan.axes, sagittal.plan.spacing_mm) == ((0, 2, 1), (3, 1, 1))
    slices = make_plan(seen, TWO, Recipe(dim=2, spacing_mm=(2.0, 1.0, 1.0), network="resenc-m"))
    assert slices.plan.spacing_mm == (2, 1, 1)
    wide = make_plan(seen, TWO, Recipe(batch=40))
    assert "more than the 8 GB of the recipe" in str(wide.reasons[-1])


def test_published_networks_keep_their_shape_and_take_the_recipes_patch_and_width():
    seen = scans(8, (120, 100, 110), (1.0, 1.0, 1.0))
    vnet = make_plan(seen, TWO, replace(RECIPES["abdomen-vnet"], patch=(60, 100, 100), features=8))
    assert vnet.plan.patch == (64, 112, 112)
    assert vnet.plan.net.features == (8, 16, 32, 64, 128)
    bare = make_plan(seen, TWO, Recipe(network="resnet34", dim=2))
    assert (bare.plan.patch, bare.plan.batch) == ((256, 256), 16)
    with pytest.raises(ConfigError, match=r"network vnet: expected dim 3.*Give dim 3"):
        make_plan(seen, TWO, Recipe(network="vnet", dim=2))
    with pytest.raises(ConfigError, match="fixed width"):
        make_plan(seen, TWO, Recipe(network="resnet34", dim=2, features=32))


def test_single_slices_need_two_dimensions_and_what_cannot_fit_is_refused():
    flat = scans(5, (1, 200, 200), (1.0, 1.0, 1.0))
    with pytest.raises(ConfigError, match="single slice"):
        make_plan(flat, TWO, Recipe())
    made = make_plan(flat, TWO, Recipe(dim=2))
    assert (made.plan.axes, made.plan.patch) == ((2, 1, 0), (224, 224))
    with pytest.raises(ConfigError, match=r"memory_gb: expected .* GB or more"):
        make_plan(scans(5, (100, 100, 100), (1.0, 1.0, 1.0)), TWO, Recipe(memory_gb=1e-5))


# The quick network


def test_the_quick_grid_holds_the_scan_in_few_voxels_and_leaves_coarse_axes_alone():
    for target, shape in (((1.0, 1.0, 1.0), (300.0, 300, 300)), ((5.0, 0.5, 0.5), (40.0, 512, 512))):
        mm, voxels = np.array(target), np.array(shape)
        level = level_for_size(mm, voxels)
        assert prod((mm * voxels / np.maximum(mm, level)).tolist()) == pytest.approx(MOST_VOXELS)
    assert level_for_size(np.ones(3), np.full(3, 50.0)) == 1
    assert quick_spacing(np.array([5.0, 0.5, 0.5]), np.array([40.0, 512, 512]), ())[0] == 5


def test_the_quick_grid_keeps_the_thinnest_structure_and_never_refines():
    seen = scans(4, (400, 400, 400), (1.0, 1.0, 1.0), structures=(StructureFacts("femur", 4, 5.0, 3.0),))
    made = make_plan(seen, TWO, RECIPES["quick"])
    assert made.plan.spacing_mm == (1.5, 1.5, 1.5)
    thin = replace(seen, structures=(StructureFacts("femur", 4, 5.0, 0.5),))
    assert make_plan(thin, TWO, RECIPES["quick"]).plan.spacing_mm == (1, 1, 1)
    assert make_plan(thin, TWO, replace(RECIPES["quick"], spacing_mm=(3.0, 3.0, 3.0))).plan.spacing_mm == (3, 3, 3)


def test_the_quick_network_is_small_and_sees_most_of_a_scan():
    made = make_plan(scans(4, (300, 300, 300), (1.0, 1.0, 1.0)), TWO, RECIPES["quick"])
    assert (made.plan.batch, made.low) == (2, None)
    assert made.plan.net.features == (16, 32, 64, 128, 128)
    assert made.memory_gb < 0.5
    assert prod(made.plan.patch) > 0.5 * MOST_VOXELS


# The verb


def test_the_verb_says_why_and_writes_a_plan_that_can_be_read(tmp_path):
    small_dataset(tmp_path / "data")
    shown = plan(tmp_path / "data", recipe=RECIPES["quick"], out=tmp_path / "plan.json")
    text = str(shown)
    for word in ("spacing", "mm", "patch", "voxels", "batch", "memory", "parameters", "million", "reference"):
        assert word in text
    content = json.loads((tmp_path / "plan.json").read_text())
    assert from_json(Planned, content["planned"], "plan.json") == shown.planned
    assert from_json(Fingerprint, content["fingerprint"], "plan.json") == shown.fingerprint
    assert content["parameters"] == shown.parameters > 1e5
    with pytest.raises(DataError, match="--overwrite"):
        plan(tmp_path / "data", out=tmp_path / "plan.json")


def test_where_there_are_several_label_sets_one_must_be_named(tmp_path):
    dataset = small_dataset(tmp_path)
    case = dataset.cases[0]
    dataset.with_case(case.with_label_set("automatic", case.label_sets["reference"])).save()
    with pytest.raises(ConfigError, match="expected one of automatic, reference, got no choice"):
        plan(tmp_path)
    assert plan(tmp_path, label_set="automatic").fingerprint.cases == ("a",)
    with pytest.raises(ConfigError, match="got manual"):
        plan(tmp_path, label_set="manual")


def test_a_geometry_on_another_spacing_keeps_its_axes():
    native = geometry(scans(2, (20, 100, 90), (5.0, 1.0, 1.0)), Recipe())
    assert native.at(scans(2, (20, 100, 90), (5.0, 1.0, 1.0)), np.array([5.0, 2, 2])).shape.tolist() == [20, 50, 45]
