"""Candidates in pairs and in order: known differences, tests by hand, and what chance does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from condyle.errors import DataError
from condyle.metrics import Score, Table
from condyle.metrics.candidates import Candidate
from condyle.metrics.paired import TESTED, Difference, differences
from condyle.metrics.ranking import critical_difference, friedman_p, rank, ranks_of
from condyle.metrics.score_files import read_scores
from condyle.metrics.statistics import Comparison, bootstrap_interval
from condyle.workflow.evaluation.evaluated import CaseScores, Evaluated

#: Demsar 2006, table 5a: q at 5 % for 2 to 10 candidates.
Q_NEMENYI = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)


def score(dice: float | None, *, status: str = "both", structure: str = "femur", distance: float | None = 1.0) -> Score:
    """A row of which the tested scores alone matter."""
    row = dict.fromkeys(Score.__dataclass_fields__, None) | {
        "structure": structure, "status": status, "cut": False, "reference_ml": 10.0, "prediction_ml": 9.0,
        "volume_error_ml": -1.0, "volume_error_absolute_ml": 1.0, "dice": dice, "assd_penalised_mm": distance,
        "hd95_penalised_mm": distance, "assd_mm": distance if status == "both" else None,
        "reference_parts": 1, "prediction_parts": 1, "reference_euler": 1, "prediction_euler": 1,
    }  # fmt: skip
    return Score(**row)


def candidate(name: str, dice: list[float | None], *seeds: list[float | None]) -> Candidate:
    runs = [dice, *seeds]
    return Candidate(
        name,
        {f"{name}@{n}": {f"c{k}": Table((score(v),)) for k, v in enumerate(run)} for n, run in enumerate(runs)},
    )


def own_patients(n: int) -> dict[str, str]:
    return {f"c{k}": f"p{k}" for k in range(n)}


def by_dice(found: tuple[Difference, ...]) -> list[Difference]:
    return [d for d in found if d.metric == "dice"]


def test_a_constant_difference_is_found_exactly_and_its_interval_has_no_width():
    base = np.random.default_rng(0).uniform(0.8, 0.9, 9)
    a, b = candidate("a", [float(v) + 0.0625 for v in base]), candidate("b", [float(v) for v in base])
    (d,) = by_dice(differences([a, b], ["femur"], own_patients(9)))
    assert d.comparison.difference == pytest.approx(0.0625)
    low, high = d.comparison.interval or (0, 1)
    assert high - low < 1e-12
    assert (d.leader, d.verdict, d.left_out) == ("a", "better", 0)
    assert d.comparison.wilcoxon_p == pytest.approx(2 / 2**9)


def test_the_p_values_are_those_of_scipy_and_holms_by_hand_over_all_comparisons():
    rng = np.random.default_rng(4)
    base = rng.uniform(0.8, 0.9, 12)
    runs = {name: base + rng.normal(lift, 0.02, 12) for name, lift in (("a", 0.03), ("b", 0.0), ("c", 0.001))}
    found = differences([candidate(n, v.tolist()) for n, v in runs.items()], ["femur"], own_patients(12))
    assert len(found) == 3 * len(TESTED)
    expected = [stats.wilcoxon(runs[d.a] - runs[d.b], method="exact").pvalue for d in by_dice(found)]
    assert [d.comparison.wilcoxon_p for d in by_dice(found)] == pytest.approx(expected)
    # The other nine comparisons are of scores that never differ, with p = 1; they count all the same.
    p = sorted(expected)
    by_hand = [min(1.0, 12 * p[0]), min(1.0, max(12 * p[0], 11 * p[1])), min(1.0, max(11 * p[1], 10 * p[2]))]
    assert sorted(d.holm_p for d in by_dice(found)) == pytest.approx(by_hand)


def test_cases_of_a_patient_that_agree_widen_the_interval_of_a_difference():
    lift = np.repeat(np.random.default_rng(1).normal(0.01, 0.01, 8), 5)
    a, b = candidate("a", (0.9 + lift).tolist()), candidate("b", [0.9] * 40)
    widths = []
    for groups in (own_patients(40), {f"c{k}": f"p{k // 5}" for k in range(40)}):
        (d,) = by_dice(differences([a, b], ["femur"], groups))
        low, high = d.comparison.interval or (0, 0)
        widths.append(high - low)
        assert d.comparison.n == 40
    assert widths[1] > 1.5 * widths[0]


def test_one_patient_shows_nothing():
    a, b = candidate("a", [0.9, 0.95]), candidate("b", [0.5, 0.6])
    (d,) = by_dice(differences([a, b], ["femur"], {"c0": "p", "c1": "p"}))
    assert (d.verdict, d.leader, d.holm_p) == ("nothing", None, None)


def test_a_missed_structure_stays_in_the_pair_and_an_absent_one_is_counted_as_left_out():
    missed, absent = (score(0.0, status="missed", distance=99.0), score(None, status="absent", distance=None))
    tables = [Table((missed,)), Table((score(0.9),)), Table((absent,)), Table(())]
    a = Candidate("a", {"a": {f"c{n}": table for n, table in enumerate(tables)}})
    b = candidate("b", [0.9, 0.9, 0.9, 0.9])
    found = {d.metric: d for d in differences([a, b], ["femur"], own_patients(4))}
    assert (found["dice"].comparison.n, found["dice"].left_out) == (2, 2)
    assert found["assd_penalised_mm"].comparison.difference == pytest.approx(98 / 2)
    assert a.counts("femur") == {"both": 1, "missed": 1, "false_alarm": 0, "absent": 2}
    assert a.summary("femur", "assd_mm", own_patients(4)).n == 1
    assert differences([a, b], ["tibia"], own_patients(4)) == ()


def test_without_a_difference_the_interval_leaves_out_zero_in_about_5_percent():
    draw = np.random.default_rng(0)
    groups = [str(n) for n in range(40)]
    wrong = 0
    for _ in range(600):
        low, high = bootstrap_interval(draw.normal(0, 1, 40), groups, draw, draws=400) or (0, 0)
        wrong += not low <= 0 <= high
    assert 0.03 <= wrong / 600 <= 0.085


def study_of(draw: np.random.Generator, patients: int, lift_sd: float) -> tuple[Difference, ...]:
    """A study of two models whose Dice differs by so many SD of the difference."""
    base = draw.normal(0.9, 0.02, patients)
    difference = draw.normal(lift_sd * 0.01, 0.01, patients)
    pair = [candidate("a", (base + difference).tolist()), candidate("b", base.tolist())]
    return differences(pair, ["femur"], own_patients(patients))


@pytest.mark.parametrize("patients", [8, 20])
def test_of_200_studies_of_equal_models_no_more_than_5_percent_call_one_better(patients: int):
    draw = np.random.default_rng(5)
    called = sum(any(d.verdict == "better" for d in study_of(draw, patients, 0.0)) for _ in range(200))
    assert called <= 10


def test_a_difference_of_one_sd_is_found_in_most_studies_of_20_patients():
    draw = np.random.default_rng(6)
    found = sum(any(d.leader == "a" and d.verdict == "better" for d in study_of(draw, 20, 1.0)) for _ in range(100))
    assert found >= 80


def test_seeds_are_averaged_and_a_difference_within_them_names_no_winner():
    base = [0.80, 0.82, 0.84, 0.86, 0.88, 0.90, 0.85]
    a = candidate("a", [v + 0.011 for v in base], [v - 0.009 for v in base])
    b = candidate("b", base, base)
    assert a.values("femur", "dice")["c0"] == pytest.approx(0.801)
    assert a.seeds_sd("femur", "dice") == pytest.approx(0.02 / np.sqrt(2))
    (d,) = by_dice(differences([a, b], ["femur"], own_patients(7)))
    assert d.seeds_sd == pytest.approx(np.sqrt((0.02**2 / 2 + 0) / 2))
    assert d.comparison.winner == "a"
    assert (d.verdict, d.within_seeds, d.leader) == ("open", True, None)
    (single,) = by_dice(differences([candidate("a", [v + 0.001 for v in base]), b], ["femur"], own_patients(7)))
    assert single.seeds_sd == pytest.approx(0, abs=1e-9)
    assert single.leader == "a"


def test_runs_without_any_score_have_no_mean():
    a = candidate("a", [0.9, 0.8], [None, None])
    assert a.run_means("femur", "dice") == {"a@0": pytest.approx(0.85)}
    assert a.seeds_sd("femur", "dice") is None


@pytest.mark.parametrize(("p", "verdict"), [(0.01, "better"), (0.2, "hint"), (None, "hint")])
def test_a_leader_needs_the_test_to_be_called_better(p: float | None, verdict: str):
    comparison = Comparison(9, 9, -0.1, (-0.2, -0.05), 0.01, "b")
    d = Difference("femur", "dice", "a", "b", comparison, holm_p=p)
    assert (d.verdict, d.leader) == (verdict, "b")
    assert d.to_json()["verdict"] == verdict
    assert "winner" not in d.to_json()


@pytest.mark.parametrize(("candidates", "q"), list(enumerate(Q_NEMENYI, start=2)))
def test_the_critical_difference_is_that_of_the_published_table(candidates: int, q: float):
    for blocks in (7, 30):
        expected = q * np.sqrt(candidates * (candidates + 1) / (6 * blocks))
        assert critical_difference(candidates, blocks) == pytest.approx(expected, rel=4e-4)


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.integers(0, 6)] * 4), min_size=2, max_size=12))
def test_friedmans_p_is_that_of_scipy(rows: list[tuple[int, ...]]):
    values = np.array(rows, float)
    ranks = ranks_of(values)
    if (values == values[:, :1]).all():
        assert friedman_p(ranks) == 1
    else:
        assert friedman_p(ranks) == pytest.approx(stats.friedmanchisquare(*values.T).pvalue)


def test_a_clear_order_holds_in_every_draw_and_a_drawn_one_does_not():
    rng = np.random.default_rng(2)
    base = rng.uniform(0.7, 0.9, 30)
    clear = {
        name: {f"c{k}": v - lift for k, v in enumerate(base)} for name, lift in (("x", 0.2), ("y", 0.0), ("z", 0.1))
    }
    found = rank(clear, own_patients(30), rng)
    assert found is not None
    assert (found.names, found.mean_ranks, found.first) == (("y", "z", "x"), (1, 2, 3), (1, 0, 0))
    assert found.intervals == ((1, 1), (2, 2), (3, 3))
    assert found.tied == ()
    assert found.friedman_p is not None
    assert found.friedman_p < 1e-9
    noise = {name: {f"c{k}": float(v) for k, v in enumerate(rng.normal(0, 1, 30))} for name in "xyz"}
    loose = rank(noise, own_patients(30), rng)
    assert loose is not None
    assert max(loose.first) < 0.95
    assert sum(loose.first) == pytest.approx(1)
    assert loose.tied == (loose.names,)
    distances = rank(clear, own_patients(30), rng, larger_is_better=False)
    assert distances is not None
    assert distances.names == ("x", "z", "y")


def test_the_bars_join_neighbours_within_the_critical_difference_and_nothing_inside_another_bar():
    values = {name: {f"c{k}": v for k in range(6)} for name, v in (("a", 4.0), ("b", 3.0), ("c", 2.0), ("d", 1.0))}
    found = rank(values, own_patients(6), np.random.default_rng(0))
    assert found is not None
    # 2.569 sqrt(20 / 36) = 1.91: neighbours alone.
    assert found.tied == (("a", "b"), ("b", "c"), ("c", "d"))
    assert found.to_json()["blocks"] == 6


def test_ranks_are_of_patients_and_those_without_every_score_are_left_out():
    values = {
        "a": {"c0": 1.0, "c1": 0.0, "c2": 0.5, "c3": None, "c4": None, "c5": 0.1},
        "b": {"c0": 0.4, "c1": 0.4, "c2": 0.4, "c3": 0.3, "c4": None, "c5": 0.0},
    }
    groups = {"c0": "p0", "c1": "p0", "c2": "p1", "c3": "p2", "c4": "p3", "c5": "p4"}
    found = rank(values, groups, np.random.default_rng(0))
    assert found is not None
    assert (found.blocks, found.left_out, found.mean_ranks) == (3, 1, (1, 2))
    assert found.critical_difference is None
    assert rank({"a": {"c0": 1.0}, "b": {"c0": 0.5}}, groups, np.random.default_rng(0)) is None


def written(path: Path) -> Path:
    cases = [CaseScores(f"c{n}", f"p{n}", Table((score(0.9 - n / 10), score(None, status="absent", structure="tibia"))))
             for n in range(3)]  # fmt: skip
    path.write_text(Evaluated(tuple(cases)).to_csv(), encoding="utf-8")
    return path


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path):
    file = read_scores(written(tmp_path / "scores.csv"))
    assert file.groups == {"c0": "p0", "c1": "p1", "c2": "p2"}
    assert file.cases["c1"]["femur"] == dataclasses.replace(score(0.8))
    assert file.cases["c1"]["tibia"].status == "absent"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("dice", "dics", "no column dice"),
        ("both", "found", "line 2, status: expected Status"),
        (",False,", ",no,", "line 2, cut: expected bool, got 'no'"),
        (",0.9,", ",much,", "line 2, dice: expected float | nothing, got 'much'"),
        (",0.9,", ",inf,", "line 2, dice"),
        ("c1,p1,femur", "c0,p0,femur", "line 4: expected one row of each case and structure"),
        ("c1,p1,femur", "c0,p9,patella", "line 4: expected one patient of case c0, got p0 and p9"),
        (",1,1,1,1", ",1,1,1,one", "prediction_euler"),
    ],
)
def test_a_table_that_cannot_be_is_refused_with_its_line(tmp_path: Path, old: str, new: str, told: str):
    path = written(tmp_path / "scores.csv")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=told.replace("|", r"\|")):
        read_scores(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"case,group\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "scores.csv").write_bytes(content)
    with pytest.raises(DataError, match="scores"):
        read_scores(tmp_path / "scores.csv")
