"""Means, intervals and comparisons; and tables of others that cannot be right."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata, wilcoxon

from condyle.errors import DataError
from condyle.metrics.audit import audit
from condyle.metrics.statistics import (
    MOST_COUNTED,
    between_seeds_sd,
    bootstrap_interval,
    compare_models,
    holm,
    signed_rank_p,
    summarize,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_a_summary_has_the_textbook_numbers_and_leaves_none_out():
    summary = summarize([1.0, None, 2.0, 3.0, 10.0], list("abcde"), rng())
    assert (summary.n, summary.groups, summary.mean, summary.median) == (4, 4, 4.0, 2.5)
    assert summary.sd == pytest.approx(np.std([1, 2, 3, 10], ddof=1))
    assert summary.quartiles == (1.75, 4.75)


def test_nothing_to_summarize_gives_nothing():
    summary = summarize([None, None], ["a", "b"], rng())
    assert (summary.n, summary.mean, summary.interval) == (0, None, None)


def missing_dice(draw: np.random.Generator, n: int) -> np.ndarray:
    """What Dice lacks of 1: never below 0, and now and then a bad case."""
    return draw.gamma(2, 0.02, n)


@pytest.mark.parametrize("patients", [5, 10, 20])
@pytest.mark.parametrize(("drawn", "truth"), [(lambda d, n: d.normal(3, 1, n), 3.0), (missing_dice, 0.04)])
def test_the_interval_covers_the_truth_in_95_of_100_studies_of_any_size(patients, drawn, truth):
    draw, studies = np.random.default_rng(0), 500
    hits = 0
    for _ in range(studies):
        values = drawn(draw, patients)
        low, high = bootstrap_interval(values, [str(n) for n in range(patients)], draw, draws=500) or (0, 0)
        hits += low <= truth <= high
    # 2.5 standard deviations of a count of 500 at 95 %. Plain percentiles reach .80, .88 and .92 here.
    assert 0.925 <= hits / studies <= 0.975


def test_the_interval_covers_the_truth_where_patients_have_several_cases():
    draw, studies = np.random.default_rng(1), 400
    member = np.repeat(np.arange(8), [1, 2, 3, 4, 1, 2, 3, 4])
    hits = 0
    for _ in range(studies):
        values = draw.normal(0, 1, 8)[member] + draw.normal(0, 0.3, len(member))
        low, high = bootstrap_interval(values, [str(n) for n in member], draw, draws=500) or (1, 1)
        hits += low <= 0 <= high
    assert 0.91 <= hits / studies <= 0.98


def test_cases_of_one_patient_widen_the_interval():
    patient = np.repeat(rng().normal(0, 1, 8), 10)
    values = patient + rng().normal(0, 0.05, 80)
    single = bootstrap_interval(values, [str(n) for n in range(80)], rng())
    grouped = bootstrap_interval(values, [str(n // 10) for n in range(80)], rng())
    assert single is not None
    assert grouped is not None
    assert grouped[1] - grouped[0] > 2 * (single[1] - single[0])


def test_too_few_patients_have_no_interval():
    assert summarize([1.0, 2.0], ["a", "a"], rng()).interval is None
    assert summarize([1.0, 2.0, 3.0, 4.0, 5.0], ["a", "b", "c", "d", "d"], rng()).interval is None
    assert summarize([1.0, 2.0, 3.0, 4.0, 5.0], ["a", "b", "c", "d", "e"], rng()).interval is not None


@pytest.mark.parametrize("rest", [[0.95] * 7, [0.95, 0.951, 0.949, 0.95, 0.952, 0.948, 0.95]])
def test_one_outlier_does_not_carry_an_end_of_the_interval_out_of_all_bounds(rest):
    values = np.array([*rest, 0.0])
    low, high = bootstrap_interval(values, list("abcdefgh"), rng()) or (0, 0)
    # Student's interval is 0.55 to 1.11; the outlier draws the lower end on, and no further than to twice its distance.
    assert 0.2 < low < 0.55
    assert 0.95 < high < 1


def test_an_interval_changes_little_where_equal_values_come_to_differ_by_a_hair():
    equal, other = np.array([0.95] * 7 + [0.0]), np.array([0.95] * 6 + [0.951, 0.0])
    ends = [bootstrap_interval(values, list("abcdefgh"), rng()) for values in (equal, other)]
    assert ends[0] == pytest.approx(ends[1], abs=0.01)


def test_a_clear_difference_names_the_better_model():
    cases = [str(n) for n in range(20)]
    noise = rng().normal(0, 0.01, 20)
    a = {c: 0.9 + e for c, e in zip(cases, noise, strict=True)}
    b = dict.fromkeys(cases, 0.8)
    groups = {c: c for c in cases}
    dice = compare_models(a, b, groups, rng())
    assert (dice.n, dice.groups, dice.winner) == (20, 20, "a")
    assert dice.wilcoxon_p == pytest.approx(2 / 2**20)
    assert compare_models(a, b, groups, rng(), larger_is_better=False).winner == "b"


def test_no_winner_is_named_where_the_interval_spans_zero():
    a = {str(n): float(v) for n, v in enumerate(rng().normal(0, 1, 12))}
    b = {str(n): float(v) for n, v in enumerate(np.random.default_rng(6).normal(0, 1, 12))}
    result = compare_models(a, b, {c: c for c in a}, rng())
    assert result.interval is not None
    assert result.interval[0] < 0 < result.interval[1]
    assert result.winner is None


def test_only_cases_that_both_scored_are_compared():
    result = compare_models(
        {"a": 1.0, "b": None, "c": 2.0}, {"a": 0.5, "b": 1.0}, {"a": "p", "b": "q", "c": "r"}, rng()
    )
    assert (result.n, result.difference, result.interval, result.winner) == (1, 0.5, None, None)
    with pytest.raises(DataError):
        compare_models({"a": 1.0}, {"b": 1.0}, {"a": "p", "b": "q"}, rng())


def test_models_that_agree_have_no_test():
    result = compare_models({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}, {"a": "a", "b": "b"}, rng())
    assert (result.difference, result.wilcoxon_p, result.winner) == (0, None, None)


def by_counting(differences: np.ndarray) -> float:
    """The signed-rank test by writing out every way to give signs."""
    kept = differences[differences != 0]
    ranks = rankdata(np.abs(kept))
    sums = np.array(list(product((1, -1), repeat=len(kept)))) @ ranks
    return float((np.abs(sums) >= abs(ranks @ np.sign(kept)) - 1e-9).mean())


def test_the_signed_rank_test_counts_all_signs_with_ties_and_zeros():
    draw = np.random.default_rng(2)
    for size in range(1, 13):
        for _ in range(20):
            differences = draw.integers(-3, 5, size).astype(float)
            expected = by_counting(differences) if differences.any() else None
            assert signed_rank_p(differences) == pytest.approx(expected, abs=1e-12)


def test_the_signed_rank_test_is_that_of_scipy_where_nothing_is_tied_and_where_there_are_many():
    draw = np.random.default_rng(3)
    few, many = draw.normal(0.2, 1, MOST_COUNTED), draw.integers(-10, 14, 3 * MOST_COUNTED).astype(float)
    assert signed_rank_p(few) == pytest.approx(wilcoxon(few, method="exact").pvalue)
    assert signed_rank_p(many) == pytest.approx(wilcoxon(many, method="asymptotic").pvalue)


def test_scores_of_two_digits_are_tested_as_they_are_written():
    a = [0.91, 0.92, 0.93, 0.94, 0.95, 0.90, 0.90, 0.9, 1.0, 1.0]
    b = [0.90, 0.91, 0.92, 0.93, 0.94, 0.89, 0.89, 0.9, 1.0, 1.0]
    cases = list("abcdefghij")
    result = compare_models(
        dict(zip(cases, a, strict=True)), dict(zip(cases, b, strict=True)), dict(zip(cases, cases, strict=True)), rng()
    )
    # Seven differences of 0.01, which noise in the last bit must not tell apart: no p can be smaller.
    assert result.wilcoxon_p == pytest.approx(2 / 2**7)
    # Two wins and one loss of 0.01 each, in other bits: with equal ranks every way to give signs is as far.
    tied = compare_models(
        {"a": 0.81, "b": 0.93, "c": 0.81}, {"a": 0.80, "b": 0.92, "c": 0.82}, {"a": "a", "b": "b", "c": "c"}, rng()
    )
    assert tied.wilcoxon_p == pytest.approx(1)


def test_holm_adjusts_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


def test_seeds_have_a_spread_of_their_own():
    assert between_seeds_sd([0.9, 0.92, 0.91]) == pytest.approx(0.01)
    assert between_seeds_sd([0.9]) is None


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("0,0,0,0", "perfect surface"),
        ("0.91,0,0,0", "coincide"),
        ("1.2,3,2,1", "outside 0 to 1"),
        ("0.9,2,3,1", "HD95 above HD"),
        ("0.9,3,2,4", "above the largest"),
        ("0.9,-3,-2,-4", "negative"),
        ("1,3,2,1", "Dice 1"),
    ],
)
def test_rows_that_cannot_be_right_are_named_with_their_line(tmp_path: Path, row: str, why: str):
    path = write(
        tmp_path / "old.csv", f"case,DSC,HD (mm),hd95_mm,msd\nc1,0.9512345678,4.1234,2.1234,0.5123\nc2,{row}\n"
    )
    found = audit(path)
    assert [(s.row, s.case) for s in found] == [(3, "c2")] * len(found)
    assert any(why in s.why for s in found)


@pytest.mark.parametrize(
    "table",
    [
        "dice,hd95\n0.9922,0.0\n",  # a twentieth of the surface may be anywhere
        "dice,assd\n0.9900,0.00\n",  # 0.00 may be 0.004
        "dice,assd\n0.87,0.0\n",
        "dice,hd\n0.91,0\n",  # 0 may be 0.4
        "dice,hd95,hd\n1.00,0.5,1.0\n1.000,0.0,1.0\n",  # 1.00 may be 0.996
        "dice,hd95,hd\n0.9,2.6,2.5\n",
        "dice,iou\n0.9,0.9\n0.9,0.7\n",
        "dice,precision,recall\n0.9,0.8,0.9\n",
    ],
)
def test_what_its_rounding_allows_is_not_suspected(tmp_path: Path, table: str):
    assert audit(write(tmp_path / "old.csv", table)) == ()


@pytest.mark.parametrize(
    "table",
    [
        "dice,hd\n0.99,0.000\n",
        "dice,assd\n0.95,0.00\n",
        "dice,assd\n0.990000,0.000000\n",
        "dice,hd95\n1.0000000000,0.5\n",
        "dice,hd95,hd\n0.9,2.6,2.4\n",
    ],
)
def test_what_no_rounding_allows_is_suspected(tmp_path: Path, table: str):
    assert [s.row for s in audit(write(tmp_path / "old.csv", table))] == [2]


def test_scores_that_belong_together_must_agree(tmp_path: Path):
    path = write(tmp_path / "old.csv", "case;Dice;IoU;Precision;Recall\na;0.90;0.82;0.9;0.9\nb;0,80;0,80;0,5;0,5\n")
    assert [s.row for s in audit(path)] == [3, 3]


def test_a_sound_table_raises_no_suspicion(tmp_path: Path):
    path = write(tmp_path / "old.csv", "case\tdice\thd\thd95\tassd\na\t0.95\t4\t2\t0.5\nb\t\tnan\tNaN\t\n")
    assert audit(path) == ()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
def test_a_file_without_scores_is_refused(tmp_path: Path, text: str):
    with pytest.raises(DataError):
        audit(write(tmp_path / "old.csv", text))


def test_a_missing_table_is_refused(tmp_path: Path):
    with pytest.raises(DataError):
        audit(tmp_path / "none.csv")
