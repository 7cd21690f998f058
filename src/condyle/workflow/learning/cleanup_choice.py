"""Which cleanup steps a model gets: those that help on cases it was not trained on, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condyle.io import read, read_labels
from condyle.labels import Labels
from condyle.metrics import Score, compare
from condyle.metrics.compare import MetricSettings
from condyle.predict.cleanup import clean
from condyle.predict.steps import DropSmaller, FillHoles, FollowEdges, LargestParts, LoneLimb, OneLimb, OneSide, Step
from condyle.progress import Track, silent

#: Parts below this share of a structure's usual volume are tried as crumbs.
_CRUMB = 0.01
#: Losses of Dice up to this count for the mean alone: a bone given its side is worth the true crumbs of ten others.
_TRIFLE = 0.005
#: What may be "most" of a limb.
_SHARES = (0.5, 0.6, 0.75)
_OVERLAP = MetricSettings(overlap_only=True)


@dataclass(frozen=True)
class Judged:
    """A step that was tried, on a structure or on left and right alike.

    Args:
        steps: The step, for each structure it is meant for.
        before: Mean Dice of these structures without it.
        after: And with it.
        better: Structures of cases whose Dice rises.
        worse: Those whose Dice falls by more than a trifle.
    """

    steps: tuple[Step, ...]
    before: float
    after: float
    better: int
    worse: int

    @property
    def helps(self) -> bool:
        """The mean rises, and more gain than lose."""
        return self.after > self.before and self.better > self.worse

    @property
    def harms(self) -> bool:
        """The mean falls."""
        return self.after < self.before


@dataclass(frozen=True)
class _Cases:
    """What steps are tried on; see `choose_cleanup`."""

    masks: Mapping[str, tuple[Path, Path]]
    scans: Mapping[str, Path]
    labels: Labels
    smallest_ml: float = 0.0

    def scores(self, names: Sequence[str], steps: Sequence[Step]) -> list[Score]:
        """Of these structures in every case, after the steps."""
        out: list[Score] = []
        for case, (truth, prediction) in self.masks.items():
            scan = read(self.scans[case]) if any(step.needs_scan for step in steps) else None
            cleaned = clean(read_labels(prediction), self.labels, steps, scan)
            found = compare(read_labels(truth), cleaned, self.labels, structures=names, settings=_OVERLAP)
            out += [found[name] for name in names if not 0 < found[name].reference_ml < self.smallest_ml]
        return out


def choose_cleanup(
    masks: Mapping[str, tuple[Path, Path]],
    labels: Labels,
    *,
    scans: Mapping[str, Path] | None = None,
    limb: Sequence[str] = (),
    outer: str | None = None,
    smallest_ml: float = 0.0,
    track: Track = silent,
) -> tuple[tuple[Step, ...], tuple[Judged, ...]]:
    """Try steps on each structure, one after the other, and keep those that help. Left and right are cleaned alike.

    A structure that reaches the border of the scan may well lie in several parts there; the cases decide.

    Args:
        masks: Case to the files of its true and its predicted label map.
        labels: Their structures.
        scans: Case to its scan; with them, steps that look at it are tried too.
        limb: Bones of one limb, all of one side, whose side is settled for all at once in the end.
        outer: The one of them that lies on the outer side of the one before it, so that a lone limb's side can be told.
        smallest_ml: True pieces below this count nowhere: a sliver at a scan's border is as soon won as lost.
        track: Told of each structure.

    Returns:
        The steps that help, in order; and all that were tried.
    """
    cases = _Cases(masks, scans or {}, labels, smallest_ml)
    kept: list[Step] = []
    tried: list[Judged] = []
    for names in track(_alike(labels), "Choosing cleanup"):
        own: list[Step] = []
        scores = cases.scores(names, own)
        for steps in _candidates(names, scores, with_scans=bool(scans)):
            after = cases.scores(names, [*own, *steps])
            judged = _judged(steps, scores, after)
            tried.append(judged)
            if judged.helps:
                own, scores = [*own, *steps], after
        kept += own
    if limb:
        for_all = _for_limb(cases, limb, kept)
        tried += for_all
        best = max(for_all, key=lambda judged: judged.after)
        kept += best.steps if best.helps else ()
    if outer is not None:
        lone = _for_lone_limb(cases, limb, outer, kept)
        tried.append(lone)
        # Anatomy vouches for it, and a case that needs it is rare.
        kept += () if lone.harms else lone.steps
    return tuple(kept), tuple(tried)


def _for_limb(cases: _Cases, limb: Sequence[str], before: Sequence[Step]) -> list[Judged]:
    """One side for a whole limb, by several shares that are "most", on masks that are clean otherwise."""
    bones = _of_both_sides(limb, cases.labels)
    scores = cases.scores(bones, before)
    steps = [OneLimb(limb[0], tuple(limb[1:]), share) for share in _SHARES]
    return [_judged((step,), scores, cases.scores(bones, [*before, step])) for step in steps]


def _for_lone_limb(cases: _Cases, limb: Sequence[str], outer: str, before: Sequence[Step]) -> Judged:
    """The side that its anatomy tells for a limb that is alone, on masks that are clean otherwise."""
    bones, at = _of_both_sides(limb, cases.labels), list(limb).index(outer)
    step = LoneLimb(limb[at - 1], outer, (*limb[: at - 1], *limb[at + 1 :]))
    return _judged((step,), cases.scores(bones, before), cases.scores(bones, [*before, step]))


def _of_both_sides(limb: Sequence[str], labels: Labels) -> tuple[str, ...]:
    return tuple(name for bone in limb for name in (bone, labels[bone].mirror) if name)


def _alike(labels: Labels) -> list[tuple[str, ...]]:
    """Structures, those that mirror each other together."""
    return list(dict.fromkeys(tuple(sorted({s.name, s.mirror or s.name})) for s in labels.structures))


def _candidates(names: tuple[str, ...], scores: Sequence[Score], *, with_scans: bool) -> Iterator[tuple[Step, ...]]:
    volumes = [score.reference_ml for score in scores if score.reference_ml > 0]
    if volumes:
        crumb_ml = _CRUMB * float(np.median(volumes))
        if len(names) > 1:
            yield (OneSide(names[0]),)
        yield tuple(LargestParts(name, 1) for name in names)
        yield tuple(DropSmaller(name, crumb_ml) for name in names)
        if with_scans:
            yield tuple(FollowEdges(name) for name in names)
        yield tuple(FillHoles(name) for name in names)


def _judged(steps: tuple[Step, ...], before: Sequence[Score], after: Sequence[Score]) -> Judged:
    pairs = [(_right(b), _right(a)) for b, a in zip(before, after, strict=True) if b.dice is not None]
    gains = np.array([a - b for b, a in pairs])
    mean_before = float(np.mean([b for b, _ in pairs])) if pairs else 0.0
    mean_gain = float(gains.mean()) if pairs else 0.0
    better, worse = int((gains > 0).sum()), int((gains < -_TRIFLE).sum())
    return Judged(steps, mean_before, mean_before + mean_gain, better, worse)


def _right(score: Score) -> float:
    """Dice; 1 where nothing is and nothing is found, so that a false alarm that is taken away is a gain."""
    return 1.0 if score.dice is None else score.dice
