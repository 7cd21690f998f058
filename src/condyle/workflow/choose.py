"""`condyle choose`: the best of trained models, by the cases they held out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from condyle.errors import ConfigError, DataError, ModelError
from condyle.io.atomic import atomic_file, refuse_existing
from condyle.metrics.candidates import Candidate
from condyle.metrics.score_files import read_scores
from condyle.metrics.statistics import compare_models
from condyle.models.folder import read_json
from condyle.workflow.evaluation.candidates import Run, candidates_of, told_apart

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
    why. Seeds of one model are named model@1, model@2, and count as one candidate. Folders of one name are told apart
    by the folders that they lie in.

    Args:
        candidates: Folders of condyle train, which held out the same cases.
        out: The JSON file to write the recipe to.
        prefer: `best`: the highest mean Dice; `cheapest`: of those that cannot be told from the best, the one that
            was quickest to train.
        seed: Of the draws behind the intervals.
        overwrite: Replace both files.

    Raises:
        DataError: if a model has no scores of held-out cases, they held out others, or a file is there already.
        ModelError: if its recipe, or the record of its training, cannot be read.
        ConfigError: if there are not two candidates, or one is given twice.
    """
    if out is None:
        raise ConfigError("out", expected="a file for the recipe (-o)", got="none")
    refuse_existing(out, overwrite=overwrite)
    if out.is_dir():
        raise ConfigError("out", expected="a file for the recipe (-o)", got=f"the folder {out}")
    why = out.with_name(f"{out.stem}_choice.json")
    # Where a run was stopped between the two files, the next may go on.
    again = overwrite or _tells_of(why, out)
    refuse_existing(why, overwrite=again)
    folders = dict(zip(told_apart(candidates), candidates, strict=True))
    runs = []
    for name, folder in folders.items():
        file = read_scores(folder / SCORES)
        runs.append(Run(name, file.cases, file.groups))
    found, groups, _ = candidates_of(runs, common=False)
    values = {c.name: _dice(c) for c in found}
    means = {name: float(np.mean(list(cases.values()))) for name, cases in values.items()}
    ranked = sorted(means, key=lambda name: -means[name])
    by_model = {c.name: [folders[run] for run in c.runs] for c in found}
    seconds = {name: _seconds(by_model[name]) for name in ranked}
    best = ranked[0]
    level = [best, *(n for n in ranked[1:] if _level(values[best], values[n], groups, seed))]
    chosen = min(level, key=lambda name: seconds[name]) if prefer == "cheapest" else best
    model = by_model[chosen][0]
    choice = Choice(str(model), {name: round(means[name], 6) for name in ranked}, seconds, tuple(level[1:]), str(out))
    for path, content, replace in ((why, choice.to_json(), again), (out, read_json(model / "recipe.json"), overwrite)):
        with atomic_file(path, overwrite=replace) as temporary:
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


def _tells_of(why: Path, out: Path) -> bool:
    """Whether a file that is there tells why an earlier run chose the recipe `out`."""
    try:
        content = json.loads(why.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and set(content) == set(Choice.__dataclass_fields__) and content["out"] == str(out)


def _seconds(folders: Sequence[Path]) -> float:
    """Mean time of training, over seeds."""
    return round(float(np.mean([_seconds_of(folder / "record.json") for folder in folders])), 1)


def _seconds_of(record: Path) -> float:
    """Time of training all folds of a model.

    Raises:
        ModelError: if the record does not tell.
    """
    content = read_json(record)
    try:
        return sum(float(fold["seconds"]) for fold in content["folds"].values())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(record, expected="the seconds that each of its folds took", got=repr(error)) from error
