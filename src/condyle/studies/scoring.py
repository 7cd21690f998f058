"""The commands that test trainings and compare them."""

from __future__ import annotations

from condyle.errors import ConfigError
from condyle.studies import places
from condyle.studies.configurations import Configuration, referred
from condyle.studies.flags import flags
from condyle.studies.step import Step
from condyle.studies.study import Evaluation, Question, Study

#: The part of an evaluation that stands for what each training held out.
HELD_OUT = "held-out"


def evaluate_steps(study: Study, name: str, evaluation: Evaluation, c: Configuration, ready: str) -> list[Step]:
    """Segment with one training, and score by each label set; held-out cases were segmented when it was trained.

    Args:
        study: The whole.
        name: Of the evaluation.
        evaluation: What is segmented, and by whom it is judged.
        c: The training.
        ready: The step that gets the dataset ready.

    Raises:
        ConfigError: if the training held out nothing of the dataset where its held-out cases are asked for.
    """
    data = study.datasets[evaluation.data]
    folder = places.dataset(evaluation.data, data)
    part = ["--part", evaluation.part] if evaluation.part else []
    steps = []
    if evaluation.part == HELD_OUT:
        _of_its_own(evaluation, c, f"evaluate: {name}")
        masks, after = places.held_out_masks(c), f"train-{c.id}"
        part = [] if c.entry.fold == "cv" else ["--part", c.entry.fold]
    else:
        masks, after = places.masks(name, c), f"segment-{name}-{c.id}"
        device = ["--device", study.device] if study.device != "cpu" else []
        words = ["condyle", "segment", places.model(c), folder, "-o", masks, *part, *flags(evaluation.predict), *device]
        steps.append(Step(after, tuple(words), (f"train-{c.id}", ready), masks))
    for against in evaluation.against:
        scores = places.scores(name, c, against)
        truth = places.truth(evaluation.data, data, against)
        words = ["condyle", "evaluate", masks, truth, "--out", scores, *part]
        steps.append(Step(_scored(name, c, against), tuple(words), (after,), scores))
    return steps


def _of_its_own(evaluation: Evaluation, c: Configuration, where: str) -> None:
    if c.entry.fold == "all" or c.entry.data != evaluation.data or evaluation.predict:
        got = f"{c.id}: fold {c.entry.fold} of {c.entry.data}, predict {dict(evaluation.predict)}"
        raise ConfigError(where, expected="trainings that held out cases of this dataset, segmented as usual", got=got)


def _scored(evaluation: str, c: Configuration, against: str) -> str:
    return f"evaluate-{evaluation}-{c.id}-by-{against}"


def compare_step(study: Study, name: str, question: Question, known: set[str], ready: dict[str, str]) -> Step:
    """The comparison that answers a question.

    Args:
        study: The whole.
        name: Of the question.
        question: What it asks.
        known: Ids of the steps before it.
        ready: Dataset to the step that gets it ready.

    Raises:
        ConfigError: if it compares what was not scored.
    """
    out = ["-o", places.comparison(name)]
    if question.baseline:
        out += ["--baseline", question.baseline]
    makes = f"{places.comparison(name)}/compare.json"
    if question.label_sets:
        data = study.datasets[question.data]
        words = ["condyle", "compare", places.dataset(question.data, data)]
        words += [w for s in question.label_sets for w in ("--label-set", data.label_set(s))]
        return Step(f"compare-{name}", (*words, *out), (ready[question.data],), makes)
    tables, names, after = [], [], []
    for reference in question.models:
        for table, called, step in _tables(study, name, question, reference):
            if step not in known:
                where = f"questions: {name}: models"
                raise ConfigError(where, expected="trainings that an evaluation scored", got=f"no {step}")
            tables.append(table)
            names.append(called)
            after.append(step)
    words = ["condyle", "compare", *tables, *(w for n in names for w in ("--title", n))]
    return Step(f"compare-{name}", (*words, *out), tuple(after), makes)


def _tables(study: Study, name: str, question: Question, reference: str) -> list[tuple[str, str, str]]:
    """Score tables that a reference means: path, name of the candidate, and the step that writes it."""
    where = f"questions: {name}: models"
    evaluation_name, slash, rest = reference.rpartition("/")
    found = referred(study, rest, where)
    if not slash:
        unseen = [c.id for c in found if c.entry.fold == "all"]
        if unseen:
            raise ConfigError(
                where, expected="trainings that held cases out", got=f"{unseen[0]}: give EVALUATION/MODEL"
            )
        return [(places.held_out(c), c.id, f"train-{c.id}") for c in found]
    if evaluation_name not in study.evaluate:
        raise ConfigError(where, expected=f"one of {', '.join(study.evaluate)}", got=evaluation_name)
    against = question.against or study.evaluate[evaluation_name].against[0]
    several = len({r.rpartition("/")[0] for r in question.models}) > 1
    return [
        (
            places.scores(evaluation_name, c, against),
            f"{evaluation_name}:{c.id}" if several else c.id,
            _scored(evaluation_name, c, against),
        )
        for c in found
    ]
