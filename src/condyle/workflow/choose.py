"""`condyle choose`: the best of trained models, by the cases they held out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_file, refuse_existing
from condyle.metrics.candidates import Candidate
from condyle.metrics.score_files import read_scores
from condyle.metrics.statistics import compare_models
from condyle.models.folder import read_json
from condyle.workflow.evaluation.candidates import SEED, Run, candidates_of

#: Of a model that was trained with cases held out.
SCORES = Path("validation") / "scores.csv"


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Args:
        model: The folder of the chosen one.
        dice: Each candidate's mean Dice on held-out cases, over structures, best first.
        seconds: Each candidate's time of training.
        level: Candidates that cannot be told from the best: the interval of the difference spans zero.
        out: The recipe that was written.
    """

    model: str
    dice: Mapping[str, float]
    seconds: Mapping[str, float]
    level: tuple[str, ...]
    out: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [
            f"{name:<40} {dice:.4f} {self.seconds[name]:9.0f} s{'  level' * (name in self.level)}"
            for name, dice in self.dice.items()
        ]
        return "\n".join([*rows, f"chosen: {self.model}", f"{self.out}: written"])


def choose(
    candidates: Sequence[Path],
    *,
    out: Path | None = None,
    prefer: Literal["best", "cheapest"] = "best",
    seed: int = 0,
    overwrite: bool = False,
) -> Choice:
    """Choose the best of trained models by the cases they held out, and write its recipe.

    `condyle train --recipe OUT` then trains like the chosen one. Beside it, as OUT with `_choice` in its name, lies
    why. Seeds of one model are named model@1, model@2, and count as one candidate.

    Args:
        candidates: Folders of condyle train, which held out the same cases.
        out: The JSON file to write the recipe to.
        prefer: `best`: the highest mean Dice; `cheapest`: of those that cannot be told from the best, the one that
            was quickest to train.
        seed: Of the draws behind the intervals.
        overwrite: Replace the file.

    Raises:
        DataError: if a model has no scores of held-out cases, or they held out others.
        ConfigError: if there are not two candidates.
    """
    if out is None:
        raise ConfigError("out", expected="a file for the recipe (-o)", got="none")
    refuse_existing(out, overwrite=overwrite)
    runs = []
    for folder in candidates:
        file = read_scores(folder / SCORES)
        runs.append(Run(folder.resolve().name, file.cases, file.groups))
    found, groups, _ = candidates_of(runs, common=False)
    values = {c.name: _dice(c) for c in found}
    means = {name: float(np.mean(list(cases.values()))) for name, cases in values.items()}
    ranked = sorted(means, key=lambda name: -means[name])
    by_model = {c.name: [f for f in candidates if f.resolve().name.split(SEED, 1)[0] == c.name] for c in found}
    seconds = {name: _seconds(by_model[name]) for name in ranked}
    best = ranked[0]
    level = [best, *(n for n in ranked[1:] if _level(values[best], values[n], groups, seed))]
    chosen = min(level, key=lambda name: seconds[name]) if prefer == "cheapest" else best
    model = by_model[chosen][0]
    choice = Choice(str(model), {name: round(means[name], 6) for name in ranked}, seconds, tuple(level[1:]), str(out))
    why = out.with_name(f"{out.stem}_choice.json")
    for path, content in ((why, choice.to_json()), (out, read_json(model / "recipe.json"))):
        with atomic_file(path, overwrite=overwrite or path == why) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return choice


def _dice(candidate: Candidate) -> dict[str, float]:
    """Case to Dice, mean over its structures; a case in which nothing is says nothing."""
    each = [candidate.values(structure, "dice") for structure in candidate.structures]
    out = {}
    for case in candidate.cases:
        known = [v for values in each if (v := values[case]) is not None]
        if known:
            out[case] = float(np.mean(known))
    if not out:
        raise DataError(candidate.name, expected="scores of held-out cases", got="no structure in any of them")
    return out


def _level(best: Mapping[str, float], other: Mapping[str, float], groups: Mapping[str, str], seed: int) -> bool:
    """Whether the interval of their difference spans zero; also where too few patients allow no interval."""
    cases = [case for case in best if case in other]
    comparison = compare_models(
        {c: best[c] for c in cases}, {c: other[c] for c in cases}, groups, np.random.default_rng(seed),
        larger_is_better=True,
    )  # fmt: skip
    return comparison.winner is None


def _seconds(folders: Sequence[Path]) -> float:
    """Mean time of training, over seeds."""
    folds = [read_json(folder / "record.json")["folds"] for folder in folders]
    return round(float(np.mean([sum(float(f["seconds"]) for f in of.values()) for of in folds])), 1)
