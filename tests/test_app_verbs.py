"""What the page asks for becomes commands that the command line knows; what they leave behind is shown."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import condyle
from app_server import Server, served
from condyle.app.jobs.commands import PLANS, planned
from condyle.app.workspace import Workspace
from condyle.cli.options import flag_of, knobs_of
from condyle.errors import CondyleError
from condyle.labels import Labels
from datasets import LABELS, small_dataset


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A dataset, a model that looks trained, its curves, an evaluation and a comparison."""
    folder = tmp_path_factory.mktemp("verbs")
    small_dataset(folder / "d", tuple("abcdefg"))
    model = folder / "models" / "m"
    history = model / "training" / "fold_0" / "history.csv"
    history.parent.mkdir(parents=True)
    history.write_text("epoch,loss,dice: femur\n1,0.5,0.7\n", encoding="utf-8")
    labels = Labels.of({"femur_left": 1, "tibia": 2})
    (model / "labels.json").write_text(json.dumps(labels.to_json()), encoding="utf-8")
    (model / "plan.json").write_text("{}", encoding="utf-8")
    (model / "record.json").write_text('{"folds": {"0": {}}, "dataset": "d"}', encoding="utf-8")
    shutil.copytree(model, folder / "models" / "old", ignore=shutil.ignore_patterns("training"))
    (model / "validation").mkdir()
    shutil.copyfile(folder / "d/labels/reference/b.nii.gz", model / "validation" / "b.nii.gz")
    for name in ("scored", "compared", "empty"):
        (folder / "results" / name).mkdir(parents=True)
    (folder / "results/scored/scores.csv").write_text("case,structure,dice\na,femur,0.9\n", encoding="utf-8")
    (folder / "results/scored/report.html").write_text("<script>1</script>", encoding="utf-8")
    told = {"findings": ["b is better"], "notes": []}
    (folder / "results/compared/compare.json").write_text(json.dumps(told), encoding="utf-8")
    return Workspace(folder)


@pytest.fixture(scope="module")
def asked(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Something sound to ask of each verb."""
    key = workspace.dataset_key(workspace.folder / "d")
    dataset = workspace.dataset(key)
    case = workspace.case_key(dataset, dataset.cases[0])
    model, old = (workspace.model_key(workspace.folder / "models" / name) for name in ("m", "old"))
    of = {"dataset": key, "label_set": "reference"}
    return {
        "check": of,
        "fill": of | {"threshold": "otsu", "overwrite": True},
        "segment": of | {"model": model, "label_set": "auto", "uncertainty": True, "cases": [case]},
        "train": of | {"name": "new", "recipe": "quick", "fold": "cv", "minutes": 2, "start": model},
        "evaluate": of | {"reference": "reference"},
        "compare": {"dataset": key, "label_sets": ["reference", "reference"], "reference": "reference"},
        "contest": {"dataset": key, "model": model, "reference": "reference", "against": old},
        "mesh": of | {"case": case, "formats": ["stl", "glb"]},
        "export": of | {"number": 7},
    }


@pytest.mark.parametrize("verb", PLANS)
def test_every_option_of_a_planned_command_is_one_of_the_verb(workspace, asked, verb):
    plan = planned(workspace, {"verb": verb, **asked[verb]})
    for name, *words in plan.steps:
        known = {flag_of(knob) for knob in knobs_of(condyle.verb(name))} | {"-o"}
        assert {word for word in words if word.startswith("-")} <= known
    assert plan.place == asked[verb]["dataset"]
    assert not any(case in plan.title for case in (" a ", " b "))


def test_structures_of_a_model_get_ids_that_the_dataset_has_not(workspace, asked):
    enter = planned(workspace, {"verb": "segment", **asked["segment"]}).steps[-1]
    pairs = dict(pairwise(enter))
    assert "2=tibia" in enter
    named = {word for before, word in pairwise(enter) if before == "--name"}
    assert {"femur_left=1", "femur_right=2", "patella=4", "tibia=3"} == named
    assert pairs["--label-set"].startswith("auto=")


def test_all_cases_of_a_dataset_are_segmented_at_once(workspace, asked):
    whole = {name: value for name, value in asked["segment"].items() if name != "cases"}
    words = planned(workspace, {"verb": "segment", **whole}).steps[0]
    assert words[2] == str(workspace.folder / "d")


def test_a_model_is_judged_on_the_cases_it_did_not_learn_from_and_so_is_its_rival(workspace, asked):
    improved, segment, original, compare = planned(workspace, {"verb": "contest", **asked["contest"]}).steps
    assert "m-held-out=" in improved[improved.index("--label-set") + 1]
    assert [word for word in segment if word.endswith(".nii.gz")] == [str(workspace.folder / "d/images/CT/b.nii.gz")]
    assert "old-original=" in original[original.index("--label-set") + 1]
    assert compare[-6:] == ("--label-set", "old-original", "--label-set", "m-held-out", "--reference", "reference")
    shutil.copytree(workspace.folder / "models/m/validation", workspace.folder / "models/old/validation")
    steps = planned(workspace, {"verb": "contest", **asked["contest"]}).steps
    assert [step[0] for step in steps] == ["import", "import", "compare"]  # what it made of them is there
    shutil.rmtree(workspace.folder / "models/old/validation")


def test_a_contest_without_held_out_cases_or_with_itself_is_refused(workspace, asked):
    swapped = {"model": asked["contest"]["against"], "against": asked["contest"]["model"]}
    with pytest.raises(CondyleError, match="fold to test on"):
        planned(workspace, {"verb": "contest", **asked["contest"], **swapped})
    with pytest.raises(CondyleError, match="something else"):
        planned(workspace, {"verb": "contest", **asked["contest"], "against_set": "reference"})


def test_a_model_that_is_not_ready_is_refused_with_what_to_do(workspace, asked):
    unready = workspace.folder / "models" / "begun"
    (unready / "training").mkdir(parents=True)
    (unready / "training" / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CondyleError, match="first fold"):
        planned(workspace, {"verb": "segment", **asked["segment"], "model": workspace.model_key(unready)})


@pytest.fixture(scope="module")
def server(workspace: Workspace) -> Any:
    with served(workspace.folder) as running:
        yield running


def test_models_and_their_curves_are_told(server: Server):
    models = {m["name"]: m for m in server.json("GET", "/api/models")["models"] if m["own"]}
    assert models["m"]["ready"]
    assert models["m"]["structures"] == ["femur_left", "tibia"]
    told = server.json("GET", f"/api/models/{models['m']['key']}/history")
    assert told["folds_history"]["0"]["dice"] == {"femur": [0.7]}


def test_results_are_told_and_their_pages_run_apart(server: Server):
    results = {r["name"]: r for r in server.json("GET", "/api/results")["results"]}
    assert set(results) == {"scored", "compared"}
    assert results["compared"]["findings"] == ["b is better"]
    assert results["scored"]["table"][0]["dice"] == 0.9
    status, headers, _ = server.ask("GET", results["scored"]["files"]["report.html"])
    assert status == 200
    assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    assert "attachment" in server.ask("GET", results["scored"]["files"]["scores.csv"])[1]["content-disposition"]
    assert server.ask("GET", f"/api/results/{results['scored']['key']}/secret")[0] == 404


def test_the_queue_puts_the_odd_case_first_and_who_was_seen_last(server: Server, workspace: Workspace):
    from condyle import io

    key = server.json("GET", "/api/datasets")["datasets"][0]["key"]
    path = workspace.folder / "d/labels/reference/d.nii.gz"
    volume = io.read_labels(path)
    volume.array[volume.array == LABELS["femur_left"].id] = 0
    volume.array[17, 10, 8] = LABELS["femur_left"].id
    io.write(path, volume, overwrite=True)
    job = server.json("POST", "/api/jobs", {"verb": "check", "dataset": key})["job"]
    server.wait_for_job(job["id"])
    queue = server.json("GET", f"/api/datasets/{key}/queue?set=reference")
    while queue["measuring"]:
        queue = server.json("GET", f"/api/datasets/{key}/queue?set=reference")
    first = queue["cases"][0]
    assert first["id"] == "d"
    assert "volume" in [need["code"] for need in first["needs"]]
    server.json("PUT", f"/api/datasets/{key}/cases/{first['key']}/verdict", {"verdict": "accepted"})
    assert server.json("GET", f"/api/datasets/{key}/queue?set=reference")["cases"][-1]["id"] == "d"
    assert server.ask("GET", f"/api/datasets/{key}/queue")[0] == 404


def test_a_broken_dataset_is_listed_with_what_is_wrong(server: Server, workspace: Workspace):
    broken = workspace.folder / "broken"
    broken.mkdir()
    (broken / "dataset.json").write_text("{", encoding="utf-8")
    listed = {d["name"]: d for d in server.json("GET", "/api/datasets")["datasets"]}
    assert "expected" in listed["broken"]["fault"]


def test_a_scan_is_seen_coarse_first(server: Server, tmp_path: Path):
    from condyle import io

    key = next(d["key"] for d in server.json("GET", "/api/datasets")["datasets"] if d["name"] == "small")
    case = server.json("GET", f"/api/datasets/{key}")["cases"][0]["key"]
    (tmp_path / "c.nii.gz").write_bytes(server.ask("GET", f"/api/datasets/{key}/cases/{case}/image/CT?coarse=1")[2])
    assert io.read(tmp_path / "c.nii.gz").shape == (24, 20, 16)
    assert server.ask("GET", f"/api/datasets/{key}/cases/{case}/uncertainty/reference")[0] == 404
    assert server.ask("GET", f"/api/datasets/{key}/cases/{case}/image/MR")[0] == 404
