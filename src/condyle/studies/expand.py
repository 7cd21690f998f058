"""A study as a list of plain `condyle` commands; nothing is read, nothing is run."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.errors import ConfigError
from condyle.studies import places
from condyle.studies.configurations import Configuration, configurations, referred
from condyle.studies.flags import flags, number
from condyle.studies.places import Place
from condyle.studies.scoring import compare_step, evaluate_steps
from condyle.studies.step import Step
from condyle.studies.study import Data, ModelEntry, Search, Study


def expand(study: Study) -> tuple[Step, ...]:
    """All commands of a study, each after those it waits for.

    Paths are relative to the study's folder, which is where the commands run. One study gives one list, always.

    Raises:
        ConfigError: if a reference names nothing, or a question compares what was not scored.
    """
    steps: list[Step] = []
    for name, data in study.datasets.items():
        steps += _data_steps(name, data)
    ready = {name: steps_of(steps, name)[-1] for name in study.datasets}
    for name, entry in study.models.items():
        own = [c for c in configurations(study) if c.model == name]
        if entry.best_of:
            steps.append(_choose(study, name, entry.best_of, entry.prefer))
        if entry.search is not None:
            steps.append(_search(study, name, entry, entry.search, ready[entry.data]))
        steps += [_train(study, c, ready[entry.data]) for c in own]
    for name, evaluation in study.evaluate.items():
        for reference in evaluation.models:
            for c in referred(study, reference, f"evaluate: {name}: models"):
                steps += evaluate_steps(study, name, evaluation, c, ready[evaluation.data])
    known = {step.id for step in steps}
    for name, question in study.questions.items():
        steps.append(compare_step(study, name, question, known, ready))
    return tuple(steps)


def steps_of(steps: Sequence[Step], dataset: str) -> list[str]:
    """Ids of the steps that get a dataset ready, in order."""
    return [s.id for s in steps if s.id in {f"{kind}-{dataset}" for kind in ("phantom", "fill", "folds")}]


def _data_steps(name: str, data: Data) -> list[Step]:
    folder, steps = places.dataset(name, data), []
    after: tuple[str, ...] = ()
    if not data.path and data.phantom is not None:
        made = data.phantom
        words = ["condyle", "phantom", made.kind, folder, "--count", str(made.count), "--seed", str(made.seed)]
        if made.spacing_mm:
            words += ["--spacing", *map(number, made.spacing_mm)]
        steps.append(Step(f"phantom-{name}", tuple(words), after, f"{folder}/measures.json"))
        after = (steps[-1].id,)
    if data.fill is not None:
        words = ["condyle", "fill", folder, "--label-set", data.label_set("fill"), "--threshold", number(data.fill)]
        steps.append(Step(f"fill-{name}", tuple(words), after, f"{folder}/labels/{data.label_set('fill')}"))
        after = (steps[-1].id,)
    split = data.folds
    words = ["condyle", "folds", folder, "--method", split.method, "--seed", str(split.seed)]
    if split.method != "leave-one-group-out":
        words += ["--count", str(split.count)]
    if split.test_fraction:
        words += ["--test-fraction", number(split.test_fraction)]
    steps.append(Step(f"folds-{name}", tuple(words), after, f"{folder}/dataset.json"))
    return steps


def _train(study: Study, c: Configuration, ready: str) -> Step:
    data, after = study.datasets[c.entry.data], [ready]
    recipe: str = c.recipe
    if c.entry.best_of:
        recipe = places.chosen(c.model)
        after.append(f"choose-{c.model}")
    if c.entry.search is not None:
        recipe = Place(f"{places.searched(c.model)}/best.json")
        after.append(f"search-{c.model}")
    words = ["condyle", "train", places.dataset(c.entry.data, data), "-o", places.model(c), "--recipe", recipe]
    words += flags(c.change)
    words += ["--seed", str(c.seed), "--label-set", data.label_set(c.label_set), "--fold", c.entry.fold]
    if c.entry.start:
        start = _start(study, c)
        words += ["--start", places.model(start)]
        after.append(f"train-{start.id}")
    if study.device != "cpu":
        words += ["--device", study.device]
    makes = f"{places.model(c)}/fold_all.safetensors" if c.entry.fold == "all" else places.held_out(c)
    return Step(f"train-{c.id}", tuple(words), tuple(after), makes)


def _start(study: Study, c: Configuration) -> Configuration:
    """The training to begin with: that of the same seed, and of the same label set where there are several."""
    found = referred(study, c.entry.start, f"models: {c.model}: start")
    same = [o for o in found if o.seed == c.seed and o.label_set == c.label_set] or \
           [o for o in found if o.seed == c.seed]  # fmt: skip
    if len(same) != 1:
        got = ", ".join(o.id for o in same)
        raise ConfigError(f"models: {c.model}: start", expected="one training", got=got)
    return same[0]


def _search(study: Study, name: str, entry: ModelEntry, search: Search, ready: str) -> Step:
    data, out = study.datasets[entry.data], places.searched(name)
    words = ["condyle", "search", places.dataset(entry.data, data), "-o", out, "--recipe", entry.recipe]
    words += flags({**entry.change, **search.change, **study.change})
    words += [word for field, values in search.over.items() for word in ("--over", f"{field}={values}")]
    words += ["--method", search.method, "--trials", str(search.trials)]
    words += ["--budget-minutes", number(search.budget_minutes)] if search.budget_minutes else []
    words += ["--seed", str(study.seeds[0]), "--label-set", data.label_set(entry.label_sets[0]), "--fold", search.fold]
    words += ["--device", study.device] if study.device != "cpu" else []
    return Step(f"search-{name}", tuple(words), (ready,), f"{out}/best.json")


def _choose(study: Study, name: str, best_of: Sequence[str], prefer: str) -> Step:
    among = [c for r in best_of for c in referred(study, r, f"models: {name}: best_of")]
    unseen = [c.id for c in among if c.entry.fold == "all"]
    if unseen:
        where = f"models: {name}: best_of"
        raise ConfigError(where, expected="trainings that held cases out", got=f"fold all of {unseen[0]}")
    words = ["condyle", "choose", *(places.model(c) for c in among), "-o", places.chosen(name), "--prefer", prefer]
    return Step(f"choose-{name}", tuple(words), tuple(f"train-{c.id}" for c in among), places.chosen(name))
