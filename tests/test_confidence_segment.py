"""`condyle segment` with a model that can tell how far to trust it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import condyle
from condyle import models
from condyle.errors import DataError, ModelError
from condyle.io import read_labels, write
from condyle.jobs.settings import JobSettings
from condyle.labels import Labels
from condyle.models import Model
from condyle.predict.confidence.fit import unfitted
from condyle.predict.confidence.judge import judge_to_json
from condyle.predict.confidence.looks import USUAL_LOOKS
from condyle.space import Box
from condyle.workflow.segmentation.segmenter import PredictSettings, Segmenter
from segment_models import BIAS, WEIGHTS, knee_labels, knee_scan, pointwise_model

JUDGE = judge_to_json(unfitted({}))


def judging(**changes) -> Model:
    return replace(pointwise_model(**changes), confidence=JUDGE)


@pytest.fixture
def files(tmp_path):
    models.save(judging(), tmp_path / "model")
    write(tmp_path / "scans/s0.nii.gz", knee_scan((24, 22, 20)))
    return tmp_path


def segment(files, **options):
    return condyle.segment(files / "model", [files / "scans"], out=files / "out", **options)


def test_each_structure_has_its_light_beside_the_mask(files):
    made = segment(files)
    told = json.loads((files / "out/s0_confidence.json").read_text())["structures"]
    assert set(told) == {"femur", "tibia"}
    assert set(told["femur"]) == {"number", "light", "reasons", "agreement", "dice"}
    assert list(told["femur"]["agreement"]) == list(USUAL_LOOKS)
    assert made.confidence["s0"]["femur"].light == told["femur"]["light"]
    assert made.to_json()["confidence"]["s0"] == told
    assert f"ml {told['femur']['light']}" in str(made)
    for name, c in told.items():
        assert (f"  {name}: {c['light']} " in str(made)) == (c["light"] != "green")


def test_the_answer_is_the_same_every_time_and_the_mask_is_not_touched(files):
    segmenter, scan = Segmenter(judging()), knee_scan((24, 22, 20))
    one, two = segmenter.answer(scan), segmenter.answer(scan)
    assert one.confidence == two.confidence
    assert np.array_equal(one.labels.array, knee_labels(scan))
    # It says the same of the mirrored scan, for it has no sides.
    assert one.evidence["femur"].agreement[0] == 1


def test_a_run_that_was_stopped_before_the_light_goes_on(files):
    segment(files)
    light, mask = files / "out/s0_confidence.json", files / "out/s0.nii.gz"
    before = light.read_bytes(), mask.read_bytes(), mask.stat().st_mtime_ns
    assert segment(files).skipped == ("s0",)
    light.unlink()
    assert list(segment(files).masks) == ["s0"]
    assert (light.read_bytes(), mask.read_bytes(), mask.stat().st_mtime_ns) == before


def test_nobody_has_to_be_judged(files):
    off = segment(files, settings=PredictSettings(confidence="off"))
    assert sorted(p.name for p in (files / "out").iterdir()) == ["s0.nii.gz"]
    assert off.confidence == {}
    assert "confidence" not in off.to_json()
    models.save(pointwise_model(), files / "model", overwrite=True)
    assert segment(files).skipped == ("s0",)


def test_a_broken_judge_is_a_fault_of_the_model_that_names_its_file(files):
    path = files / "model/confidence.json"
    path.write_text(path.read_text().replace('"dice"', '"dise"'))
    with pytest.raises(ModelError, match=r"confidence\.json"):
        segment(files)
    path.write_text("{")
    with pytest.raises(ModelError, match=r"confidence\.json"):
        segment(files)
    assert not (files / "out").exists()


def test_a_cohort_brings_its_lights_home(files):
    made = segment(files, jobs=JobSettings(run_on="local", workers=1))
    told = json.loads((files / "out/s0_confidence.json").read_text())["structures"]
    assert {name: c.light for name, c in made.confidence["s0"].items()} == {n: c["light"] for n, c in told.items()}


def test_a_network_that_does_not_look_where_things_are_is_caught_by_the_mirror():
    """It takes dark bones for left ones, also in a mirrored patient."""
    sided = Labels.of({"femur_left": 1, "femur_right": 2})
    found = Segmenter(judging(labels=sided)).answer(knee_scan((24, 22, 20))).evidence
    assert found["femur_left"].agreement[0] == 0


def test_looks_that_a_model_cannot_be_asked_about_are_refused():
    alone = judging(labels=Labels.of({"femur_left": 1, "tibia": 2}))
    with pytest.raises(ModelError, match="a partner for each structure"):
        Segmenter(alone).answer(knee_scan())


def test_of_a_cascade_the_first_stage_is_asked_again():
    repeat = ((0.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 9.0))
    made = pointwise_model(repeat, (1.0, 0.0, 0.0), before=pointwise_model(), cascade=(1, 2))
    scan = knee_scan((24, 22, 20))
    both = Segmenter(replace(made, confidence=JUDGE)).answer(scan)
    assert both.agreement == Segmenter(judging()).answer(scan).agreement
    assert set(both.confidence or {}) == {"femur", "tibia"}
    # What the second alone finds no look agrees with.
    own = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (2.0, 0.0, 0.0))
    more = pointwise_model(own, BIAS, before=pointwise_model(WEIGHTS, (9.0, *BIAS[1:])), cascade=(1, 2))
    answer = Segmenter(replace(more, confidence=JUDGE)).answer(scan)
    assert {e.agreement for e in answer.evidence.values()} == {(0.0,) * len(USUAL_LOOKS)}


def test_what_a_region_cuts_is_cut():
    answer = Segmenter(judging()).answer(knee_scan((24, 22, 20)), region=Box((8, 0, 0), (24, 22, 20)))
    assert answer.evidence["femur"].cut
    assert "cut by the border" in (answer.confidence or {})["femur"].reasons


def test_the_memory_that_looks_take_is_reckoned_with():
    scan = knee_scan((24, 22, 20))
    plain = Segmenter(pointwise_model()).answer(scan).need
    assert Segmenter(judging()).answer(scan).need.labels > plain.labels


def test_lights_are_written_beside_no_other_mask_than_the_judged_one(files):
    """A mask of another model, or one corrected by hand, lies there without lights."""
    light, mask = files / "out/s0_confidence.json", files / "out/s0.nii.gz"
    segment(files)
    light.unlink()
    corrected = read_labels(mask)
    corrected.array[:3] = 1
    write(mask, corrected, overwrite=True)
    kept = mask.read_bytes()
    with pytest.raises(DataError, match="another one"):
        segment(files)
    assert mask.read_bytes() == kept
    assert not light.exists()
    segment(files, overwrite=True)
    assert light.exists()
    assert mask.read_bytes() != kept


def test_lights_of_an_earlier_mask_do_not_stay_beside_a_new_one(files):
    light, mask = files / "out/s0_confidence.json", files / "out/s0.nii.gz"
    segment(files)
    light.write_text("{}")
    mask.unlink()
    segment(files)
    assert json.loads(light.read_text())["structures"]
    mask.unlink()
    models.save(pointwise_model(), files / "model", overwrite=True)
    segment(files)
    assert mask.exists()
    assert not light.exists()
