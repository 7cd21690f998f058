"""What a study file says. Each class is a section of the file, each field a key.

* **model**: an entry under `models`: one way of training, or a grid of ways.
* **configuration**: one of them, with one label set and one seed: one training.
* **reference**: how evaluations and questions name trainings: `MODEL`, `MODEL.LABELSET`, or a configuration's id;
  with `EVALUATION/` before it, where the masks of an evaluation are meant and not those of held-out cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from condyle.errors import ConfigError


@dataclass(frozen=True)
class PhantomData:
    """Scans that are made where a dataset has no path, so that a study runs without data.

    Args:
        kind: As of `condyle phantom`.
        count: How many.
        seed: Start of all randomness.
        spacing_mm: Voxel spacing; as such scanners choose if empty.
        label_sets: The study's name of a label set to the phantoms' own: `corrected: manual`.
    """

    kind: str
    count: int
    seed: int = 0
    spacing_mm: tuple[float, ...] = ()
    label_sets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Split:
    """How patients are parted, where the dataset has no split of its own yet. Groups are never torn apart.

    Args:
        method: `kfold`, `leave-one-group-out` or `hold-out`.
        count: Number of folds; for `hold-out` the share, one in so many.
        test_fraction: Share of the cases that no training ever sees.
        seed: Start of the shuffle.
    """

    method: Literal["kfold", "leave-one-group-out", "hold-out"] = "kfold"
    count: int = 5
    test_fraction: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Data:
    """A dataset.

    Args:
        path: Its folder. `--data NAME=PATH` says it on the command line.
        phantom: What to make where there is no path.
        label_sets: The study's name of a label set to the dataset's own, where they differ.
        fill: Make the label set `fill` at this threshold, HU; cases that have it are left alone.
        folds: Its split.
    """

    path: str = ""
    phantom: PhantomData | None = None
    label_sets: Mapping[str, str] = field(default_factory=dict)
    fill: float | None = None
    folds: Split = Split()

    def label_set(self, name: str) -> str:
        """What the dataset itself calls a label set."""
        names = self.label_sets if self.path or self.phantom is None else self.phantom.label_sets
        return names.get(name, name)


@dataclass(frozen=True)
class Search:
    """Settings that are found by trying before a model is trained, as `condyle search` does.

    Args:
        over: Fields of the recipe to where to look: `rate: 1e-4..1e-2`, `network: plain,resenc-m`.
        method: `tpe` or `random`.
        trials: How many.
        budget_minutes: Begin no trial after so long; 0 for no budget.
        change: Fields of the recipe for the trials alone: few epochs.
        fold: The fold that trials hold out.
    """

    over: Mapping[str, str]
    method: Literal["tpe", "random"] = "tpe"
    trials: int = 20
    budget_minutes: float = 0.0
    change: Mapping[str, Any] = field(default_factory=dict)
    fold: str = "0"


@dataclass(frozen=True)
class ModelEntry:
    """One way of training, or a grid of ways.

    Args:
        data: The dataset.
        recipe: A named recipe; not with `best_of`.
        change: Fields of the recipe to values: any option of `condyle train` that a recipe has.
        over: Fields to lists of values: every combination is trained. `recipe` may be among them.
        pick: Train only so many of the combinations, drawn at random; 0 for all.
        best_of: Models among whose configurations the best on held-out cases is taken, and trained again.
        prefer: Of `best_of`: `best`, or `cheapest`: the quickest to train of those that cannot be told from the best.
        search: Settings to find first, on the first of the label sets; the rest of the entry is then trained with them.
        label_sets: Which to learn, each in a training of its own.
        fold: As of `condyle train`: a number, `cv` or `all`.
        start: A model of this study to begin with.
    """

    data: str
    recipe: str = "default"
    change: Mapping[str, Any] = field(default_factory=dict)
    over: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    pick: int = 0
    best_of: tuple[str, ...] = ()
    prefer: Literal["best", "cheapest"] = "best"
    search: Search | None = None
    label_sets: tuple[str, ...] = ("reference",)
    fold: str = "0"
    start: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What is asked to segment what, and by whom it is judged.

    Args:
        models: References.
        data: The dataset to segment.
        part: Of its split: `test`, `train`, a fold's number; all cases if empty. `held-out`: the cases each training
            held out itself, whose masks are there already.
        against: Label sets that are taken as true, each in turn: training on `fill` is tested on `corrected` here.
        predict: Options of `condyle segment`: `views: mean`.
    """

    models: tuple[str, ...]
    data: str
    part: str = "test"
    against: tuple[str, ...] = ("reference",)
    predict: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One comparison.

    Args:
        ask: The question, as a person would.
        models: References, two trainings or more; seeds of one count as one.
        against: Of an evaluation: the label set taken as true; its first if empty.
        data: For label sets: whose.
        label_sets: Two or more to hold against each other, instead of models.
        baseline: Published numbers to print beside: `femur`, `femur-grid`, `knee`, `limb`, `limb-choices`,
            `limb-transfer`.
    """

    ask: str
    models: tuple[str, ...] = ()
    against: str = ""
    data: str = ""
    label_sets: tuple[str, ...] = ()
    baseline: str = ""


@dataclass(frozen=True)
class Study:
    """A whole study.

    Args:
        name: One word; also the folder it is run in.
        title: What it is about.
        datasets: By name.
        models: By name.
        evaluate: By name.
        questions: By name.
        source: What it follows.
        notes: What the report should say about it: where it differs from its source.
        seeds: Each training is repeated with each.
        change: Fields of the recipe for every model, after their own: budgets, sizes.
        device: What trains and segments: `cpu`, `cuda`.
        scale: Which of the file's `scales` this is.
    """

    name: str
    title: str
    datasets: Mapping[str, Data]
    models: Mapping[str, ModelEntry]
    evaluate: Mapping[str, Evaluation] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    source: str = ""
    notes: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    change: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    scale: str = "full"

    def __post_init__(self) -> None:
        for section in ("datasets", "models", "evaluate", "questions"):
            for name in getattr(self, section):
                _one_word(name, section)
        _one_word(self.name, "name")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError("seeds", expected="one or more, each once", got=str(self.seeds))
        if min(self.seeds) < 0:
            raise ConfigError("seeds", expected="numbers of 0 or more", got=str(min(self.seeds)))
        for name, data in self.datasets.items():
            if not data.path and data.phantom is None:
                hint = f"Give --data {name}=PATH."
                raise ConfigError(f"datasets: {name}", expected="a path or a phantom", got="neither", hint=hint)
        for name, model in self.models.items():
            _known(model.data, self.datasets, f"models: {name}: data")
            for other in (*model.best_of, *([model.start] if model.start else [])):
                before = list(self.models)[: list(self.models).index(name)]
                _known(other.split(".")[0], before, f"models: {name}: {'start' if other == model.start else 'best_of'}")
        for name, evaluation in self.evaluate.items():
            _known(evaluation.data, self.datasets, f"evaluate: {name}: data")
        for name, question in self.questions.items():
            if bool(question.models) == bool(question.label_sets):
                raise ConfigError(f"questions: {name}", expected="models or label_sets", got="both or neither")
            if question.label_sets:
                _known(question.data, self.datasets, f"questions: {name}: data")


def _one_word(name: str, where: str) -> None:
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise ConfigError(f"{where}: {name}", expected="a name of letters, digits, - and _", got=repr(name))


def _known(name: str, names: Mapping[str, Any] | list[str], where: str) -> None:
    if name not in names:
        raise ConfigError(where, expected=f"one of {', '.join(names) or 'none above it'}", got=name or "nothing")
