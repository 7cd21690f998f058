"""What paired differences show, in sentences: who is better, who may be, and where nothing is shown."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from condyle.metrics.paired import ALPHA, Difference
from condyle.reports.measures import Measure


def sentences(asked: Sequence[Difference], measure: Measure, tests: int) -> list[str]:
    """One score of one structure.

    Args:
        asked: Every pair by that score.
        measure: The score.
        tests: Comparisons that were corrected together.
    """
    out = _led([d for d in asked if d.verdict == "better"], measure, tests)
    out += _led([d for d in asked if d.verdict == "hint"], measure, tests)
    out += _within([d for d in asked if d.verdict == "open" and d.within_seeds], measure)
    out += _open([d for d in asked if d.verdict == "open" and not d.within_seeds], measure)
    unknown = [d for d in asked if d.verdict == "nothing"]
    if unknown:
        cases = count(max(d.comparison.n for d in unknown), "case")
        patients = count(max(d.comparison.groups for d in unknown), "patient")
        out.append(f"nothing can be shown by {measure.title}, with {cases} of {patients}.")
    return out


def _led(pairs: Sequence[Difference], measure: Measure, tests: int) -> list[str]:
    """Leaders of the same others share a sentence."""
    behind: dict[str, dict[str, Difference]] = {}
    for d in pairs:
        behind.setdefault(d.leader or "", {})[d.b if d.leader == d.a else d.a] = d
    shared: dict[frozenset[str], list[str]] = {}
    for leader, others in behind.items():
        shared.setdefault(frozenset(others), []).append(leader)
    out = []
    for leaders in shared.values():
        losers = list(behind[leaders[0]])
        found = [d for leader in leaders for d in behind[leader].values()]
        verb = "are each" if len(leaders) > 1 else "is"
        how = f"{verb} {'better than' if found[0].verdict == 'better' else 'ahead of'}"
        out.append(f"{joined(leaders)} {how} {joined(losers)} {_by_how_much(found, measure, tests)}")
    return out


def _by_how_much(found: Sequence[Difference], measure: Measure, tests: int) -> str:
    """For one pair its interval and p; for several the range of differences and the largest p."""
    sizes = sorted(abs(d.comparison.difference) for d in found)
    size = measure.text(sizes[0])
    patients = count(min(d.comparison.groups for d in found), "patient")
    p = max((d.holm_p for d in found if d.holm_p is not None), default=None)
    if len(found) == 1:
        # A leader's lead is told as a positive number, whichever of the two it is.
        low, high = sorted(abs(v) for v in found[0].comparison.interval or (0.0, 0.0))
        told = f"95 % interval {measure.text(low)} to {measure.text(high)}, {patients}"
    else:
        size += f" to {measure.text(sizes[-1])}"
        told = f"no 95 % interval spans zero, {patients}"
    seeds = [d.seeds_sd for d in found if d.seeds_sd is not None]
    told += f"; another seed changes {measure.text(max(seeds))}" if seeds else ""
    most = "up to " if len(found) > 1 and p is not None and p >= 0.001 else ""
    p_told = f"p {most}{p_text(p).removeprefix('= ')}" if most else f"p {p_text(p)}"
    if found[0].verdict == "better":
        return f"by {size}{_unit(measure)} ({told}; {p_told})."
    after = f" after {count(tests, 'comparison')}" if tests > 1 else ""
    return f"by {size}{_unit(measure)} ({told}), which the test does not confirm ({p_told}{after})."


def _within(pairs: Sequence[Difference], measure: Measure) -> list[str]:
    if not pairs:
        return []
    largest = max(pairs, key=lambda d: abs(d.comparison.difference))
    size = f"{measure.text(abs(largest.comparison.difference))}{_unit(measure)}"
    seeds = measure.text(max(d.seeds_sd or 0.0 for d in pairs))
    by = f"by {size}" if len(pairs) == 1 else f"by at most {size}"
    return [f"{_between(pairs)} differ {by}, no more than another seed of one model changes ({seeds}): no winner."]


def _open(pairs: Sequence[Difference], measure: Measure) -> list[str]:
    """Pairs whose interval spans zero: in one sentence, with the largest difference that is still likely."""
    if not pairs:
        return []
    if len(pairs) == 1:
        low, high = (measure.text(v) for v in pairs[0].comparison.interval or (0.0, 0.0))
        interval = f"the interval, {low} to {high}{_unit(measure)}, spans zero"
        return [f"no difference is shown between {_between(pairs)}; {interval}."]
    largest = max(abs(v) for d in pairs for v in d.comparison.interval or ())
    bound = f"what there is, is likely below {measure.text(largest)}{_unit(measure)}"
    return [f"no difference is shown between {_between(pairs)}: {bound}."]


def _between(pairs: Sequence[Difference]) -> str:
    """Names alone where every one is paired with every other."""
    names = list(dict.fromkeys(name for d in pairs for name in (d.a, d.b)))
    return joined(names) if len(pairs) == comb(len(names), 2) else "; ".join(f"{d.a} and {d.b}" for d in pairs)


def p_text(p: float | None) -> str:
    """A p value as one reads it: `< 0.001`, `= 0.030`, or a dash where there is none."""
    if p is None:
        return "= –"  # noqa: RUF001 - typography
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def verdict(d: Difference) -> str:
    """A cell's worth of words."""
    if d.verdict == "nothing":
        return "nothing can be shown"
    if d.leader is None:
        return "within another seed" if d.within_seeds else "no difference shown"
    return f"{d.leader} better" if d.verdict == "better" else f"{d.leader} ahead, p ≥ {ALPHA:g}"


def joined(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def count(number: int, what: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _unit(measure: Measure) -> str:
    return f" {measure.unit} of {measure.title}" if measure.unit else f" {measure.title}"
