"""What may be asked for beside the label map, and where and how the model is to look."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import condyle
from condyle import models
from condyle.config import Region
from condyle.errors import ConfigError, DataError
from condyle.io import read, read_labels, write
from condyle.space import ORIENTATIONS, Box, Volume, reorient
from condyle.workflow.segmentation.segmenter import PredictSettings, Segmenter
from models_made import model as random_model
from models_made import net, plan
from segment_models import LABELS, knee_labels, knee_scan, pointwise_model


def asked(scan: Volume, made=None, **settings):
    return Segmenter(made or pointwise_model(), PredictSettings(**settings)).answer(scan)


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(axis=0))
    return e / e.sum(axis=0)


def lines(x: np.ndarray) -> np.ndarray:
    """The scores of the pointwise model."""
    return np.stack([0 * x, x - 1, 2 * x - 4])


def test_probabilities_are_those_of_the_scores():
    scan = knee_scan()
    answer = asked(scan, probabilities=True)
    assert answer.probabilities == pytest.approx(softmax(lines(scan.array)), abs=1e-5)
    assert np.array_equal(answer.labels.array, knee_labels(scan))
    assert asked(scan).probabilities is None


def test_probabilities_and_masks_do_not_depend_on_what_lies_on_disk(tmp_path):
    scan = knee_scan((40, 30, 30))
    free = asked(scan, probabilities=True, batch=3)
    tight = asked(scan, probabilities=True, batch=3, max_memory_gib=free.need.peak_gib - 1e-4, scratch=tmp_path)
    assert tight.need.probabilities_on_disk
    assert np.array_equal(free.probabilities, tight.probabilities)
    assert np.array_equal(free.labels.array, tight.labels.array)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "settings", [{"batch": 1}, {"batch": 3}, {"step": 0.3}, {"step": 1.0}, {"max_memory_gib": 0.61}]
)
def test_blocks_of_any_size_give_the_same_labels(settings):
    scan = knee_scan((21, 17, 13), (1.3, 0.8, 1.1))
    assert np.array_equal(asked(scan, **settings).labels.array, asked(scan, batch=2, step=0.5).labels.array)


def test_regions_have_probabilities_of_their_own():
    regions = (Region("bone", (1, 2), 1), Region("tibia", (2,), 2))
    made = pointwise_model(((1.0,), (1.0,)), (-1.0, -3.0), regions=regions)
    scan = knee_scan()
    answer = asked(scan, made, probabilities=True)
    assert answer.probabilities == pytest.approx(1 / (1 + np.exp(np.stack([1 - scan.array, 3 - scan.array]))), abs=1e-5)
    assert np.array_equal(answer.labels.array, knee_labels(scan))


def test_uncertainty_is_how_much_folds_disagree():
    scan = knee_scan()
    doubt = asked(scan, pointwise_model(folds=2), uncertainty=True).uncertainty
    both = [softmax(lines(scan.array) + add) for add in (0.0, 0.1)]
    assert doubt.array.max() < 1e-5, "all scores higher by the same is no disagreement"
    weights = ((0.0,), (1.0,), (2.0,))
    one, other = pointwise_model(weights, (0.0, -1.0, -4.0)), pointwise_model(weights, (0.0, -3.0, -6.0))
    two = models.Model(one.plan, LABELS, {"0": one.weights["0"], "1": other.weights["0"]})
    doubt = asked(scan, two, uncertainty=True).uncertainty
    both = [softmax(lines(scan.array)), softmax(lines(scan.array) - np.array([0, 2, 2]).reshape(3, 1, 1, 1))]

    def entropy(p):
        return -(p * np.log(p)).sum(axis=0)

    expected = entropy((both[0] + both[1]) / 2) - (entropy(both[0]) + entropy(both[1])) / 2
    assert doubt.array == pytest.approx(expected, abs=1e-4)
    assert doubt.grid.matches(scan.grid)


def test_uncertainty_needs_two_opinions_and_one_view():
    with pytest.raises(ConfigError, match="two folds or mirrorings"):
        asked(knee_scan(), uncertainty=True)
    with pytest.raises(ConfigError, match="views"):
        PredictSettings(uncertainty=True, views="mean")


def test_views_and_mirrorings_of_a_pointwise_net_agree():
    scan = knee_scan((12, 10, 9), (1.0, 1.3, 0.7))
    made = pointwise_model(mirror=(0, 1, 2))
    expected = asked(scan, made).labels.array
    for settings in ({"views": "mean"}, {"views": "or"}, {"mirror": "safe"}, {"views": "mean", "mirror": "safe"}):
        assert np.array_equal(asked(scan, made, **settings).labels.array, expected), settings


def test_views_show_the_net_each_axis_in_turn():
    """A net with kernels along one axis only answers differently in each view; the mean lies between them."""
    config = net(kernels=((3, 1, 1), (3, 1, 1)), strides=((1, 1, 1), (1, 1, 1)))
    made = random_model(plan=plan(net=config, patch=(8, 8, 8), axes=(0, 1, 2)), cleanup=())
    scan = knee_scan((8, 8, 8), (2.5, 0.7, 0.8))
    one = asked(scan, made, probabilities=True).probabilities
    mean = asked(scan, made, probabilities=True, views="mean").probabilities
    either = asked(scan, made, probabilities=True, views="or").probabilities
    assert np.abs(one - mean).max() > 0.01
    assert (either[1:] >= mean[1:] - 0.35).all()


def big_scan() -> Volume:
    """Bone in one corner of a large scan."""
    array = np.zeros((60, 30, 30), np.float32)
    array[:16, :14, :12] = knee_scan().array
    return Volume.of(array, np.diag([1.0, 1.0, 1.0, 1.0]))


def windows_of(segmenter: Segmenter, scan: Volume) -> list[int]:
    """How many batches each pass takes."""
    passes = []

    def track(items, what):
        passes.append(len(items))
        return iter(items)

    segmenter.answer(scan, track=track)
    return passes


def test_a_coarse_look_first_gives_the_same_mask_with_fewer_windows():
    scan = big_scan()
    plain, located = (
        Segmenter(pointwise_model(), PredictSettings(locate=how, margin_mm=3)) for how in ("off", "coarse")
    )
    assert np.array_equal(plain.segment(scan).array, located.segment(scan).array)
    (full,) = windows_of(plain, scan)
    coarse, close = windows_of(located, scan)
    assert coarse < full / 4
    assert close < full / 4


def test_another_model_may_look_first(tmp_path):
    """It knows a sacrum too, which is elsewhere and does not count."""
    scan = big_scan()
    scan.array[50:55, 20:25, 20:25] = 9
    labels = condyle.labels.Labels.of({"femur": 4, "sacrum": 7})
    models.save(pointwise_model(((0.0,), (1.0,), (3.0,)), (0.0, -1.0, -16.0), labels=labels), tmp_path / "locator")
    answer = asked(scan, locate=tmp_path / "locator", margin_mm=4)
    expected = knee_labels(scan)
    expected[30:] = 0
    assert np.array_equal(answer.labels.array, expected)


def test_where_the_coarse_look_finds_nothing_the_whole_scan_is_looked_at(caplog):
    scan = big_scan().with_array(np.zeros((60, 30, 30), np.float32))
    scan.array[5, 5, 5] = 2  # lost at half the resolution
    scan.array[6, 5, 5] = -2
    labels = asked(scan, locate="coarse").labels
    assert labels.array[5, 5, 5] == 1
    assert "finds nothing" in caplog.text


def test_outside_the_region_it_is_background():
    scan = knee_scan((20, 20, 20))
    labels = Segmenter(pointwise_model()).segment(scan, region=Box((6, 0, 0), (20, 20, 9)))
    expected = knee_labels(scan)
    expected[:6] = 0
    expected[..., 9:] = 0
    assert np.array_equal(labels.array, expected)


def test_intensities_mean_the_same_in_a_region():
    """A z-score is of the whole scan, however little of it is looked at."""
    from condyle.config import Channel

    scan = knee_scan((20, 20, 20))
    made = pointwise_model(channels=(Channel("c0", "zscore"),))
    whole = Segmenter(made).segment(scan).array
    part = Segmenter(made).segment(scan, region=Box((4, 4, 0), (12, 12, 20))).array
    assert whole.any()
    assert np.array_equal(part[4:12, 4:12], whole[4:12, 4:12])


@pytest.fixture
def files(tmp_path):
    models.save(pointwise_model(), tmp_path / "model")
    for n in range(2):
        write(tmp_path / f"scans/s{n}_0000.nii.gz", knee_scan(seed=n))
    return tmp_path


def segment(files, **options):
    return condyle.segment(files / "model", [files / "scans"], out=files / "out", **options)


def test_names_and_grids_are_nnunets(files):
    made = segment(files)
    assert sorted(p.name for p in (files / "out").iterdir()) == ["s0.nii.gz", "s1.nii.gz"]
    assert made.exit_code == 0
    assert made.memory_gib["s0"] > 0
    assert "GiB" in str(made)
    mask = read_labels(files / "out/s0.nii.gz")
    assert mask.grid.matches(knee_scan().grid)
    assert np.array_equal(mask.array, knee_labels(knee_scan()))
    assert made.volumes_ml["s0"]["femur"] == pytest.approx((mask.array == 1).sum() / 1000)


def test_channels_may_be_named_one_by_one(files, tmp_path):
    condyle.segment(files / "model", sorted((files / "scans").iterdir()), out=tmp_path / "o", suffix=".nrrd")
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["s0.nrrd", "s1.nrrd"]


def test_probabilities_and_uncertainty_lie_beside_the_mask(files):
    models.save(pointwise_model(folds=2), files / "model", overwrite=True)
    segment(files, settings=PredictSettings(probabilities=True, uncertainty=True))
    image = nib.load(files / "out/s0_probabilities.nii.gz")
    assert image.shape == (16, 14, 12, 3)
    assert np.allclose(image.affine, np.eye(4))
    assert image.header.get_data_dtype() == np.uint16
    expected = softmax(lines(knee_scan().array) + np.array([0.05, 0.05, 0.05]).reshape(3, 1, 1, 1))
    assert np.moveaxis(image.get_fdata(), 3, 0) == pytest.approx(expected, abs=1e-4)
    assert read(files / "out/s0_uncertainty.nii.gz").array.max() < 1e-5


def test_a_mask_without_its_probabilities_is_not_finished(files):
    segment(files)
    before = (files / "out/s0.nii.gz").read_bytes()
    made = segment(files, settings=PredictSettings(probabilities=True))
    assert list(made.masks) == ["s0", "s1"]
    assert (files / "out/s0.nii.gz").read_bytes() == before
    assert segment(files, settings=PredictSettings(probabilities=True)).skipped == ("s0", "s1")


def test_the_user_says_where_to_look_in_mm_or_with_masks(files):
    segment(files, region=(5.5, 12.0, 0.0, 99.0, 0.0, 99.0))
    mask = read_labels(files / "out/s0.nii.gz").array
    assert not mask[:6].any()
    assert mask[6:8].any()
    marked = np.zeros((16, 14, 12), np.uint8)
    marked[6:8, 4:6, 3:6] = 1
    for n in range(2):
        write(files / f"where/s{n}.nii.gz", Volume.of(marked, np.eye(4)))
    segment(files, region_mask=files / "where", overwrite=True)
    masked = read_labels(files / "out/s1.nii.gz").array
    assert np.array_equal(masked[6:8, 4:6, 3:6], knee_labels(knee_scan(seed=1))[6:8, 4:6, 3:6])
    assert np.count_nonzero(masked) == np.count_nonzero(masked[6:8, 4:6, 3:6])
    (files / "where/s1.nii.gz").unlink()
    assert list(segment(files, region_mask=files / "where", overwrite=True).failed) == ["s1"]
    with pytest.raises(ConfigError, match="one of them"):
        segment(files, region=(0, 1, 0, 1, 0, 1), region_mask=files / "where")


def test_a_region_beside_the_scan_is_refused(files):
    failed = segment(files, region=(500, 600, 0, 10, 0, 10)).failed
    assert failed.keys() == {"s0", "s1"}
    assert all("region" in what for what in failed.values())
    write(files / "empty.nii.gz", Volume.of(np.zeros((4, 4, 4), np.uint8), np.eye(4)))
    with pytest.raises(DataError, match="region"):
        condyle.segment(
            files / "model",
            [files / "scans/s0_0000.nii.gz"],
            out=files / "m.nii.gz",
            region_mask=files / "empty.nii.gz",
        )


def test_cleanup_is_the_models_own_none_a_preset_or_a_file(files):
    scan = knee_scan()
    scan.array[0, 0, 0] = 2
    write(files / "crumb.nii.gz", scan)
    steps = ({"step": "largest_parts", "structure": "femur"},)
    plain = pointwise_model()
    models.save(models.Model(plain.plan, plain.labels, plain.weights, steps), files / "model", overwrite=True)
    (files / "steps.json").write_text(json.dumps([{"step": "drop_smaller", "structure": "femur", "volume_ml": 0.002}]))

    def crumb(cleanup: str) -> int:
        out = files / f"{cleanup.replace('/', '_')}.nii.gz"
        settings = PredictSettings(cleanup=cleanup)
        condyle.segment(files / "model", [files / "crumb.nii.gz"], out=out, settings=settings)
        return int(read_labels(out).array[0, 0, 0])

    assert crumb("off") == 1
    assert [crumb(how) for how in ("model", "knee", str(files / "steps.json"))] == [0, 0, 0]
    for wrong in ("elbow", str(files / "none.json")):
        with pytest.raises(ConfigError, match=r"cleanup|none\.json"):
            crumb(wrong)


@pytest.mark.parametrize("orientation", ["RAS", None])
def test_48_orientations_give_the_same_mask_in_the_patient(orientation, tmp_path):
    """With an orientation in the plan any network does. As stored, as nnU-Net has it, the network sees a turned scan:
    one that looks at single voxels gives the same mask, and every mask lies where its scan lies."""
    made = random_model(plan=plan(orientation="RAS"), cleanup=()) if orientation else pointwise_model()
    segmenter = Segmenter(made)
    scan = knee_scan((13, 12, 10), (1.0, 0.8, 1.4) if orientation else (1.0, 1.0, 1.0))
    first = segmenter.segment(scan)
    assert len(np.unique(first.array)) > 1
    for turned in ORIENTATIONS:
        labels = segmenter.segment(reorient(scan, turned))
        assert labels.grid.orientation == turned
        back = reorient(labels, "RAS")
        assert np.array_equal(back.array, first.array), turned
        assert back.grid.matches(first.grid)


def test_a_scan_smaller_than_the_patch_is_segmented():
    scan = knee_scan((5, 14, 3))
    assert np.array_equal(asked(scan, pointwise_model(patch=(32, 32, 32))).labels.array, knee_labels(scan))


def test_an_identity_network_gives_back_its_input():
    """With real weights, through preparation, windows and the way back: the scores are the intensities."""
    regions = (Region("x", (1,), 1), Region("half", (2,), 2))
    made = pointwise_model(((1.0,), (0.5,)), (0.0, 0.0), regions=regions, patch=(8, 6, 4))
    scan = knee_scan((19, 7, 5))
    for step in (0.25, 0.7, 1.0):
        p = asked(scan, made, probabilities=True, step=step).probabilities
        assert np.log(p[0] / (1 - p[0])) == pytest.approx(scan.array, abs=1e-4)


@pytest.mark.parametrize("wrong", [{"max_memory_gib": 0.0}, {"margin_mm": -1.0}, {"scratch": "nowhere"}])
def test_settings_that_make_no_sense_are_refused(wrong, tmp_path):
    if "scratch" in wrong:
        wrong = {"scratch": tmp_path / "nowhere"}
    with pytest.raises(ConfigError):
        PredictSettings(**wrong)


def test_eight_bits_are_calibrated_on_scans_and_agree_with_single_precision_nearly(tmp_path):
    scan, other = knee_scan((40, 30, 30)), knee_scan((32, 32, 32))
    write(tmp_path / "other.nii.gz", other)
    made = random_model(plan=plan(patch=(16, 16, 16), spacing_mm=(1.0, 1.0, 1.0)))
    settings = {"engine": "openvino", "cache": tmp_path / "cache"}
    exact = asked(scan, made, folds=("0",), cleanup="off", **settings).labels.array
    eight = asked(
        scan, made, folds=("0",), cleanup="off", precision="int8", calibrate=(tmp_path / "other.nii.gz",), **settings
    )
    assert (eight.labels.array == exact).mean() > 0.8
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_eight_bits_without_scans_to_calibrate_on_are_refused():
    with pytest.raises(ConfigError, match="scans to calibrate with"):
        PredictSettings(precision="int8")


def test_a_mask_never_takes_the_place_of_its_scan(files):
    scan = files / "own/s.nii.gz"
    write(scan, knee_scan())
    before = scan.read_bytes()
    for out in (files / "own", scan):
        with pytest.raises(ConfigError, match="beside the scans"):
            condyle.segment(files / "model", [scan], out=out, overwrite=True)
    assert scan.read_bytes() == before


def test_a_scan_of_a_spacing_in_the_wrong_unit_fails_and_the_others_go_on(files):
    write(files / "scans/um_0000.nii.gz", knee_scan((16, 14, 12), (5000.0, 5000.0, 5000.0)))
    made = segment(files)
    assert list(made.failed) == ["um"]
    assert "Is its spacing right" in made.failed["um"]
    assert set(made.masks) == {"s0", "s1"}


def test_masks_may_go_to_the_folder_one_is_in(files, monkeypatch):
    (files / "here").mkdir()
    monkeypatch.chdir(files / "here")
    made = condyle.segment(files / "model", [files / "scans"], out=Path())
    assert set(made.masks) == {"s0", "s1"}
    assert {path.name for path in files.iterdir()} >= {"here.resources.csv"}


@pytest.mark.parametrize("settings", [{"batch": 0}, {"step": 0.0}, {"margin_mm": float("nan")}])
def test_senseless_settings_are_refused_at_once(settings):
    with pytest.raises(ConfigError, match=next(iter(settings)).removesuffix("_mm")):
        PredictSettings(**settings)


def test_a_region_of_no_numbers_is_refused(files):
    with pytest.raises(ConfigError, match="finite"):
        segment(files, region=(float("nan"), 1, 0, 1, 0, 1))
