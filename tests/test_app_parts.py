"""Parts of the app that are right or wrong by themselves: changes, revisions, the queue, curves, pictures."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from condyle import io
from condyle.app.announced import expected_files
from condyle.app.answers import ConflictError
from condyle.app.bringing import import_plan
from condyle.app.changes import changed
from condyle.app.jobs import log as logs
from condyle.app.jobs.asked import Asked
from condyle.app.jobs.outcome import outcome, sentence
from condyle.app.models import curves
from condyle.app.queue import volumes
from condyle.app.results import means
from condyle.app.revisions import Revision, file_of, made_by_program, revisions, save
from condyle.app.target import Target
from condyle.app.thumbnails import plane, png
from condyle.app.workspace import NotThereError, Workspace
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.space import Grid, Volume
from datasets import label_map, small_dataset

LABELS = Labels.of({"bone": 1, "other": 2})
GRID = Grid((40, 30, 20), np.diag([0.5, 1.0, 2.0, 1.0]))


def cube(*, wide: int = 10) -> np.ndarray:
    out = np.zeros(GRID.shape, np.uint8)
    out[5 : 5 + wide, 5:15, 5:15] = 1
    return out


def test_a_slab_that_was_added_is_told_in_voxels_ml_and_mm():
    told = changed(cube(), cube(wide=14), GRID, LABELS)
    bone = told.structures["bone"]
    assert told.voxels == 4 * 10 * 10
    assert (bone.before_ml, bone.after_ml, bone.added_ml, bone.removed_ml) == (1.0, 1.4, 0.4, 0.0)
    assert told.largest_mm == bone.largest_mm == 4 * 0.5


def test_what_was_taken_away_is_measured_from_what_is_left():
    told = changed(cube(wide=14), cube(), GRID, LABELS)
    assert told.structures["bone"].removed_ml == 0.4
    assert told.largest_mm == 2.0


def test_nothing_changed_and_nothing_before_are_told_apart():
    assert changed(cube(), cube(), GRID, LABELS).to_json() == {"voxels": 0, "largest_mm": 0.0, "structures": {}}
    made = changed(None, cube(), GRID, LABELS)
    assert made.structures["bone"].largest_mm is None
    assert made.largest_mm is None


@pytest.fixture
def target(tmp_path: Path) -> Target:
    dataset = small_dataset(tmp_path / "d", ("a",))
    return Target(dataset, dataset["a"], "reference")


EVA = Revision(0, "Eva", "", "", "")


def newest(target: Target) -> str:
    return revisions(target)[-1].mark


def drawn(voxel: int) -> Volume:
    out = label_map()
    out.array[voxel, 10, 8] = 4
    return out


def test_a_save_that_was_killed_before_the_last_step_is_finished_by_the_next_reader(target):
    before, at = target.path.read_bytes(), target.path.stat()
    save(target, drawn(12), EVA, newest(target))
    after = target.path.read_bytes()
    target.path.write_bytes(before)  # as it was between writing the log and replacing the label map
    os.utime(target.path, ns=(at.st_atime_ns, at.st_mtime_ns))
    assert [r.revision for r in revisions(target)] == [1, 2]
    assert target.path.read_bytes() == after


def test_a_label_map_made_again_as_it_was_before_a_correction_is_a_revision_too(target):
    before = target.path.read_bytes()
    save(target, drawn(12), EVA, newest(target))
    target.path.write_bytes(before)  # as by a program that does the same again
    known = revisions(target)
    assert [(r.revision, r.who) for r in known] == [(1, "condyle"), (2, "Eva"), (3, "condyle")]
    assert target.path.read_bytes() == before
    assert made_by_program(known)


def test_a_program_that_writes_the_label_map_makes_a_revision(target):
    made = save(target, drawn(12), EVA, newest(target))
    io.write(target.path, drawn(13), overwrite=True)
    assert [(r.revision, r.who) for r in revisions(target)] == [(1, "condyle"), (2, "Eva"), (3, "condyle")]
    assert file_of(target.folder, 3).read_bytes() == target.path.read_bytes()
    with pytest.raises(DataError, match="revision 3"):
        save(target, drawn(14), EVA, made.mark)


def test_a_label_map_that_was_made_anew_is_overwritten_by_no_correction_of_the_one_before(target):
    before = newest(target)
    io.write(target.path, drawn(13), overwrite=True)
    assert [r.revision for r in revisions(target)] == [1]  # nothing is written down yet
    with pytest.raises(ConflictError, match="revision 1"):
        save(target, drawn(14), EVA, before)
    assert np.array_equal(io.read_labels(target.path).array, drawn(13).array)
    assert save(target, drawn(14), EVA, newest(target)).revision == 2


def test_what_a_program_made_is_told_from_what_somebody_corrected(target):
    assert made_by_program(revisions(target))
    save(target, drawn(12), EVA, newest(target))
    assert not made_by_program(revisions(target))
    again = replace(EVA, restored_from=1)
    save(target, label_map(), again, newest(target))
    assert made_by_program(revisions(target))


def test_a_log_that_cannot_be_read_is_an_error_that_says_so(target):
    save(target, drawn(12), EVA, newest(target))
    (target.folder / "log.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="Mend or remove it"):
        revisions(target)


def test_a_volume_far_from_the_others_needs_eyes():
    usual = {f"c{n}": {"volumes_ml": {"femur": 200.0 + n}} for n in range(6)}
    assert volumes(usual) == []
    odd = usual | {"odd": {"volumes_ml": {"femur": 90.0}}, "none": {"volumes_ml": {"femur": 0.0}}}
    ((case, need),) = volumes(odd)
    assert (case, need["structure"]) == ("odd", "femur")
    assert "90 ml" in need["why"]
    assert volumes({"a": usual["c0"], "b": odd["odd"]}) == []  # of two nobody knows which is odd


def test_curves_are_read_while_they_are_written(tmp_path):
    path = tmp_path / "history.csv"
    rows = [f"{n},{1 / n},nan,0.1,{n / 10},3.0,1.5,0.0,0.9" for n in range(1, 5)]
    head = "epoch,loss,val_loss,rate,mean_dice,seconds,ram_gib,vram_gib,dice: femur"
    path.write_text("\n".join([head, *rows, "5,0.2"]), encoding="utf-8")
    told = curves(path)
    assert told["epochs"] == 4
    assert told["loss"] == [1.0, 0.5, 1 / 3, 0.25]
    assert told["val_loss"] == [None] * 4
    assert told["dice"] == {"femur": [0.9] * 4}


def test_long_curves_are_thinned_and_keep_their_last_point(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n" + "".join(f"{n},{n}\n" for n in range(1, 2002)), encoding="utf-8")
    told = curves(path)
    assert told["epochs"] == 2001
    assert len(told["epoch"]) <= 602
    assert told["epoch"][-1] == 2001
    path.write_text("", encoding="utf-8")
    assert curves(path)["epochs"] == 0


def test_progress_tells_the_time_left_and_the_log_leaves_it_out():
    line = json.dumps({"progress": {"what": "Filling", "done": 2, "total": 6, "seconds": 10.0}})
    lines = ["condyle: WARNING: odd", line, '{"progress": {"what": "cut']
    assert logs.progress(lines) == {"what": "Filling", "done": 2, "total": 6, "left_s": 20.0}
    assert logs.words(lines)[0] == "WARNING: odd"
    assert line not in logs.words(lines)
    assert logs.progress(["nothing"]) is None


def test_a_job_tells_in_words_what_failed_and_what_was_found_without_folders():
    checked = {"findings": [
        {"severity": "warning", "case": "a", "where": "hand: femur", "message": "Two islands."},
        {"severity": "info", "case": "a", "where": "hand: femur", "message": "At the border."},
        {"severity": "error", "case": "", "where": "", "message": "No patella anywhere."},
    ]}  # fmt: skip
    imported = {
        "failed": {"b": "/home/eva/masks/b.nii.gz: expected a mask"},
        "notes": ["c: resampled"],
        "unmatched": [],
    }
    assert outcome([imported, checked]) == (
        "b: b.nii.gz: expected a mask\nc: resampled\na: hand, femur: two islands.\ndataset: No patella anywhere."
    )
    assert outcome([{"findings": ["b is better"], "notes": []}]) is None  # a comparison has a page of its own
    assert outcome([{"notes": [str(n) for n in range(9)]}]).endswith("And 4 more; see the log.")


def test_a_finding_is_told_behind_what_it_is_about():
    finding = {"where": "hand: femur", "message": "It reaches the border."}
    assert sentence(finding) == "hand, femur: it reaches the border."
    assert sentence(finding, "hand") == "femur: it reaches the border."
    assert sentence({"where": "hand", "message": "Nothing is labelled."}, "hand") == "Nothing is labelled."
    unread = {"where": "CT", "message": "Scans/CT/p01.nii: expected a NIfTI file"}
    assert sentence(unread) == "CT: Scans/CT/p01.nii: expected a NIfTI file"


def test_a_long_log_is_read_from_its_end(tmp_path):
    path = tmp_path / "log.txt"
    assert logs.tail(path) == []
    path.write_text("".join(f"line {n}\n" for n in range(20_000)), encoding="utf-8")
    lines = logs.tail(path)
    assert lines[-1] == "line 19999"
    assert all(line.startswith("line ") for line in lines)


def test_names_of_files_become_safe_names_and_never_paths():
    told = ["../../etc/passwd", "C:\\x\\scan.nii.gz", "scan.NII.GZ", "IM0001", "Jörg Müller.nrrd", ".nii"]
    stored = [f.stored for f in expected_files([{"name": name, "bytes": 1} for name in told])]
    assert stored[0] == "dicom/000000.dcm"
    assert stored[3] == "dicom/000003.dcm"
    assert len({s.lower() for s in stored}) == len(stored)
    assert not any(".." in s or "\\" in s or " " in s for s in stored)
    with pytest.raises(ConfigError):
        expected_files([{"name": "a"}])


def test_means_leave_out_what_was_not_measured(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("case,structure,dice,assd_mm\na,femur,0.8,\nb,femur,0.6,2.0\n", encoding="utf-8")
    assert means(path)[0] | {"dice": round(means(path)[0]["dice"], 6)} == {
        "structure": "femur", "cases": 2, "dice": 0.7, "assd_mm": 2.0, "hd95_mm": None, "volume_error_percent": None,
    }  # fmt: skip
    assert means(tmp_path / "none.csv") == []


def test_a_thumbnail_has_square_pixels_and_the_right_side_on_the_left():
    scan = np.full((60, 30, 20), -1000, np.int16)
    labels = np.zeros(scan.shape, np.uint8)
    labels[40:55, 10:20, 12:18] = 1  # x grows to the right, z up
    grid = Grid((60, 30, 20), np.diag([2.0, 2.0, 3.0, 1.0]))
    picture = plane(Volume(scan, grid), Volume(labels, grid), {1: (255, 0, 0)})
    rows, columns = np.nonzero(picture[..., 0])
    assert picture.shape == (100, 200, 3)
    assert columns.mean() < 80  # the patient's right is on the left of the picture
    assert rows.mean() < 50  # and up is up
    size = np.frombuffer(png(picture)[16:24], ">u4")
    assert size.tolist() == [200, 100]
    start = png(picture).index(b"IDAT") + 4
    assert len(zlib.decompressobj().decompress(png(picture)[start:])) == 100 * (1 + 3 * 200)


def test_a_low_scan_is_shown_from_below_with_the_front_up():
    scan = np.full((60, 40, 3), -1000, np.int16)
    scan[45:, 30:, :] = 3000  # right and front
    picture = plane(Volume(scan, Grid(scan.shape, np.diag([2.0, 2.0, 3.0, 1.0]))), None, {})
    rows, columns = np.nonzero(picture[..., 0])
    assert picture.shape == (133, 200, 3)
    assert rows.max() < 40
    assert columns.max() < 60


def test_keys_are_the_same_tomorrow_and_others_elsewhere(tmp_path):
    here = Workspace(tmp_path / "a")
    assert here.key("dataset", "x") == Workspace(tmp_path / "a").key("dataset", "x")
    assert here.key("dataset", "x") != Workspace(tmp_path / "b").key("dataset", "x")
    assert (here.own / "secret").stat().st_mode & 0o077 == 0
    with pytest.raises(NotThereError):
        here.dataset("x")


def test_one_dataset_can_be_served_by_itself(tmp_path):
    dataset = small_dataset(tmp_path / "d", ("a",))
    assert Workspace(dataset.folder).dataset_folders() == [dataset.folder]
    assert Workspace(tmp_path).dataset_folders() == [dataset.folder]
    (tmp_path / "models" / "m").mkdir(parents=True)
    assert Workspace(tmp_path).dataset_folders() == [dataset.folder]
    assert replace(dataset, name="x").folder == dataset.folder


def test_files_that_number_their_segments_differently_are_not_named_by_one_of_them(tmp_path):
    grid = Grid((6, 6, 6), np.eye(4))
    files = tmp_path / "upload/files"
    for case, ids in (("a", {"femur_left": 1, "femur_right": 2}), ("b", {"femur_right": 1, "femur_left": 2})):
        io.write(files / f"{case}.nii.gz", Volume(np.zeros(grid.shape, np.int16), grid))
        io.segnrrd.write(files / f"{case}_seg.seg.nrrd", Volume(np.ones(grid.shape, np.uint8), grid), Labels.of(ids))
    fields = {
        "name": "legs",
        "masks": {f"{case}_seg.seg.nrrd": f"{case}.nii.gz" for case in "ab"},
        "names": {"1": "femur_left", "2": "femur_right"},
    }
    before = sorted(files.iterdir())
    with pytest.raises(ConfigError, match=r"as in a_seg\.seg\.nrrd, got femur_right"):
        import_plan(Workspace(tmp_path), tmp_path / "upload", Asked(fields))
    assert sorted(files.iterdir()) == before
    fields["masks"].popitem()
    assert import_plan(Workspace(tmp_path), tmp_path / "upload", Asked(fields)).title == "Import into legs"
