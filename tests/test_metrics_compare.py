"""Scores of pairs of label maps: counts, status, geometry, invariances, bad input."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.metrics import Score, compare
from condyle.metrics.compare import MetricSettings
from condyle.metrics.overlap import Overlap, confusion
from condyle.metrics.parts import count_parts, euler_number
from condyle.metrics.status import diagonal_mm
from condyle.space import Grid, Volume, crop, flip, pad, permute
from condyle.space.crop import Box
from metric_bodies import grid_of, mask, shell
from solids import ball, drawn, torus

LABELS = Labels.of({"femur": 1, "tibia": 2}, regions={"bone": (1, 2)})
GRID = grid_of(11, (1, 1, 2), (11, -17, 24))
REFERENCE = drawn(GRID, ball((-5, 0, 0), 4), ball((4, 1, 0), 5))
PREDICTION = drawn(GRID, ball((-5, 1, 0), 4.5), ball((4, 1, 1), 4))


def close(a: Score, b: Score, *, but: tuple[str, ...] = (), rel: float = 1e-6) -> None:
    """Every number of both rows is the same."""
    for name, value in a.to_json().items():
        if name not in (*but, "structure"):
            other = getattr(b, name)
            assert other == (pytest.approx(value, rel=rel, abs=1e-6) if isinstance(value, float) else value), name


def test_counts_give_the_textbook_scores():
    overlap = Overlap(tp=60, fp=20, fn=40, tn=880)
    assert overlap.dice == pytest.approx(120 / 180)
    assert overlap.iou == pytest.approx(60 / 120)
    assert overlap.sensitivity == pytest.approx(0.6)
    assert overlap.specificity == pytest.approx(880 / 900)
    assert overlap.precision == pytest.approx(0.75)
    assert overlap.accuracy == pytest.approx(0.94)
    assert overlap.volume_similarity == pytest.approx(1 - 20 / 180)


def test_one_pass_counts_every_structure_and_region():
    rng = np.random.default_rng(0)
    a, b = (rng.choice([0, 1, 2, 700], (9, 8, 7)).astype(np.uint16) for _ in range(2))
    counts = confusion(a, np.asfortranarray(b))
    for ids in ((1,), (2,), (700,), (1, 700), (5,)):
        x, y = np.isin(a, ids), np.isin(b, ids)
        assert counts.overlap(ids) == Overlap(
            int((x & y).sum()), int((~x & y).sum()), int((x & ~y).sum()), int((~x & ~y).sum())
        )


def test_the_background_that_is_cropped_away_still_counts():
    row = compare(REFERENCE, PREDICTION, LABELS)["femur"]
    a, b = REFERENCE.array == 1, PREDICTION.array == 1
    assert row.specificity == (~a & ~b).sum() / (~a).sum()
    assert row.accuracy == (a == b).mean()


def test_a_region_is_scored_as_the_union_of_its_structures():
    joined = [v.with_array((v.array > 0).astype(np.uint8)) for v in (REFERENCE, PREDICTION)]
    close(compare(REFERENCE, PREDICTION, LABELS)["bone"], compare(*joined)["label_1"])


def test_a_missed_structure_has_dice_0_and_no_distance():
    nothing = PREDICTION.with_array(np.where(PREDICTION.array == 2, 0, PREDICTION.array))
    row = compare(REFERENCE, nothing, LABELS)["tibia"]
    assert (row.status, row.dice, row.assd_mm, row.hd95_mm) == ("missed", 0, None, None)
    assert row.assd_penalised_mm == row.hd95_penalised_mm == pytest.approx(diagonal_mm(GRID))
    limited = compare(REFERENCE, nothing, LABELS, settings=MetricSettings(limit_mm=30))["tibia"]
    assert limited.assd_penalised_mm == 30


def test_a_false_alarm_and_an_absent_structure_are_told_apart():
    labels = Labels.of({"femur": 1, "tibia": 2, "patella": 3})
    nothing = REFERENCE.with_array(np.where(REFERENCE.array == 2, 0, REFERENCE.array))
    table = compare(nothing, PREDICTION, labels)
    assert (table["tibia"].status, table["tibia"].dice, table["tibia"].assd_mm) == ("false_alarm", 0, None)
    absent = table["patella"]
    assert (absent.status, absent.dice, absent.assd_mm, absent.assd_penalised_mm) == ("absent", None, None, None)


def test_two_empty_maps_give_rows_without_scores():
    empty = REFERENCE.with_array(np.zeros(GRID.shape, np.uint8))
    assert [row.status for row in compare(empty, empty, LABELS)] == ["absent"] * 3
    assert len(compare(empty, empty)) == 0


def test_touching_structures_are_measured_each_on_its_own():
    grid = grid_of(12, (1, 1, 1))
    left = drawn(grid, lambda x: x[..., 0], lambda x: np.full(x.shape[:-1], -1.0))
    moved = drawn(grid, lambda x: x[..., 0] - 2, lambda x: np.full(x.shape[:-1], -1.0))
    for row in compare(left, moved):
        assert row.assd_mm == pytest.approx(2, rel=0.02)
        assert row.cut


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (np.diag([1, 1, 1.5, 1.0]), "spacing"),
        (np.array([[1, 0, 0, 50.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "origin"),
        (np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "direction"),
    ],
)
def test_grids_that_differ_are_refused_by_name(change: np.ndarray, word: str):
    moved = Volume.of(PREDICTION.array, change @ PREDICTION.affine)
    with pytest.raises(DataError, match=word) as raised:
        compare(REFERENCE, moved)
    assert str(REFERENCE.grid) in str(raised.value)


def test_shapes_that_differ_are_refused_and_resampled_when_asked():
    cut = crop(PREDICTION, Box((1, 1, 1), (21, 21, 10)))
    with pytest.raises(DataError, match="shape"):
        compare(REFERENCE, cut)
    row = compare(REFERENCE, cut, LABELS, resample=True)["femur"]
    assert row.dice == pytest.approx(compare(REFERENCE, PREDICTION, LABELS)["femur"].dice, abs=1e-3)


def test_a_prediction_with_its_axes_in_another_order_is_turned():
    turned = flip(permute(PREDICTION, (2, 0, 1)), [0, 2])
    close(compare(REFERENCE, turned, LABELS)["femur"], compare(REFERENCE, PREDICTION, LABELS)["femur"])


def test_ignored_voxels_enter_no_score():
    labels = Labels.of({"femur": 1, "tibia": 2}, ignore=9)
    reference = REFERENCE.with_array(REFERENCE.array.copy())
    reference.array[PREDICTION.array == 2] = 9
    row = compare(reference, PREDICTION, labels)["femur"]
    assert row.dice == compare(REFERENCE, PREDICTION, labels)["femur"].dice
    assert compare(reference, PREDICTION, labels)["tibia"].prediction_ml == 0


@settings(max_examples=8, deadline=None)
@given(
    axes=st.permutations([0, 1, 2]),
    flips=st.lists(st.sampled_from([0, 1, 2]), unique=True),
    before=st.tuples(*[st.integers(0, 5)] * 3),
    factor=st.sampled_from([0.5, 2.0, 10.0]),
)
def test_scores_do_not_depend_on_how_the_voxels_are_stored(
    axes: list[int], flips: list[int], before: tuple[int, int, int], factor: float
):
    here = compare(REFERENCE, PREDICTION, LABELS)["tibia"]
    turned = [flip(permute(v, (axes[0], axes[1], axes[2])), flips) for v in (REFERENCE, PREDICTION)]
    close(here, compare(*turned, LABELS)["tibia"])
    # More empty space around: only what counts the background changes, and the diagonal.
    padded = [pad(v, before, (1, 0, 2)) for v in (REFERENCE, PREDICTION)]
    close(here, compare(*padded, LABELS)["tibia"], but=("specificity", "accuracy"))
    renamed = [v.with_array((v.array * 7).astype(np.uint8)) for v in (REFERENCE, PREDICTION)]
    close(here, compare(*renamed, Labels.of({"tibia": 14, "femur": 7}))["tibia"])
    # Another unit of length: lengths, areas and volumes follow.
    scaled = [Volume.of(v.array, np.diag([factor] * 3 + [1]) @ v.affine) for v in (REFERENCE, PREDICTION)]
    there = compare(*scaled, LABELS)["tibia"]
    assert there.dice == here.dice
    assert there.assd_mm == pytest.approx(here.assd_mm * factor, rel=1e-6)
    assert there.hd95_mm == pytest.approx(here.hd95_mm * factor, rel=1e-6)
    assert there.reference_ml == pytest.approx(here.reference_ml * factor**3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), smooth=st.floats(0.8, 2))
def test_swapping_the_arguments_swaps_what_has_a_side_and_nothing_else(seed: int, smooth: float):
    rng = np.random.default_rng(seed)
    maps = [gaussian_filter(rng.normal(size=(14, 12, 10)), smooth) > 0.02 for _ in range(2)]
    a, b = (Volume.of(m.astype(np.uint8), np.diag([1, 1, 2, 1.0])) for m in maps)
    there, back = compare(a, b)["label_1"], compare(b, a)["label_1"]
    for name in ("dice", "iou", "assd_mm", "hd95_mm", "hd_mm", "median_mm", "surface_dice", "volume_similarity"):
        assert getattr(there, name) == pytest.approx(getattr(back, name)), name
    assert there.sensitivity == back.precision
    assert there.from_reference_mm == back.from_prediction_mm
    assert there.volume_error_ml == -back.volume_error_ml


def test_unknown_ids_are_refused_with_the_table_told():
    with pytest.raises(DataError, match="1 femur") as raised:
        compare(REFERENCE, PREDICTION, Labels.of({"femur": 1}))
    assert "also 2" in str(raised.value)


def test_an_unknown_structure_is_refused():
    with pytest.raises(ConfigError, match="patella"):
        compare(REFERENCE, PREDICTION, LABELS, structures=("patella",))


@pytest.mark.parametrize("bad", [np.nan, -1.0, 0.5, 1e6])
def test_values_that_are_no_ids_are_refused(bad: float):
    array = PREDICTION.array.astype(np.float32)
    array[3, 3, 3] = bad
    with pytest.raises(DataError, match="prediction"):
        compare(REFERENCE, PREDICTION.with_array(array))


def test_an_image_is_no_label_map():
    image = np.arange(2000, dtype=np.uint16).reshape(20, 10, 10)
    volume = Volume.of(image, np.eye(4))
    with pytest.raises(DataError, match="ids"):
        compare(volume, volume)


def test_one_voxel_against_another_is_measured():
    arrays = [np.zeros((12, 12, 12), np.uint8) for _ in range(2)]
    arrays[0][3, 3, 3] = arrays[1][6, 7, 3] = 1
    row = compare(*(Volume.of(array, np.eye(4)) for array in arrays))["label_1"]
    assert (row.status, row.dice, row.reference_parts, row.reference_euler) == ("both", 0, 1, 1)
    assert row.assd_mm == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize("kind", ["noise", "islands"])
def test_noise_and_sixty_thousand_islands_are_measured_in_time(kind: str):
    rng = np.random.default_rng(0)
    if kind == "noise":
        arrays = [(rng.random((64, 64, 64)) > 0.5).astype(np.uint8) for _ in range(2)]
    else:
        arrays = [np.zeros((80, 80, 80), np.uint8) for _ in range(2)]
        for array, start in zip(arrays, (0, 1), strict=True):
            array[start::2, start::2, start::2] = 1
    began = time.monotonic()
    row = compare(*(Volume.of(array, np.eye(4)) for array in arrays))["label_1"]
    assert time.monotonic() - began < 30
    assert row.assd_mm is not None
    assert 0 < row.assd_mm < 3
    if kind == "islands":
        assert row.reference_parts == 64_000


@pytest.mark.parametrize(
    ("body", "parts", "cavities", "handles"),
    [(ball((0, 0, 0), 8), 1, 0, 0), (shell(4, 9), 1, 1, 0), (torus(8, 3), 1, 0, 1)],
    ids=["ball", "shell", "torus"],
)
def test_euler_numbers_count_parts_cavities_and_handles(body, parts: int, cavities: int, handles: int):
    drawn_mask = mask(grid_of(13, (1, 1, 1)), body)
    assert count_parts(drawn_mask) == parts
    assert euler_number(drawn_mask) == parts + cavities - handles


def test_the_euler_number_is_that_of_scikit_image():
    from skimage.measure import euler_number as theirs

    noise = np.random.default_rng(1).random((12, 11, 10)) > 0.5
    assert euler_number(noise) == theirs(noise, connectivity=1)


def test_json_has_every_score_by_name():
    row = compare(REFERENCE, PREDICTION, LABELS).to_json()["femur"]
    assert {"status", "dice", "assd_mm", "hd95_mm", "cut"} <= set(row)


def test_overlap_alone_measures_no_surface():
    row = compare(REFERENCE, PREDICTION, LABELS, settings=MetricSettings(overlap_only=True))["femur"]
    assert row.assd_mm is row.assd_penalised_mm is None
    assert row.dice is not None


@pytest.mark.parametrize(
    "bad",
    [
        *({"tolerance_mm": bad} for bad in (-1, np.nan, np.inf)),
        *({"limit_mm": bad} for bad in (0, np.nan, np.inf)),
        *({"sigma_voxels": bad} for bad in (9, np.nan)),
    ],
)
def test_senseless_settings_are_refused(bad: dict[str, float]):
    with pytest.raises(ConfigError):
        MetricSettings(**bad)


def test_a_single_slice_is_measured_in_its_plane():
    grid = Grid((40, 40, 1), np.diag([1, 1, 5, 1.0]))
    volumes = [
        Volume(mask(grid, lambda x, r=r: np.hypot(x[..., 0] - 20.2, x[..., 1] - 19.7) - r).astype(np.uint8), grid)
        for r in (10, 12)
    ]
    row = compare(*volumes)["label_1"]
    assert row.assd_mm == pytest.approx(2, rel=0.04)
    assert not row.cut
