"""`python -m pretrain.calibrate`: drawn pictures in, a judge in the model's folder and a table for its card out."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from condyle import models
from condyle.errors import DataError
from condyle.phantoms.body import Subject
from condyle.phantoms.part import body
from condyle.phantoms.solids import box, sphere
from condyle.phantoms.synthetic.anatomy import LABELS, AnatomyMap, anatomy_map
from condyle.phantoms.synthetic.stored import MAPS, MapInMemory, write_map
from condyle.predict.confidence.evidence import Evidence
from condyle.predict.confidence.fit import unfitted
from condyle.predict.confidence.judge import judge_from_json
from condyle.space import Grid
from segment_models import pointwise_model

sys.path.append(str(Path(__file__).resolve().parents[1]))  # `pretrain` lies beside the package, as `bench` does

from pretrain import calibrate, pictures, renew, tidy
from pretrain.checked import Row, report, rows_of
from pretrain.population import population

RADIUS_MM = 18.0


@pytest.fixture(scope="module")
def made() -> AnatomyMap:
    """Two femora that are balls, a third that the map's end cuts, in a block of flesh."""
    flesh = body("", "muscle", box((0, 0, 0), (80, 40, 60)))
    balls = [body(f"femur_{side}", "cortical_bone", sphere((x, 0, 0), RADIUS_MM)) for side, x in
             (("right", 35), ("left", -35))]  # fmt: skip
    cut = body("tibia_left", "cortical_bone", sphere((0, 0, -50), 16))
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-90, -50, -50)
    return anatomy_map(Subject((flesh, *balls, cut)), Grid((90, 50, 50), affine))


def test_usual_bones_are_whole_ones_in_many_sizes(made):
    known, scattered = population({str(n): MapInMemory(made) for n in range(3)}, np.random.default_rng(1))
    assert set(known) == {"femur"}
    assert known["femur"].volume_ml == pytest.approx(4 / 3 * np.pi * (RADIUS_MM / 10) ** 3, rel=0.1)
    # Cubes of sizes that vary by 9 %, and a little of each axis.
    assert known["femur"].spread == pytest.approx(np.sqrt((3 * 0.09) ** 2 + 3 * 0.035**2), rel=0.25)
    assert known["femur"].bones == 6
    assert scattered == ()


def test_pictures_are_scans_with_their_truth_from_one_number(made):
    drawing = pictures.Drawing(1, 5, 6.0)
    scan, truth, kind = pictures.picture(MapInMemory(made), drawing, 3)
    again, *_ = pictures.picture(MapInMemory(made), drawing, 3)
    other, *_ = pictures.picture(MapInMemory(made), drawing, 4)
    assert kind in {"ct", "mr", "random"}
    assert np.array_equal(scan.array, again.array)
    assert scan.grid.matches(truth.grid)
    assert not np.array_equal(scan.shape, other.shape)
    assert set(np.unique(truth.array)) <= {
        0,
        LABELS["femur_left"].id,
        LABELS["femur_right"].id,
        LABELS["tibia_left"].id,
    }


def test_left_and_right_lie_where_the_affine_says(made):
    seen = 0
    for number in range(8):
        truth = pictures.picture(MapInMemory(made), pictures.Drawing(8, 5, 6.0), number).truth
        places = [np.argwhere(truth.array == LABELS[f"femur_{side}"].id) for side in ("left", "right")]
        if min(map(len, places)) > 50:
            left, right = (truth.grid.to_world(p).mean(0) for p in places)
            assert left[0] < right[0]
            seen += 1
    assert seen


def rows(count: int, bodies: int) -> list[Row]:
    """Structures of which those with low agreement are wrong, mostly."""
    rng = np.random.default_rng(3)
    out = []
    for n in range(count):
        level = float(rng.uniform(0.5, 1))
        dice = 0.95 if rng.random() < 1 / (1 + np.exp(-30 * (level - 0.75))) else 0.4
        found = Evidence((level,) * 5, side="left", lies_on="left")
        out.append(Row(n, f"b{n % bodies}", "ct", "femur_left", 100.0, dice, False, found))
    return out


def test_a_judge_learns_from_half_of_the_bodies_and_is_checked_on_the_others():
    start = unfitted({})
    judge, text = calibrate.calibrated(rows(800, 8), start, pictures.Drawing(800))
    assert judge.record["fitted_on"] == 4
    assert judge.record["checked_on"] == 4
    assert "400 drawn scans of 4 bodies" in text
    assert "| green | " in text
    assert "0 of 400 sided structures lie on their partner" in text
    green = next(line for line in text.splitlines() if line.startswith("| green"))
    assert float(green.split("|")[4].strip(" %")) < 12
    assert start.green != judge.green


def test_a_report_counts_lights_misses_and_sides():
    judge = replace(unfitted({}), green=0.9)
    sure, lost = Evidence((0.99,) * 5), Evidence((0.0,) * 5, side="left", lies_on="right")
    all_rows = [
        *[Row(n, "a", "ct", "sacrum", 50.0, 0.9, False, sure) for n in range(9)],
        Row(9, "a", "mr", "sacrum", 50.0, 0.5, False, sure),
        Row(9, "b", "mr", "femur_left", 50.0, 0.0, True, lost),
        Row(9, "b", "mr", "hip_left", 50.0, 0.0, False, None),
    ]
    text = report(all_rows, judge)
    assert "| green | 10 | 1 | 10.0 % |" in text
    assert "| red | 1 | 1 | 100.0 % |" in text
    assert "| yellow | 0 | 0 | - |" in text
    assert "10 drawn scans of 2 bodies held out, 9 of them like CT." in text
    assert "1 pieces of 2 ml or more were missed" in text
    assert "1 of 1 sided structures lie on their partner; 1 of these were found to lie on the wrong side, 0 are" in text
    assert "| sacrum | 10 | 0.860 | 0.900 | 9 | 0.900 | 0.900 | 0.500 | 0.500 | 100.0 % | 10.0 % |" in text


def test_what_lies_on_its_partner_is_swapped():
    from bodies_made import person
    from condyle.predict.memory import Estimate
    from condyle.workflow.segmentation.answer import Answer

    truth = person()
    found = truth.array.copy()
    left, right = (truth.array == LABELS[f"femur_{side}"].id for side in ("left", "right"))
    found[left], found[right] = LABELS["femur_right"].id, LABELS["femur_left"].id
    answer = Answer(truth.with_array(found), Estimate.__new__(Estimate))
    by_name = {row.name: row for row in rows_of(0, "a", pictures.Picture(truth, truth, "ct"), answer, LABELS)}
    assert by_name["femur_left"].swapped
    assert by_name["femur_left"].dice == 0
    assert not by_name["hip_left"].swapped
    assert by_name["hip_left"].dice == 1


def femora_by_threshold(made, folder, monkeypatch):
    """`bones` in the folder calls whatever is bright a left femur; `bank` has four bodies, seen in small pictures."""
    for n in range(4):
        write_map(folder / "bank" / MAPS / f"s{n}", made)
    weights = [[0.0]] * 14
    weights[LABELS["femur_left"].id] = [1.0]
    model = pointwise_model(weights, [0.0, -200.0, *[-1e6] * 12], labels=LABELS, spacing_mm=(6.0, 6.0, 6.0))
    models.save(model, folder / "bones")
    monkeypatch.setattr(pictures, "FIELDS_MM", ((100, 160), (90, 110), (90, 110)))


def test_the_command_goes_on_where_it_was_stopped(made, tmp_path, monkeypatch, capsys):
    femora_by_threshold(made, tmp_path, monkeypatch)
    words = ["--pictures", "16", "--spacing-mm", "6", "--dice", "0.02"]
    monkeypatch.setattr(sys, "argv", ["calibrate", str(tmp_path / "bones"), str(tmp_path / "bank"), *words])
    calibrate.main()
    first = capsys.readouterr()
    assert "16 of 16" in first.err
    assert "drawn scans of 2 bodies" in first.out
    judge = judge_from_json(models.load(tmp_path / "bones").confidence, "confidence.json")
    assert judge.record["drawing"] == {"pictures": 16, "seed": 9, "spacing_mm": 6.0}
    kept = tmp_path / "bones_calibration.jsonl"
    lines = kept.read_text().splitlines()
    kept.write_text("\n".join([*lines[:15], lines[15][:20]]))
    calibrate.main()
    second = capsys.readouterr()
    assert second.out == first.out
    assert "14 of 16" not in second.err
    assert "15 of 16" in second.err
    assert [json.loads(line) for line in kept.read_text().splitlines()] == [json.loads(line) for line in lines]
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--seed", "10", "--minutes", "0"])
    with pytest.raises(DataError, match="calibration"):
        calibrate.main()
    assert "0 minutes are over" in capsys.readouterr().err


def test_steps_that_do_not_help_are_replaced_by_those_that_may_stay(made, tmp_path, monkeypatch, capsys):
    """Whatever is bright is called femur: no step helps, and `lone_limb`, which harms nothing, stays."""
    femora_by_threshold(made, tmp_path, monkeypatch)
    before = replace(models.load(tmp_path / "bones"), cleanup=({"step": "fill_holes", "structure": "femur_left"},))
    models.save(before, tmp_path / "bones", overwrite=True)
    monkeypatch.setattr(sys, "argv", ["tidy", str(tmp_path / "bones"), str(tmp_path / "bank"), "--pictures", "8"])
    tidy.main()
    told = capsys.readouterr().out
    assert "FillHoles(structure='femur_left'), FillHoles(structure='femur_right')" in told
    assert [line.split("(")[0] for line in told.splitlines() if line.endswith("kept")] == ["LoneLimb"]
    assert [step["step"] for step in models.load(tmp_path / "bones").cleanup] == ["lone_limb"]


def test_a_model_of_other_structures_is_refused(tmp_path, monkeypatch):
    models.save(pointwise_model(), tmp_path / "knee")
    monkeypatch.setattr(sys, "argv", ["calibrate", str(tmp_path / "knee"), str(tmp_path)])
    with pytest.raises(SystemExit, match="not those of drawn pictures"):
        calibrate.main()


def test_other_tables_of_drawn_scans_take_the_place_of_those_in_a_card(bones):
    card = (bones / "card.md").read_text(encoding="utf-8")
    renewed = renew.with_tables(card, r"One \1 table.")
    assert r"One \1 table." in renewed
    assert "| light |" not in renewed
    before, after = card.split("### Drawn scans of bodies it never saw")[0], card.split("### Real scans")[1]
    assert renewed.startswith(before)
    assert renewed.endswith("### Real scans" + after)
