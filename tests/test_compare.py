"""`condyle compare`: candidates on the same cases, through the command line and in Python."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare_cases import GRID, NAMES, candidates, mask, patients_file
from condyle import io
from condyle.errors import ConfigError, DataError
from condyle.metrics.compare import MetricSettings
from condyle.metrics.paired import Difference
from condyle.metrics.statistics import Comparison
from condyle.reports.comparison.baselines import BASELINES, CAUTIONS
from condyle.reports.comparison.page import page, title_of
from condyle.reports.comparison.panel import boxes
from condyle.reports.comparison.sentences import findings
from condyle.reports.comparison.study import Study
from condyle.reports.comparison.verdicts import p_text, verdict
from condyle.reports.plots import Row
from condyle.space import Volume, reorient
from condyle.workflow.compare import compare
from condyle.workflow.evaluate import evaluate
from datasets import small_dataset

CONDYLE = str(Path(sys.executable).with_name("condyle"))
QUICK: dict[str, Any] = {"names": NAMES, "processes": 1, "settings": MetricSettings(overlap_only=True)}


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("compare")
    return candidates(root) | {"patients": patients_file(root), "root": root}


@pytest.fixture(scope="module")
def made(where: dict[str, Path]) -> tuple[Path, dict[str, Any]]:
    """Three candidates compared on the command line; the folder and what it printed."""
    out = where["root"] / "out"
    command = [
        CONDYLE,
        "compare",
        "3d",
        "2d",
        "poor",
        "--reference",
        "truth",
        "--patients",
        "patients.csv",
        "-o",
        "out",
    ]
    command += ["--name", "femur=1", "--name", "patella=2", "--images", "scans", "--cases", "2", "--processes", "1"]
    command += ["--baseline", "femur", "--json"]
    shown = subprocess.run(command, cwd=where["root"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    return out, json.loads(shown.stdout)


def test_the_numbers_are_those_of_evaluate(where: dict[str, Path], made: tuple[Path, dict[str, Any]]):
    found = evaluate(where["2d"], where["truth"], names=NAMES, patients=where["patients"], processes=1)
    told = made[1]["scores"]["femur"]["2d"]
    for metric in ("dice", "assd_mm", "hd95_penalised_mm", "volume_error_ml"):
        assert told[metric] == json.loads(json.dumps(found.summary["femur"][metric].to_json()))


def test_a_missed_structure_is_counted_and_stays_in_every_pair(made: tuple[Path, dict[str, Any]]):
    patella = made[1]["scores"]["patella"]["poor"]
    assert patella["status"]["missed"] == 1
    assert (patella["dice"]["n"], patella["assd_mm"]["n"], patella["assd_penalised_mm"]["n"]) == (14, 13, 14)
    pairs = [d for d in made[1]["differences"] if d["structure"] == "patella" and "poor" in (d["a"], d["b"])]
    assert {(d["n"], d["left_out"], d["groups"]) for d in pairs} == {(14, 0, 7)}
    assert {d["leader"] for d in pairs} == {None}


def test_the_order_is_the_one_that_was_made(made: tuple[Path, dict[str, Any]]):
    ranking = made[1]["rankings"]["femur"]["dice"]
    assert ranking["names"] == ["3d", "2d", "poor"]
    assert ranking["blocks"] == 7
    assert any(line.startswith("femur: 3d is ahead of 2d and poor by 0.0") for line in made[1]["findings"])
    assert any("cannot reject" in line for line in made[1]["findings"])


def test_the_tables_hold_what_the_json_holds(made: tuple[Path, dict[str, Any]]):
    out, told = made
    assert json.loads((out / "compare.json").read_text(encoding="utf-8")) == told
    rows = list(csv.DictReader((out / "scores.csv").read_text(encoding="utf-8").splitlines()))
    (row,) = [r for r in rows if (r["structure"], r["candidate"], r["metric"]) == ("femur", "3d", "dice")]
    assert float(row["mean"]) == told["scores"]["femur"]["3d"]["dice"]["mean"]
    pairs = list(csv.DictReader((out / "differences.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(r["difference"]) for r in pairs] == [d["difference"] for d in told["differences"]]


def test_the_page_has_every_part_and_nothing_from_elsewhere(made: tuple[Path, dict[str, Any]]):
    text = (made[0] / "compare.html").read_text(encoding="utf-8")
    for part in ("Differences on the same cases", "critical difference", "only 2d", "Deng Y", "sorted bars"):
        assert part in text
    assert text.count("data:image/png;base64,") == 2
    assert "<script" not in text
    assert "http" not in text.replace("Content-Security-Policy", "").replace("http-equiv", "")


def test_one_of_two_is_better_where_interval_and_test_say_so(where: dict[str, Path]):
    names = ("fine", "coarse")
    result = compare([where["3d"], where["2d"]], reference=where["truth"], titles=names, **QUICK, structures=("femur",))
    line = next(line for line in findings(result.study) if "better" in line)
    assert line.startswith("femur: fine is better than coarse by 0.0")
    assert "14 patients" in line
    assert "fine" in str(result)
    assert result.exit_code == 0
    again = compare([where["3d"], where["2d"]], reference=where["truth"], titles=names, **QUICK, structures=("femur",))
    assert again.to_json() == result.to_json()


def test_without_a_reference_volumes_and_places_are_told(where: dict[str, Path], tmp_path: Path):
    known = {"names": NAMES, "processes": 1, "patients": where["patients"]}
    result = compare([where["truth"], where["poor"]], out=tmp_path / "out", cases=1, **known)
    pair = result.study.between[0]
    volumes = [io.read_labels(where[w] / "p0_left.nii.gz").array for w in ("truth", "poor")]
    change = (np.count_nonzero(volumes[1] == 1) - np.count_nonzero(volumes[0] == 1)) * GRID.voxel_volume_mm3 / 1000
    assert pair.cases["p0_left"]["femur"].volume_error_ml == pytest.approx(change)
    assert (pair.a, pair.b, pair.counts["patella"]["missed"], result.study.patients) == ("truth", "poor", 1, 7)
    told = findings(result.study)
    assert any("surfaces are" in line and "poor has \N{MINUS SIGN}" in line for line in told)
    assert any("only truth has it in 1 case" in line for line in told)
    assert result.study.differences == ()
    text = (tmp_path / "out/compare.html").read_text(encoding="utf-8")
    assert "missed by “poor”" in text
    assert "held against each other" in text
    assert not (tmp_path / "out/differences.csv").exists()
    assert "truth / poor" in str(result)


def test_label_sets_that_a_dataset_has_not_are_refused(tmp_path: Path):
    folder = small_dataset(tmp_path / "ds").folder
    with pytest.raises(ConfigError, match="names among reference, got nowhere"):
        compare([folder], label_sets=["reference", "nowhere"], processes=1)
    with pytest.raises(ConfigError, match="one dataset"):
        compare([folder, folder], label_sets=["reference", "nowhere"], processes=1)


def test_tables_are_compared_without_any_mask(where: dict[str, Path], tmp_path: Path):
    known = {"names": NAMES, "patients": where["patients"], "processes": 1}
    for name in ("3d", "2d"):
        evaluate(where[name], where["truth"], out=tmp_path / f"{name}.csv", **known)
    result = compare([tmp_path / "3d.csv", tmp_path / "2d.csv"], out=tmp_path / "out")
    assert result.study.names == ("3d", "2d")
    assert (result.study.patients, result.study.between, result.study.drawn) == (7, (), ())
    masks = compare(
        [where["3d"], where["2d"]], reference=where["truth"], names=NAMES, processes=1, patients=where["patients"]
    )
    assert [d.to_json() for d in masks.study.differences] == [d.to_json() for d in result.study.differences]
    with pytest.raises(ConfigError, match="one to judge the masks by"):
        compare([tmp_path / "3d.csv", where["2d"]])
    with pytest.raises(ConfigError, match="tables of scores name their patients"):
        compare([tmp_path / "3d.csv", tmp_path / "2d.csv"], patients=where["patients"])
    with pytest.raises(DataError, match="patient of p0_left"):
        compare([tmp_path / "3d.csv", where["2d"]], reference=where["truth"], names=NAMES, processes=1)


def test_seeds_of_one_model_are_one_candidate(where: dict[str, Path], tmp_path: Path):
    names = ("net@1", "net@2", "other")
    given = [where["3d"], where["2d"], where["poor"]]
    result = compare(
        given, reference=where["truth"], titles=names, structures=("femur",), out=tmp_path / "out", cases=0, **QUICK
    )
    assert result.study.names == ("net", "other")
    assert result.study.seeded
    (d,) = [d for d in result.study.differences if d.metric == "dice"]
    means = [result.study.candidates[0].run_means("femur", "dice")[run] for run in ("net@1", "net@2")]
    assert d.seeds_sd == pytest.approx(np.std(means, ddof=1))
    assert any("another seed changes" in line for line in findings(result.study))
    assert "SD between seeds" in (tmp_path / "out/compare.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="seeds of one, net"):
        compare(given[:2], reference=where["truth"], titles=names[:2], **QUICK)


@pytest.fixture
def few(tmp_path: Path) -> dict[str, Path]:
    return candidates(tmp_path, patients=2)


def test_other_cases_are_listed_on_both_sides_and_left_out_only_when_asked(few: dict[str, Path]):
    (few["3d"] / "p0_left.nii.gz").unlink()
    (few["2d"] / "p1_right.nii.gz").unlink()
    for reference in (few["truth"], None):
        with pytest.raises(DataError, match="3d lacks p0_left; 2d lacks p1_right") as caught:
            compare([few["3d"], few["2d"]], reference=reference, **QUICK)
        assert "--common" in str(caught.value)
        result = compare([few["3d"], few["2d"]], reference=reference, common=True, **QUICK)
        assert set(result.study.groups) == {"p0_right", "p1_left"}
        assert result.exit_code == 1
        assert "not in these numbers: 3d lacks p0_left" in str(result)
        assert "2 cases of 2 patients" in page(result.study, version="1")


def test_candidates_that_share_no_case_cannot_be_compared(few: dict[str, Path], tmp_path: Path):
    io.write(tmp_path / "other/x.nii.gz", mask(10))
    with pytest.raises(DataError, match="other lacks p0_left") as caught:
        compare([few["3d"], tmp_path / "other"], common=True, **QUICK)
    assert "--common" not in str(caught.value)


def test_other_grids_are_an_error_that_names_the_candidate_and_both_grids(few: dict[str, Path]):
    volume = mask(10)
    moved = GRID.affine.copy()
    moved[0, 3] += 1
    io.write(few["2d"] / "p0_left.nii.gz", Volume.of(volume.array, moved), overwrite=True)
    with pytest.raises(DataError, match=r"2d: p0_left.*they differ in origin"):
        compare([few["3d"], few["2d"]], reference=few["truth"], **QUICK)
    result = compare([few["3d"], few["2d"]], reference=few["truth"], common=True, **QUICK)
    assert "p0_left" not in result.study.groups
    assert len(result.study.notes) == 2
    resampled = compare([few["3d"], few["2d"]], reference=few["truth"], resample=True, **QUICK)
    assert len(resampled.study.groups) == 4


def test_other_structures_are_an_error_that_lists_them(few: dict[str, Path], tmp_path: Path):
    for path in few["2d"].iterdir():
        volume = io.read_labels(path)
        io.write(path, volume.with_array(np.where(volume.array == 2, 3, volume.array).astype(np.uint8)), overwrite=True)
    quick = {**QUICK, "names": None}
    with pytest.raises(DataError, match="3d lacks label_3"):
        compare([few["3d"], few["2d"]], reference=few["truth"], **quick)
    result = compare([few["3d"], few["2d"]], reference=few["truth"], structures=("label_1",), **quick)
    assert result.study.structures == ("label_1",)


def test_one_case_shows_nothing_but_its_scores(few: dict[str, Path]):
    files = [few[name] / "p0_left.nii.gz" for name in ("3d", "2d")]
    result = compare(files, reference=few["truth"] / "p0_left.nii.gz", titles=("a", "b"), names=NAMES, processes=1)
    assert findings(result.study)[0] == "femur: nothing can be shown by Dice, with 1 case of 1 patient."
    assert result.study.rankings == {"femur": {}, "patella": {}}
    assert {d.verdict for d in result.study.differences} == {"nothing"}
    assert "nothing can be shown" in page(result.study, version="1")


def test_what_does_not_go_together_is_refused(few: dict[str, Path], tmp_path: Path):
    both = [few["3d"], few["2d"]]
    with pytest.raises(ConfigError, match="two or more things"):
        compare(both[:1], **QUICK)
    with pytest.raises(ConfigError, match="one for each of 2"):
        compare(both, titles=("a",), **QUICK)
    with pytest.raises(ConfigError, match="a more than once"):
        compare(both, titles=("a", "a"), **QUICK)
    with pytest.raises(ConfigError, match="0 or more"):
        compare(both, cases=-1, **QUICK)
    with pytest.raises(DataError, match="nothing of that name"):
        compare([few["3d"], tmp_path / "nowhere"], **QUICK)
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="no file of that name"):
        compare(both, out=tmp_path / "out", **QUICK)
    compare(both, out=tmp_path / "out", overwrite=True, cases=0, **QUICK)
    assert (tmp_path / "out/compare.html").is_file()


def difference(a: str, b: str, interval: tuple[float, float], *, p: float = 0.5, sd: float | None = None) -> Difference:
    winner = None if interval[0] <= 0 <= interval[1] else "a"
    comparison = Comparison(30, 30, sum(interval) / 2, interval, p, winner)
    return Difference("femur", "dice", a, b, comparison, holm_p=p, seeds_sd=sd)


def told(*found: Difference) -> list[str]:
    groups = {f"c{n}": f"p{n}" for n in range(30)}
    names = tuple(dict.fromkeys(name for d in found for name in (d.a, d.b)))
    return findings(Study(names, groups, truth="truth", summary={"femur": {}}, differences=found))


def test_the_sentences_follow_from_the_numbers():
    assert told(difference("3D", "2D", (0.0005, 0.0019), p=0.012)) == [
        "femur: 3D is better than 2D by 0.0012 Dice (95 % interval 0.0005 to 0.0019, 30 patients; p = 0.012)."
    ]
    assert told(difference("3D", "2D", (0.0005, 0.0019), p=0.0001, sd=0.0002)) == [
        "femur: 3D is better than 2D by 0.0012 Dice (95 % interval 0.0005 to 0.0019, 30 patients; another seed "
        "changes 0.0002; p < 0.001)."
    ]
    assert told(difference("3D", "2D", (0.0005, 0.0019), p=0.08)) == [
        "femur: 3D is ahead of 2D by 0.0012 Dice (95 % interval 0.0005 to 0.0019, 30 patients), which the test does "
        "not confirm (p = 0.080)."
    ]
    assert told(difference("3D", "2D", (0.0005, 0.0019), p=0.01, sd=0.002)) == [
        "femur: 3D and 2D differ by 0.0012 Dice, no more than another seed of one model changes (0.0020): no winner."
    ]
    assert told(difference("3D", "2D", (-0.0004, 0.0019))) == [
        "femur: no difference is shown between 3D and 2D; "
        "the interval, \N{MINUS SIGN}0.0004 to 0.0019 Dice, spans zero."
    ]
    small = [difference(a, b, (-0.0004, 0.0003)) for a, b in (("S", "M"), ("S", "L"), ("M", "L"))]
    assert told(*small) == [
        "femur: no difference is shown between S, M and L: what there is, is likely below 0.0004 Dice."
    ]
    large = [difference(a, b, (0.001, 0.002), p=0.002) for a in ("S", "M") for b in ("2D", "poor")]
    assert told(*large) == [
        "femur: S and M are each better than 2D and poor by 0.0015 to 0.0015 Dice (no 95 % interval spans zero, "
        "30 patients; p up to 0.002)."
    ]
    within = [difference(a, b, (0.001, 0.002), p=0.002, sd=0.003) for a, b in (("S", "M"), ("S", "L"), ("M", "L"))]
    assert told(*within) == [
        "femur: S, M and L differ by at most 0.0015 Dice, no more than another seed of one model changes (0.0030): "
        "no winner."
    ]
    assert told(small[0], small[1]) == [
        "femur: no difference is shown between S and M; S and L: what there is, is likely below 0.0004 Dice."
    ]


def test_the_words_of_a_verdict():
    assert verdict(difference("a", "b", (0.1, 0.2), p=0.01)) == "a better"
    assert verdict(difference("a", "b", (0.1, 0.2), p=0.2)) == "a ahead, p ≥ 0.05"
    assert verdict(difference("a", "b", (0.1, 0.2), p=0.01, sd=0.5)) == "within another seed"
    assert verdict(difference("a", "b", (-0.1, 0.2))) == "no difference shown"
    assert (p_text(0.0001), p_text(0.5), p_text(None)) == ("< 0.001", "= 0.500", "= –")  # noqa: RUF001


def test_titles_stay_short_and_a_plot_without_values_is_none():
    assert title_of(Study(("a", "b", "c", "d", "e"), {}, truth="t")) == "a, b, c and 2 more against t"
    assert title_of(Study(("a", "b"), {})) == "a and b"
    assert boxes([Row("a", ())], "Dice") == ""


def test_every_published_number_has_its_source_and_every_table_its_caution():
    assert set(CAUTIONS) == set(BASELINES)
    assert all(line.source and line.scores for lines in BASELINES.values() for line in lines)
    femur = {line.method: line.scores for line in BASELINES["femur"]}
    assert femur["Deng 2022"] == {"Dice": ".9782", "Sensitivity": ".9959", "Specificity": ".9989", "ASD (mm)": ".1657"}
    limb = {(line.method, line.structure): line.scores["Dice"] for line in BASELINES["limb"]}
    assert limb["nnU-Net 3D", "pelvis"] == ".70 ± .05"
    # The means of the report are those of its rows, to the digits it prints.
    for method in {line.method for line in BASELINES["limb"]}:
        rows = {bone: float(dice.split(" ")[0]) for (name, bone), dice in limb.items() if name == method}
        mean = rows.pop("mean of the four")
        assert sum(rows.values()) / 4 == pytest.approx(mean, abs=0.0051)
    knee = {name: float(text) for name, text in list(BASELINES["knee"][0].scores.items())[:2]}
    assert knee["IoU"] == pytest.approx(knee["Dice"] / (2 - knee["Dice"]), abs=1e-4)
    grid = [float(d) for line in BASELINES["femur-grid"] for d in line.scores.values() if d[0] == "."]
    assert (len(grid), max(grid)) == (22, 0.99172)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both femora of two subjects, with the label sets `truth`, `manual` and `fill`."""
    root = tmp_path_factory.mktemp("phantoms")
    run(root, "phantom", "proximal_femur", "ds", "--count", "4", "--seed", "7", "--spacing", "4", "4", "4")
    return root


def run(where: Path, *words: str) -> str:
    shown = subprocess.run([CONDYLE, *words], cwd=where, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_label_sets_of_phantoms_are_judged_by_their_truth(phantoms: Path):
    sets = ("--label-set", "fill", "--label-set", "manual", "--reference", "truth")
    told = json.loads(
        run(phantoms, "compare", "ds", *sets, "-o", "judged", "--cases", "1", "--processes", "1", "--json")
    )
    assert (told["candidates"], told["truth"]) == (["fill", "manual"], "truth")
    assert len(set(told["groups"].values())) == 2
    assert len(told["groups"]) == 4
    found = evaluate(phantoms / "ds", label_sets=("manual", "truth"), processes=1)
    assert told["scores"]["femur"]["manual"]["dice"]["mean"] == found.summary["femur"]["dice"].mean
    assert any("nothing can be shown by Dice, with 4 cases of 2 patients" in line for line in told["findings"])
    assert "p01_left" in (phantoms / "judged/compare.html").read_text(encoding="utf-8")


def test_an_automatic_mask_cut_short_is_held_against_its_correction(phantoms: Path):
    """A mask that lacks the head of the femur, as automatic ones do, and the corrected one."""
    for path in (phantoms / "ds/labels/truth").iterdir():
        volume = io.read_labels(path)
        cut = reorient(volume, "RAS")
        top = int(np.flatnonzero(cut.array.any(axis=(0, 1)))[-1])
        array = cut.array.copy()
        array[:, :, top - 3 :] = 0
        io.write(phantoms / "auto" / path.name, cut.with_array(array))
        io.write(phantoms / "corrected" / path.name, volume)
    text = run(
        phantoms, "compare", "auto", "corrected", "-o", "out", "--cases", "1", "--processes", "1", "--name", "femur=1"
    )
    assert "corrected has +" in text
    html = (phantoms / "out/compare.html").read_text(encoding="utf-8")
    assert "0.00 ml less" in html
    assert "upper part)" in html
