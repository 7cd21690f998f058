"""`condyle segment` over a cohort by jobs: what one process gives, whatever is lost meanwhile."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

import condyle
from condyle import io, models
from condyle.errors import ConfigError, DataError
from condyle.jobs.settings import JobSettings
from condyle.nets.count import parameters
from condyle.workflow.segmentation.kept_model import kept_segmenter
from condyle.workflow.segmentation.predict_settings import PredictSettings
from condyle.workflow.segmentation.resources import Resources, read_resources, table_of
from jobs_made import below, files
from jobs_made import condyle as command
from segment_jobs_made import cohort, right
from segment_models import knee_scan, pointwise_model

LOCAL = JobSettings("local", workers=1, threads=1)


def test_scans_of_several_channels_are_segmented_by_jobs_and_what_each_took_is_recorded(tmp_path):
    two = pointwise_model(((0.0, 0.0), (1.0, 0.5), (2.0, 1.0)), (0.0, -1.0, -4.0))
    models.save(two, tmp_path / "model")
    for n in range(3):
        for channel in range(2):
            io.write(tmp_path / f"scans/c{n}_{channel:04d}.nii.gz", knee_scan((16, 14, 12), seed=10 * n + channel))
    here = condyle.segment(tmp_path / "model", [tmp_path / "scans"], out=tmp_path / "here")
    there = condyle.segment(tmp_path / "model", [tmp_path / "scans"], out=tmp_path / "there", jobs=LOCAL)
    assert set(there.masks) == {"c0", "c1", "c2"}
    assert there.volumes_ml == here.volumes_ml
    for id_, mask in here.masks.items():
        assert np.array_equal(io.read_labels(there.masks[id_]).array, io.read_labels(mask).array)
    assert files(tmp_path / "there") == files(tmp_path / "here")
    for out, result in ((tmp_path / "here", here), (tmp_path / "there", there)):
        took = read_resources(table_of(out))
        assert list(took) == ["c0", "c1", "c2"]
        for id_, one in took.items():
            assert one.steps == 1
            assert one.seconds == round(result.seconds[id_], 3) > 0
            assert one.steps_per_s == pytest.approx(1 / one.seconds)
            assert 0.05 < one.ram_gib < 8
            assert (one.vram_gib, one.parameters) == (0.0, parameters(two.plan.net))
    # The manifest knows what each took even if nobody was left to write it down.
    table_of(tmp_path / "there").unlink()
    again = condyle.segment(tmp_path / "model", [tmp_path / "scans"], out=tmp_path / "there", jobs=LOCAL)
    assert again.skipped == ("c0", "c1", "c2")
    assert set(read_resources(table_of(tmp_path / "there"))) == {"c0", "c1", "c2"}
    with pytest.raises(ConfigError, match="a scan for each of c0, c1"):
        condyle.segment(tmp_path / "model", [tmp_path / "scans/c0_0000.nii.gz"], out=tmp_path / "x", one_case=True)


def test_scans_behind_an_address_are_segmented_to_another(tmp_path):
    scans = cohort(tmp_path, 2)
    words = ("segment", tmp_path / "model", f"file://{scans}", "-o", f"file://{tmp_path}/out", "--run-on", "local")
    run = command(*words, "--workers", 1, "--manifest", tmp_path / "m", "--json")
    told = json.loads(run.communicate()[0])
    assert told["masks"] == {f"c{n:02d}": f"file://{tmp_path}/out/c{n:02d}.nii.gz" for n in range(2)}
    assert told["resources"]["c00"]["steps"] == 1
    assert right(scans, tmp_path / "out", 2)
    jobs = JobSettings("local", manifest=tmp_path / "m2")
    for given, why in (({"part": "test"}, "and no part"), ({"settings": PredictSettings(probabilities=True)}, "a fol")):
        with pytest.raises(ConfigError, match=why):
            condyle.segment(
                tmp_path / "model", [Path(f"file://{scans}")], out=Path(f"file://{tmp_path}/o"), jobs=jobs, **given
            )


def test_a_model_is_loaded_once_for_many_commands_and_again_when_it_changes(tmp_path):
    cohort(tmp_path, 0)
    asked = (tmp_path / "model", PredictSettings(), None, 9)
    first = kept_segmenter(*asked)
    assert kept_segmenter(*asked) is first
    assert kept_segmenter(asked[0], PredictSettings(step=0.25), None, 9) is not first
    again = kept_segmenter(*asked)
    weights = tmp_path / "model" / "fold_0.safetensors"
    os.utime(weights, ns=(0, 0))
    assert kept_segmenter(*asked) is not again
    assert kept_segmenter(*asked).scans == 9


def test_one_process_segments_all_scans_of_a_worker(tmp_path):
    scans = cohort(tmp_path, 4)
    run = command("segment", tmp_path / "model", scans, "-o", tmp_path / "out", "--run-on", "local", "--workers", 1)
    seen: set[int] = set()
    while run.poll() is None:
        for process in below(run.pid):
            with suppress(psutil.Error):
                words = process.cmdline()
                seen |= {process.pid} if words[-1:] == ["condyle.jobs.child"] else set()
    assert run.communicate()[1] == ""
    assert len(seen) == 1
    assert right(scans, tmp_path / "out", 4)


def test_a_table_of_something_else_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="a table of what segmenting took"):
        read_resources(tmp_path / "t.csv")
    assert read_resources(tmp_path / "none.csv") == {}
    assert Resources(0.0, 3, 1.0, 0.0, 5).steps_per_s == 0.0
