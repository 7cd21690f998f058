"""What the statistics of a comparison show, in plain sentences. Each follows from the numbers by a rule."""

from __future__ import annotations

from condyle.metrics.paired import ALPHA
from condyle.reports.comparison.measures import TESTED
from condyle.reports.comparison.study import Between, Study
from condyle.reports.comparison.verdicts import count, sentences

#: Scores told in sentences; the others stand in the tables.
_TOLD = ("dice", "assd_penalised_mm")


def findings(study: Study) -> list[str]:
    """What came of the comparison, most important first."""
    tests = sum(d.holm_p is not None for d in study.differences)
    out = []
    for structure in study.summary:
        for key in _TOLD:
            asked = [d for d in study.differences if (d.structure, d.metric) == (structure, key)]
            out += [f"{structure}: {line}" for line in sentences(asked, TESTED[key], tests)]
    out += [line for pair in study.between for line in agreement(pair, alone=study.truth is None)]
    # The smallest p that the exact signed-rank test can reach is 2 / 2^n.
    if tests and tests * 2.0 ** (1 - study.patients) >= ALPHA:
        out.append(
            f"{count(study.patients, 'patient')} and {count(tests, 'comparison')}: the corrected test cannot reject "
            "at 5 %, whatever the scores. Compare fewer candidates or structures, or take more patients."
        )
    return out


def agreement(pair: Between, *, alone: bool) -> list[str]:
    """How far two candidates agree with each other; `alone`: without a truth, with distances and volumes."""
    out = []
    for structure, metrics in pair.summary.items():
        counts, dice = pair.counts[structure], metrics["dice"]
        if dice.mean is None:
            continue
        text = f"{structure}: {pair.a} and {pair.b} agree with a Dice of {dice.mean:.4f}"
        if alone and metrics["assd_mm"].mean is not None:
            text += f", their surfaces are {metrics['assd_mm'].mean:.3f} mm apart"
        change = metrics["volume_error_ml"]
        if alone and change.mean is not None:
            text += f"; {pair.b} has {_signed(change.mean)} ml on average"
            if change.interval is not None:
                low, high = change.interval
                zero = ", which spans zero" if low <= 0 <= high and low < high else ""
                text += f" (95 % interval {_signed(low)} to {_signed(high)}{zero})"
        for status, name in (("missed", pair.a), ("false_alarm", pair.b)):
            if counts[status]:
                text += f"; only {name} has it in {count(counts[status], 'case')}"
        out.append(text + ".")
    return out


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")  # noqa: RUF001 - typography
