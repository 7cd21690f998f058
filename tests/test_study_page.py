"""The page of a study, made of plain data."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from condyle.metrics.score import METRICS
from condyle.metrics.statistics import summarize
from condyle.reports.studied import tables
from condyle.reports.studied.content import HELD_OUT, Answer, Asked, Content, Curve, Scored, Training
from condyle.reports.studied.curves import progress
from condyle.reports.studied.page import page

CURVE = Curve("net, fold 0", (1.0, 0.5, 0.4), (1.1, 0.7, nan), (0.2, 0.5, 0.6), (0.2, 0.23, 0.27), (3, 2, 2), (1, 1, 0))


def training(id_: str, dice: float, **more) -> Training:
    known = {"cases": 4, "seconds": 10.0, "steps": 50, "ram_gib": 0.5, "parameters": 10**6, "curves": (CURVE,)}
    return Training(id_, "net", "batch 2", "fill", "0", dice={"femur": dice, "tibia": dice - 0.1}, **(known | more))


def scored(evaluation: str, model: str, structure: str) -> Scored:
    values = {m: [(f"p{n}", 0.8 + 0.01 * n) for n in range(4)] for m in METRICS}
    rng = np.random.default_rng(0)
    summary = {m: summarize([v for _, v in of], [c for c, _ in of], rng) for m, of in values.items()}
    return Scored(evaluation, model, "fill", "corrected", structure, 4, 4, 1, summary, values)


CONTENT = Content(
    title="Bones <i>",
    source="somebody",
    notes=("a note",),
    splits=("bones: 8 cases",),
    answers=(Answer("Is it?", tuple(f"finding {n}" for n in range(9)), "compare/q/compare.html", ("left out",)),
             Answer("And that?")),
    trainings=(training("one", 0.8), training("two", 0.9, vram_gib=3.5),
               replace(training("three", 0.0), dice={}, state="failed")),
    scores=(scored("test", "one", "femur"), scored("test", "one", "tibia"), scored(HELD_OUT, "two", "femur")),
    choices=("final: two was chosen",),
    asking=(Asked("test", "one", 4, 2.5, 3.25, 0.7, 1.75, 10**6, 12.5),),
    energy="The machine does not tell the energy it uses.",
    undone=("train-three failed: why",),
    commands=("condyle train & more",),
    baselines=("femur", "limb"),
    limits=("Simulated <b> scans.",),
)  # fmt: skip


def test_everything_is_told_and_escaped():
    made = page(CONTENT, version="1.2.3")
    assert "Bones &lt;i&gt;" in made
    assert "condyle train &amp; more" in made
    for told in ("finding 8", "3 more findings", "left out", "Not answered yet", "train-three failed: why", "somebody",
                 "final: two was chosen", "does not tell", "Deng", "nnU-Net 3D", "judged by corrected", "3.50",
                 "On the cases that each training held out itself", "1.2.3", "a note",
                 "test: one", ">3.25<", ">12.5<", ">1.75<"):  # fmt: skip
        assert told in made, told
    assert "<script" not in made


def test_what_the_numbers_cannot_show_is_told_before_them():
    made = page(CONTENT, version="1")
    assert made.index("Simulated &lt;b&gt; scans.") < made.index("train-three failed") < made.index("finding 0")
    assert "What this cannot show" not in page(replace(CONTENT, limits=()), version="1")


def test_configurations_stand_in_the_order_of_their_dice():
    made = page(CONTENT, version="1").split("Configurations on held-out cases", 1)[1]
    assert made.index(">two<") < made.index(">one<")


def test_a_study_of_which_nothing_is_there_has_a_page():
    bare = Content("Bare", "", (), (), (), (), (), (), (), "", (), ())
    made = page(bare, version="1")
    assert "Bare" in made
    assert "Scores" not in made
    assert "What it took" not in made


def test_evaluations_stand_side_by_side_and_those_without_room_are_told():
    two = page(
        replace(CONTENT, scores=(scored("one view", "net", "femur"), scored("three", "net", "femur"))), version="1"
    )
    assert two.count("judged by corrected") == 1
    assert "one view: net" in two
    assert "three: net" in two
    many = page(replace(CONTENT, scores=tuple(scored("test", f"net{n}", "femur") for n in range(9))), version="1")
    assert "The first 8 of 9" in many
    assert "The first" not in two


def test_only_held_out_scores_are_shown_in_the_open():
    made = page(replace(CONTENT, scores=CONTENT.scores[2:]), version="1")
    assert "On the cases that each training held out itself" not in made


def test_progress_has_a_line_for_each_of_its_quantities_and_leaves_out_what_was_not_measured():
    drawn = progress(CURVE)
    assert drawn.count('class="line') == 6
    assert "nan" not in drawn
    assert progress(replace(CURVE, loss=())) == ""
    one = Curve("x", (1.0,), (nan,), (0.5,), (0.5,), (1.0,), (0.1,))
    assert "<circle" in progress(one)
    assert 'd="M"' not in progress(one)


def test_tables_hold_what_the_page_shows():
    rows = tables.training_rows(CONTENT.trainings)
    assert rows[0][:8] == ["training", "model", "settings", "label_set", "fold", "state", "dice", "dice: femur"]
    assert rows[1][6] == pytest.approx(0.75)
    assert rows[3][5:7] == ["failed", None]
    assert dict(zip(*tables.asking_rows(CONTENT.asking), strict=True))["steps_per_s"] == 3.25
    assert dict(zip(*rows[:2], strict=True))["steps_per_s"] == 5.0
    text = io.StringIO()
    csv.writer(text).writerows(tables.score_rows(CONTENT.scores))
    first = next(csv.DictReader(text.getvalue().splitlines()))
    assert (first["learnt"], first["against"], first["structure"]) == ("fill", "corrected", "femur")
    assert float(first["mean"]) == pytest.approx(0.815)
