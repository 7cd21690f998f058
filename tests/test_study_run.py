"""Studies are run with real commands, killed, gone on with and reported."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import condyle
from condyle.data import Dataset
from condyle.errors import ConfigError, DataError
from condyle.jobs.settings import JobSettings
from condyle.studies import expand, read_study
from condyle.studies.results import history, model_facts, parameters
from condyle.workflow.experiments.study_folder import begin, begun
from condyle.workflow.experiments.study_report import _summed
from condyle.workflow.experiments.study_run import _has_split
from condyle.workflow.experiments.study_sentences import energy, split

ONE = JobSettings(workers=1, threads=1, attempts=1, lost_s=3)

#: Two trainings of seconds on three small femora pairs, choice, crossed test, questions.
STUDY = """\
name: bones
title: Small <bones>
source: nobody
datasets:
  femora:
    phantom: {kind: proximal_femur, count: 6, spacing_mm: [6, 6, 6], label_sets: {corrected: manual}}
    folds: {count: 2, test_fraction: 0.3}
models:
  net:
    data: femora
    recipe: quick
    label_sets: [corrected]
    over: {batch: [1, 2]}
  final: {data: femora, best_of: [net], label_sets: [fill], fold: all}
evaluate:
  test: {models: [final], data: femora, part: test, against: [corrected, fill]}
questions:
  batch: {ask: Does the batch matter?, models: [net], baseline: femur}
change: {features: 4, patch: [16, 16, 16], iterations: 2, val_iterations: 1, epochs: 1, compiled: false}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("file") / "bones.yaml"
    path.write_text(STUDY.replace("Does the batch matter?", '"Does the batch matter?"'), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def begin_run(file: Path, out: Path) -> subprocess.Popen[bytes]:
    words = ["study", "run", str(file), "-o", str(out), "--workers", "1", "--threads", "1"]
    none = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", "condyle", *words], stderr=none, stdout=none)


@pytest.fixture(scope="module")
def ran(file, tmp_path_factory):
    """The study's folder, after it was killed in the middle and gone on with; and what was done before."""
    out = tmp_path_factory.mktemp("run") / "bones"
    process = begin_run(file, out)
    while process.poll() is None and not (out / "models").is_dir():
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = condyle.study("status", out).states
    masks = {p: p.stat().st_mtime_ns for p in out.glob("data/femora/labels/*/*")}
    state = condyle.study("resume", out, jobs=ONE)
    return out, state, before, masks


def test_a_study_that_was_killed_goes_on_and_does_not_repeat_what_was_done(ran):
    _, state, before, masks = ran
    assert {"done", "waiting"} <= set(before.values()) | {"done"}
    assert "waiting" in before.values()
    assert set(state.states.values()) <= {"done", "attention"}, str(state)
    assert masks
    assert all(path.stat().st_mtime_ns == at for path, at in masks.items())


def test_the_chosen_configuration_is_trained_on_all_but_the_test_part(ran):
    out, *_ = ran
    parts = Dataset.open(out / "data/femora").folds.parts
    record = json.loads((out / "models/final/record.json").read_text())
    assert set(record["folds"]["all"]["cases"]) == {case for case, part in parts.items() if part != "test"}
    chosen = json.loads((out / "chosen/final.json").read_text())
    told = json.loads((out / "chosen/final_choice.json").read_text())
    assert Path(told["model"]).name == f"net-batch{chosen['batch']}"
    assert max(told["dice"], key=told["dice"].get) == Path(told["model"]).name


def test_only_the_test_part_is_segmented_and_every_donor_stays_on_one_side(ran):
    out, *_ = ran
    dataset = Dataset.open(out / "data/femora")
    tested = {case for case, part in dataset.folds.parts.items() if part == "test"}
    assert {p.name.removesuffix(".nii.gz") for p in (out / "masks/test/final").iterdir()} == tested
    donors = {dataset[case].group for case in tested}
    assert not donors & {dataset[case].group for case in dataset.folds.parts if case not in tested}
    rows = rows_of(out / "scores/test/final.by-corrected.csv")
    assert {row["case"] for row in rows} == tested
    assert {row["group"] for row in rows} == donors


def test_the_way_the_femur_study_split_its_files_tears_donors_apart_and_is_refused():
    """Shuffled files, 87 % of them to learn from: a donor's femora come to lie on both sides."""
    import random

    from condyle.data import Case
    from condyle.data.folds import Folds, make_folds

    cases = [Case(f"p{n:02d}_{side}", f"p{n:02d}", {"CT": "x"}) for n in range(36) for side in ("left", "right")]
    shuffled = random.Random(123).sample(cases, len(cases))  # noqa: S311 - as it was done
    parts = {case.id: "train" if n < int(72 * 0.87) else "test" for n, case in enumerate(shuffled)}
    with pytest.raises(DataError, match="all its cases in one part"):
        Folds("hold-out", 123, parts).check_against(cases, "as it was")
    make_folds(cases, test_fraction=0.13, seed=123).check_against(cases, "as it is")


def test_the_page_answers_each_question_and_tells_what_was_done(ran):
    out, state, *_ = ran
    page = (out / "report.html").read_text()
    assert state.page == str(out / "report.html")
    assert "Small &lt;bones&gt;" in page
    assert "Does the batch matter?" in page
    assert "compare/batch/compare.html" in page
    assert (out / "compare/batch/compare.html").is_file()
    for heading in ("Scores", "Configurations", "Training progress", "What it took", "Numbers of others", "Yosibash"):
        assert heading in page
    assert "no patient in two parts" in page
    assert "Simulated scans: femora." in page
    assert "condyle train data/femora -o models/final --recipe chosen/final.json" in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_tables_hold_the_numbers_of_the_runs(ran):
    out, *_ = ran
    rows = {row["training"]: row for row in rows_of(out / "trainings.csv")}
    assert set(rows) == {"net-batch1", "net-batch2", "final"}
    facts = model_facts(out / "models/net-batch1")
    assert float(rows["net-batch1"]["dice"]) == pytest.approx(facts.dice["femur"])
    assert int(rows["net-batch1"]["steps"]) == 2
    assert float(rows["net-batch1"]["ram_gib"]) > 0.1
    assert rows["final"]["dice"] == ""
    told = rows_of(out / "scores.csv")
    tested = next(r for r in told if (r["evaluation"], r["metric"]) == ("test", "dice"))
    scored = [float(r["dice"]) for r in rows_of(out / "scores/test/final.by-corrected.csv")]
    assert float(tested["mean"]) == pytest.approx(sum(scored) / len(scored))


def test_the_same_masks_are_judged_by_each_label_set_in_turn(ran):
    out, *_ = ran
    told = [row for row in rows_of(out / "scores.csv") if (row["evaluation"], row["metric"]) == ("test", "dice")]
    assert [(row["learnt"], row["against"]) for row in told] == [("fill", "corrected"), ("fill", "fill")]
    for row in told:
        scored = [float(r["dice"]) for r in rows_of(out / f"scores/test/final.by-{row['against']}.csv")]
        assert float(row["mean"]) == pytest.approx(sum(scored) / len(scored))
    judged = [(out / f"scores/test/final.by-{name}.csv").read_text() for name in ("corrected", "fill")]
    assert judged[0] != judged[1]


def test_parameters_are_those_of_the_network(ran):
    from condyle import models
    from condyle.nets.build import build
    from condyle.nets.count import count

    out, *_ = ran
    net = build(models.load(out / "models/final").plan.net)
    assert parameters(out / "models/final/fold_all.safetensors") == count(net).with_statistics


def test_a_study_that_is_done_does_nothing_when_run_again(ran, file):
    out, *_ = ran
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.safetensors")}
    state = condyle.study("run", file, out=out, jobs=ONE)
    assert state.exit_code == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.safetensors")} == before


def test_a_question_may_be_added_but_a_training_must_not_change(ran, file, tmp_path):
    out, *_ = ran
    grown = tmp_path / "grown.yaml"
    question = "questions:\n  sets: {ask: sets, data: femora, label_sets: [fill, corrected]}\n"
    grown.write_text(file.read_text().replace("questions:\n", question))
    state = condyle.study("run", grown, out=out, jobs=ONE)
    assert state.states["compare-sets"] in {"done", "attention"}
    grown.write_text(file.read_text().replace("iterations: 2", "iterations: 3"))
    with pytest.raises(ConfigError, match="iterations 3"):
        condyle.study("run", grown, out=out, jobs=ONE)


def test_a_dry_run_shows_the_commands_and_touches_nothing(file, tmp_path):
    told = str(condyle.study("run", file, out=tmp_path / "none", dry_run=True))
    assert told.splitlines()[0] == f"mkdir -p {tmp_path / 'none'} && cd {tmp_path / 'none'}"
    assert told.splitlines()[1].startswith("condyle phantom proximal_femur data/femora")
    assert not (tmp_path / "none").exists()


def test_a_step_that_fails_is_told_and_the_others_go_on(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        "name: bad\ntitle: Bad\ndatasets:\n  a:\n    phantom: {kind: proximal_femur, count: 2, spacing_mm: [8, 8, 8]}\n"
        "    folds: {count: 2}\n  b:\n    path: nowhere\nmodels: {}\n"
    )
    state = condyle.study("run", path, out=tmp_path / "bad", jobs=ONE)
    assert state.exit_code == 1
    # One donor cannot be split in two; there is no dataset b. The phantoms were made nevertheless.
    assert state.states == {"phantom-a": "done", "folds-a": "failed", "folds-b": "failed"}
    assert "failed: folds-b" in str(state)
    assert "folds-b failed" in (tmp_path / "bad/report.html").read_text()


def test_a_report_can_be_written_before_anything_is_there(file, tmp_path):
    begin(read_study(file), tmp_path / "new")
    state = condyle.study("report", tmp_path / "new")
    page = Path(state.page).read_text()
    assert "Not answered yet" in page
    assert "steps wait" in page


def test_a_users_dataset_keeps_the_split_it_has(ran, file, tmp_path):
    out, *_ = ran
    asked = read_study(file, data={"femora": out / "data/femora"}, label_sets={"corrected": "manual"})
    steps = {step.id: step for step in expand(asked)}
    assert "phantom-femora" not in steps
    assert _has_split(steps["folds-femora"], tmp_path)


def test_a_study_on_a_dataset_that_has_its_split_comes_to_an_end(tmp_path):
    condyle.phantom("proximal_femur", tmp_path / "mine", count=4, spacing=(8.0, 8.0, 8.0))
    condyle.folds(tmp_path / "mine", count=2)
    (tmp_path / "own.yaml").write_text("name: own\ntitle: Own\ndatasets:\n  fem: {path: mine}\nmodels: {}\n")
    state = condyle.study("run", tmp_path / "own.yaml", out=tmp_path / "own", jobs=ONE)
    assert (state.states, state.exit_code) == ({"folds-fem": "done"}, 0)
    assert "waiting" not in str(condyle.study("status", tmp_path / "own"))
    (tmp_path / "mine" / "dataset.json").write_text("{")
    assert condyle.study("status", tmp_path / "own").states == {"folds-fem": "waiting"}


def test_a_folder_of_other_things_and_a_folder_of_none_are_refused(file, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="other things"):
        begin(read_study(file), tmp_path)
    with pytest.raises(DataError, match="condyle study run"):
        begun(tmp_path)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(DataError, match="a study"):
        begun(tmp_path)
    with pytest.raises(ConfigError, match="no other data"):
        condyle.study("resume", tmp_path, device="cuda")
    with pytest.raises(ConfigError, match="a study has its own"):
        condyle.study("run", file, out=tmp_path / "x", jobs=JobSettings(manifest=tmp_path / "m"))


def test_a_history_with_half_a_line_is_read_to_the_line_before(ran, tmp_path):
    out, *_ = ran
    whole = (out / "models/net-batch1/training/fold_0/history.csv").read_text()
    (tmp_path / "history.csv").write_text(whole + "2,4,0.1")
    assert len(history(tmp_path / "history.csv")["loss"]) == 1
    (tmp_path / "history.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="the table of a training"):
        history(tmp_path / "history.csv")
    (tmp_path / "fold_0.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match="a safetensors file"):
        parameters(tmp_path / "fold_0.safetensors")
    assert model_facts(tmp_path) is None


def test_what_is_asked_of_a_part_must_be_a_part_of_a_dataset(ran, tmp_path):
    out, *_ = ran
    data, masks = out / "data/femora", out / "masks/test/final"
    with pytest.raises(ConfigError, match="one of 0, 1, test, got 7"):
        condyle.evaluate(masks, data / "labels/manual", part="7")
    with pytest.raises(ConfigError, match="DATASET/labels/SET"):
        condyle.evaluate(masks, masks, part="test")
    with pytest.raises(DataError, match="masks of the part 0"):
        condyle.evaluate(masks, data / "labels/manual", part="0")
    with pytest.raises(ConfigError, match="one dataset to go with it"):
        condyle.segment(out / "models/final", [next(masks.iterdir())], out=tmp_path / "m", part="test")
    untouched = tmp_path / "unsplit"
    condyle.phantom("proximal_femur", untouched, count=1, spacing=(9, 9, 9))
    with pytest.raises(DataError, match="condyle folds"):
        condyle.evaluate(untouched, label_sets=("fill", "truth"), part="test")
    # All cases asked for: those that nobody segmented are told.
    assert len(condyle.evaluate(masks, data / "labels/manual", processes=1).unmatched) == 4


# --- choosing ---


def test_the_cheapest_of_those_that_cannot_be_told_apart_can_be_asked_for(ran, tmp_path):
    out, *_ = ran
    folders = [out / "models/net-batch1", out / "models/net-batch2"]
    best = condyle.choose(folders, out=tmp_path / "best.json")
    cheap = condyle.choose(folders, out=tmp_path / "cheap.json", prefer="cheapest")
    assert Path(best.model).name == next(iter(best.dice))
    candidates = [Path(best.model).name, *best.level]
    assert Path(cheap.model).name == min(candidates, key=lambda name: cheap.seconds[name])
    assert "chosen:" in str(best)
    with pytest.raises(DataError, match=r"best.json"):
        condyle.choose(folders, out=tmp_path / "best.json")
    with pytest.raises(DataError, match=r"scores.csv"):
        condyle.choose([folders[0], out / "models/final"], out=tmp_path / "none.json")
    with pytest.raises(ConfigError, match="a file for the recipe"):
        condyle.choose(folders)


def test_the_report_tells_the_energy_where_a_machine_counts_it_and_a_dataset_without_a_split(ran, tmp_path):
    (tmp_path / "rounds.csv").write_text("round,steps,seconds,energy_kj\n1,a b,10,2.5\n2,c,5,1.25\n")
    assert "ran for 15 s" in energy(tmp_path)
    assert "rose by 3.8 kJ" in energy(tmp_path)
    assert "does not tell" in energy(tmp_path / "none")
    assert (_summed([1.0, 2.5]), _summed([1.0, None]), _summed([])) == (3.5, None, None)
    assert split("a", tmp_path) == "a: not there yet."
    condyle.phantom("proximal_femur", tmp_path / "ds", count=1, spacing=(8.0, 8.0, 8.0))
    assert split("a", tmp_path / "ds") == "a: 1 case, not split."


def test_what_segmenting_took_stands_in_the_report_of_the_study(ran):
    out, *_ = ran
    (row,) = rows_of(out / "segmenting.csv")
    assert (row["evaluation"], row["model"]) == ("test", "final")
    assert int(row["scans"]) == len(list((out / "masks/test/final").glob("*.nii.gz")))
    assert float(row["seconds"]) > 0
    assert float(row["steps_per_s"]) > 0
    assert float(row["ram_gib"]) > 0.05
    page = (out / "report.html").read_text()
    assert "time of segmenting a scan (s)" in page
    training = rows_of(out / "trainings.csv")[0]
    assert float(training["steps_per_s"]) > 0
    assert "energy_kj" in training
