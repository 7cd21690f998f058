"""Real scans through the real verbs, from the scanner's files to a mask in the right place."""

from __future__ import annotations

import numpy as np
import pytest

import condyle
from condyle.data import Dataset, load_image, load_labels
from condyle.io import read, read_labels, write
from condyle.space import ORIENTATIONS, reorient


@pytest.fixture(scope="module")
def abdomen(shared_data):
    return shared_data / "ct_dicom_abdomen"


@pytest.fixture(scope="module")
def abdomen_labels(shared_data):
    return shared_data / "ct_dicom_abdomen_labels.nii.gz"


def dice(a, b) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_info_tells_the_distance_of_slices_not_their_thickness(abdomen):
    found = condyle.info(abdomen).to_json()
    assert found["shape"] == [512, 512, 20]
    assert found["spacing_mm"] == pytest.approx([0.9765625, 0.9765625, 2.0])
    assert found["orientation"] == "LPS"
    assert found["values"]["min"] == -1024


def test_fill_of_a_dicom_series_lies_exactly_on_its_label_files_grid(abdomen, abdomen_labels, tmp_path):
    condyle.fill(abdomen, out=tmp_path / "bone.nii.gz")
    mask, labels = read_labels(tmp_path / "bone.nii.gz"), read_labels(abdomen_labels)
    assert mask.grid.distance_mm(labels.grid) < 1e-3
    bone, soft = mask.array > 0, labels.array > 0
    assert 20_000 < np.count_nonzero(bone) < 100_000  # the spine of 4 cm
    assert np.count_nonzero(bone & soft) < 0.01 * np.count_nonzero(soft)
    scan = read(abdomen)
    assert np.median(scan.array[bone]) > 150
    assert abs(mask.grid.to_world(np.argwhere(bone)).mean(0)[0]) < 30  # in the middle of the body


def test_liver_and_spleen_lie_on_their_sides_whichever_way_in(abdomen, abdomen_labels, tmp_path):
    """Right is +x: the liver's labels cover liver-like values at the right, after import and after conversion."""
    condyle.import_([abdomen], tmp_path / "d", label_sets={"totalseg": abdomen_labels}, names={"liver": 1, "spleen": 2})
    dataset = Dataset.open(tmp_path / "d")
    case = dataset.cases[0]
    image, labels = load_image(dataset, case, dataset.channels[0]), load_labels(dataset, case, "totalseg")
    assert labels.grid.matches(image.grid)
    for name, sign in (("liver", 1), ("spleen", -1)):
        places = labels.grid.to_world(np.argwhere(labels.array == dataset.labels[name].id))
        assert sign * (places.mean(0)[0] - 7) > 40
        assert 20 < np.median(image.value_at(places)) < 200
    assert condyle.check(tmp_path / "d").ok


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".tif"])
def test_converting_moves_no_voxel(abdomen, suffix, tmp_path):
    out = tmp_path / f"scan{suffix}"
    condyle.convert(abdomen, out, orientation="PIR")
    scan, back = read(abdomen), read(out)
    assert back.grid.orientation == "PIR"
    turned = reorient(back, "LPS")
    assert turned.grid.distance_mm(scan.grid) < 1e-3
    assert np.array_equal(turned.array, scan.array)


def test_fill_finds_the_bones_of_a_real_hip(shared_data, tmp_path):
    folder = shared_data / "ct_abdomen_pelvis"
    condyle.fill(folder / "hip_right.nii.gz", out=tmp_path / "hip.nii.gz")
    mask, labels = read_labels(tmp_path / "hip.nii.gz"), read_labels(folder / "hip_right_labels.nii.gz")
    assert mask.grid.matches(labels.grid)
    # Agreement with a tool's femur and hip; sacrum and spine, which it leaves out, are bone as well.
    assert dice(mask.array > 0, labels.array > 0) > 0.7


def test_fill_gives_one_mask_in_every_axis_order(shared_data):
    from condyle.classical.fill import fill

    scan = read(shared_data / "ct_abdomen_pelvis" / "hip_right.nii.gz")
    mask = fill(scan)
    for orientation in ORIENTATIONS[::5]:
        turned = fill(reorient(scan, orientation))
        assert np.array_equal(reorient(turned, mask.grid.orientation).array, mask.array)


def test_a_knee_in_mr_goes_through_info_and_convert(shared_data, tmp_path):
    knee = shared_data / "mr_knee" / "sag_t1.nii.gz"
    found = condyle.info(knee).to_json()
    assert found["shape"] == [384, 384, 24]
    assert found["spacing_mm"] == pytest.approx([0.4427, 0.4427, 4.29], abs=1e-2)
    made = condyle.convert(knee, tmp_path / "knee.nrrd", orientation="RAS", resample=(1, 1, 1))
    assert made.grid.orientation == "RAS"
    finer, scan = read(tmp_path / "knee.nrrd"), read(knee)
    centre = scan.grid.to_world(np.array([[200.0, 190.0, 12.0], [150.0, 150.0, 8.0]]))
    assert finer.value_at(centre) == pytest.approx(scan.value_at(centre), rel=0.35)


def test_the_body_of_a_real_ct_is_found_without_its_table(shared_data):
    from condyle.classical.body import body_mask

    scan = read(shared_data / "ct_abdomen_pelvis" / "abdomen.nii.gz")
    labels = read_labels(shared_data / "ct_abdomen_pelvis" / "abdomen_labels.nii.gz")
    body = body_mask(scan).array > 0
    assert body[labels.array > 0].all()
    assert 0.3 < body.mean() < 0.75


def test_a_real_mask_is_scored_reported_and_made_a_surface(shared_data, tmp_path):
    """Bone against bone: the label file's femur and hip are one structure to `fill`, which cannot tell them apart."""
    scan = shared_data / "ct_abdomen_pelvis" / "hip_right.nii.gz"
    labels = read_labels(shared_data / "ct_abdomen_pelvis" / "hip_right_labels.nii.gz")
    truth, mask = tmp_path / "truth.nii.gz", tmp_path / "fill.nii.gz"
    write(truth, labels.with_array((labels.array > 0).astype(np.uint8)))
    condyle.fill(scan, out=mask)
    (case,) = condyle.evaluate(mask, truth, names={"bone": 1}).to_json()["cases"].values()
    scores = case["bone"]
    assert scores["status"] == "both"
    assert 0.65 < scores["dice"] < 0.95
    assert 0.5 < scores["assd_mm"] < 10
    assert scores["cut"]
    surfaces = condyle.mesh(mask, out=tmp_path / "surface", names={"bone": 1})
    assert surfaces.exit_code == 0
    page = condyle.report(mask, truth, out=tmp_path / "page.html", images=scan, names={"bone": 1})
    assert page.viewed
    assert page.out.stat().st_size > 100_000
