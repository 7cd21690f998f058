"""`condyle search`: settings of a training found by trying, each trial a short training."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from condyle.config import to_json
from condyle.data import Dataset
from condyle.errors import ConfigError, ModelError
from condyle.io.atomic import atomic_file
from condyle.recipe import RECIPES, Recipe
from condyle.studies.space import Choices, Dimension, changed, space_of
from condyle.workflow.experiments.trial import run_trial
from condyle.workflow.learning.meaning import meaning
from condyle.workflow.learning.training_run import parts_of
from condyle.workflow.shared.label_sets import chosen_label_set

if TYPE_CHECKING:
    import optuna

log = logging.getLogger("condyle")

#: In the search's folder: all trials, and the recipe that was found.
TRIALS, BEST = "trials.sqlite", "best.json"

#: Of what a search was asked, the values that are told where they differ; others are too long.
_SHORT = {"dataset", "label set", "fold"}


@dataclass(frozen=True)
class Found:
    """What a search found.

    Args:
        dice: Of the best trial: mean Dice on held-out cases; None if no trial ended well.
        best: Its settings.
        trials: How many ended.
        pruned: How many were stopped early, as they would not have become the best.
        failed: How many failed.
        out: The recipe that was written; empty without a best.
    """

    dice: float | None
    best: Mapping[str, Any]
    trials: int
    pruned: int
    failed: int
    out: str

    @property
    def exit_code(self) -> int:
        """1 if nothing was found, or a trial failed."""
        return int(self.dice is None or self.failed > 0)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        told = f"{self.trials} trials ended, {self.pruned} of them stopped early; {self.failed} failed"
        if self.dice is None:
            return f"{told}; none ended well"
        best = ", ".join(f"{name} {value}" for name, value in self.best.items())
        return f"{told}\nbest: {best}: Dice {self.dice:.4f} on held-out cases\n{self.out}: written"


def search(
    folder: Path,
    *,
    out: Path | None = None,
    over: Sequence[str] = (),
    method: Literal["tpe", "random"] = "tpe",
    trials: int = 20,
    budget_minutes: float = 0.0,
    prune: bool = True,
    recipe: Recipe = RECIPES["quick"],
    label_set: str | None = None,
    fold: str = "0",
    device: str = "cpu",
) -> Found:
    """Search for good settings of a training; each trial is a short training, judged on the cases it holds out.

    A search that was stopped goes on with the same command. `condyle train --recipe OUT/best.json --fold all` then
    trains what was found on all data. The Dice of the best of many trials is too good by chance: test on other cases.

    Args:
        folder: A dataset with folds.
        out: The search's folder.
        over: Where to look: rate=1e-4..1e-2, batch=2..8, network=plain,resenc-m. Once for each field.
        method: `tpe`: where trials went well (tree-structured Parzen estimator, Bergstra 2011); `random`.
        trials: How many.
        budget_minutes: Begin no trial after so long; 0 for no budget. A trial's own is --minutes.
        prune: Stop a trial whose pseudo-Dice is below the median of the others' at the same epoch.
        recipe: What all trials have in common, their few epochs among it.
        label_set: Which label maps to learn; needed where there are several sets.
        fold: The fold that trials hold out.
        device: `cpu`, or `cuda` for a graphics card.

    Raises:
        ConfigError: if there is nothing to search, optuna is missing, or the folder holds another search.
        DataError: if the dataset cannot be used.
    """
    if out is None:
        raise ConfigError("out", expected="a folder for the search (-o)", got="none")
    if trials < 1:
        raise ConfigError("trials", expected="1 or more", got=str(trials))
    if budget_minutes < 0:
        raise ConfigError("budget_minutes", expected="0 (no limit) or more", got=str(budget_minutes))
    if fold == "all":
        raise ConfigError("fold", expected="one that holds cases out", got="all")
    space = space_of(over)
    dataset = Dataset.open(folder)
    chosen = chosen_label_set(dataset, label_set)
    words = ["--label-set", chosen, "--fold", fold, "--device", device]
    study = _opened(out, method, _asked(space, recipe, dataset, chosen, fold), recipe.seed, prune=prune)
    begin = monotonic()
    while _ended(study) < trials and not (budget_minutes and monotonic() - begin > 60 * budget_minutes):
        trial = study.ask()
        _try(study, trial, space, recipe, [out, "train", folder, *words])
        if len(study.trials) >= 3 * trials:
            break  # most of them fail: more of the same will not help
    return _found(study, recipe, out)


def _asked(
    space: Mapping[str, Dimension], recipe: Recipe, dataset: Dataset, label_set: str, fold: str
) -> Mapping[str, Any]:
    """All that makes trials comparable, as plain data."""
    asked = {
        "space": {name: asdict(dimension) for name, dimension in space.items()},
        "recipe": to_json(recipe),
        "dataset": dataset.name,
        "cases": [case.id for case in dataset.labelled],
        "structures": meaning(dataset.labels),
        "label set": label_set,
        "fold": fold,
        # Where there is no split yet, the first trial draws it.
        **({"folds": parts_of(dataset)} if dataset.folds is not None else {}),
    }
    plain: Mapping[str, Any] = json.loads(json.dumps(asked))
    return plain


def _opened(out: Path, method: str, asked: Mapping[str, Any], seed: int, *, prune: bool) -> optuna.Study:
    try:
        import optuna
    except ImportError as error:
        hint = "Install it with `pip install optuna`."
        raise ConfigError("search", expected="optuna to be installed", got="no such package", hint=hint) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        got = error.strerror or str(error)
        raise ConfigError(out, expected="a folder for the search (-o)", got=got) from error
    sampler = optuna.samplers.RandomSampler if method == "random" else optuna.samplers.TPESampler
    # In a plain address a ? of the folder's name would begin the options. Both SQLAlchemy and SQLite unquote.
    storage = f"sqlite:///file:{quote(quote(str((out / TRIALS).resolve())))}?uri=true"
    study = optuna.create_study(
        storage=storage,
        study_name="search",
        direction="maximize",
        load_if_exists=True,
        # Trials that were made before are a part of the seed, or a search that goes on would draw the same again.
        sampler=sampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3) if prune else optuna.pruners.NopPruner(),
    )
    known = study.user_attrs.get("asked")
    if known is None:
        study.set_user_attr("asked", asked)
    # A search may have been begun by a Condyle that noted less.
    elif differ := [name for name in asked if known.get(name, asked[name]) != asked[name]]:
        told = [f"{name} {asked[name]}, begun with {known[name]}" if name in _SHORT else f"other {name}"
                for name in differ]  # fmt: skip
        raise ConfigError(
            out, expected="the search that was begun here", got="; ".join(told), hint="Choose another folder."
        )
    lost = study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
    for trial in lost:  # a process that was killed left them; they are tried again
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    study.sampler = sampler(seed=seed + len(study.trials))
    return study


def _try(
    study: optuna.Study,
    trial: optuna.Trial,
    space: Mapping[str, Dimension],
    recipe: Recipe,
    train: Sequence[str | Path],
) -> None:
    """One trial; `train` is the search's folder, and the words of the training but for its recipe and its place."""
    import optuna

    state = optuna.trial.TrialState
    out, *command = train
    place = Path(out) / f"trial_{trial.number:04d}"
    place.mkdir(parents=True, exist_ok=True)
    try:
        drawn = changed(recipe, {name: _drawn(trial, name, where) for name, where in space.items()})
        _write(place / "recipe.json", drawn)
        words = [*map(str, command), "-o", str(place / "model"), "--recipe", str(place / "recipe.json"), "--overwrite"]
        value = run_trial(words, place / "model", place / "log.txt", _hopeless(trial))
    except (ConfigError, ModelError) as error:
        log.warning("trial %d failed: %s", trial.number, error)
        study.tell(trial, state=state.FAIL)
        return
    if value is None:
        study.tell(trial, state=state.PRUNED)
    else:
        study.tell(trial, value)


def _hopeless(trial: optuna.Trial) -> Callable[[int, float], bool]:
    def asked(epoch: int, dice: float) -> bool:
        if isfinite(dice):
            trial.report(dice, epoch)
        return trial.should_prune()

    return asked


def _drawn(trial: optuna.Trial, name: str, where: Dimension) -> Any:
    if isinstance(where, Choices):
        return trial.suggest_categorical(name, where.values)
    if where.whole:
        return trial.suggest_int(name, int(where.low), int(where.high), log=where.by_magnitude)
    return trial.suggest_float(name, where.low, where.high, log=where.by_magnitude)


def _ended(study: optuna.Study) -> int:
    return sum(t.state.name in {"COMPLETE", "PRUNED"} for t in study.trials)


def _found(study: optuna.Study, recipe: Recipe, out: Path) -> Found:
    names = [t.state.name for t in study.trials]
    counts = (_ended(study), names.count("PRUNED"), names.count("FAIL"))
    if "COMPLETE" not in names:
        return Found(None, {}, *counts, "")
    best = study.best_trial
    _write(out / BEST, changed(recipe, best.params))
    return Found(best.value, best.params, *counts, str(out / BEST))


def _write(path: Path, recipe: Recipe) -> None:
    with atomic_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(to_json(recipe), indent=1) + "\n", encoding="utf-8")
