"""What the page of a study shows, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from condyle.metrics.statistics import Summary
from condyle.reports.comparison.baselines import BaselineName

#: Stands for an evaluation's name where a training was scored on what it held out itself.
HELD_OUT = "held out"


@dataclass(frozen=True)
class Curve:
    """How a training went, an entry an epoch; NaN where nothing was measured.

    Args:
        name: Of the training and its fold.
        loss: On training patches.
        val_loss: On validation patches.
        dice: Pseudo-Dice on validation patches, mean over structures.
        smoothed: Its moving average.
        seconds: Of each epoch.
        rate: Learning rate.
    """

    name: str
    loss: Sequence[float]
    val_loss: Sequence[float]
    dice: Sequence[float]
    smoothed: Sequence[float]
    seconds: Sequence[float]
    rate: Sequence[float]


@dataclass(frozen=True)
class Training:
    """One training and what it took.

    Args:
        id: Its name.
        model: The entry of the study it comes from.
        settings: What the grid varied, or the recipe: a few words.
        label_set: It learnt.
        fold: Which, `cv` or `all`.
        dice: Mean Dice on held-out cases by structure; empty without any.
        cases: Number of cases learnt from, of the fold with the most.
        seconds: Of training, all folds.
        steps: Of the optimizer, all folds.
        ram_gib: Peak of the process.
        vram_gib: Peak on the graphics card; 0 without one.
        parameters: Numbers in its weights.
        energy_kj: Of the whole machine meanwhile; None where it tells nothing.
        curves: One a fold.
        state: Empty if it is done.
    """

    id: str
    model: str
    settings: str
    label_set: str
    fold: str
    dice: Mapping[str, float] = field(default_factory=dict)
    cases: int = 0
    seconds: float = 0.0
    steps: int = 0
    ram_gib: float = 0.0
    vram_gib: float = 0.0
    parameters: int = 0
    energy_kj: float | None = None
    curves: tuple[Curve, ...] = ()
    state: str = ""

    @property
    def mean_dice(self) -> float | None:
        """Over structures; what configurations are chosen by."""
        return sum(self.dice.values()) / len(self.dice) if self.dice else None


@dataclass(frozen=True)
class Scored:
    """The scores of one evaluation: who segmented, and who judged.

    Args:
        evaluation: Its name; `HELD_OUT` for the cases that trainings held out themselves.
        model: The training.
        learnt: Label set it was trained on.
        against: Label set taken as true.
        structure: Of which.
        cases: How many.
        patients: How many.
        missed: In how many cases the structure was not found.
        summary: Metric to mean, SD, interval.
        values: Metric to case and value.
    """

    evaluation: str
    model: str
    learnt: str
    against: str
    structure: str
    cases: int
    patients: int
    missed: int
    summary: Mapping[str, Summary]
    values: Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True)
class Asked:
    """What it took to segment the scans of an evaluation with one training.

    Args:
        evaluation: Its name.
        model: The training.
        scans: How many.
        seconds: Of a scan, from the scan that was read to the mask; mean.
        steps_per_s: Batches of windows in a second.
        ram_gib: Peak of the process.
        vram_gib: Peak on the graphics card; 0 without one.
        parameters: Learned numbers of one fold's network.
        energy_kj: Of the whole machine for all scans; None where it tells nothing.
    """

    evaluation: str
    model: str
    scans: int
    seconds: float
    steps_per_s: float
    ram_gib: float
    vram_gib: float = 0.0
    parameters: int = 0
    energy_kj: float | None = None


@dataclass(frozen=True)
class Answer:
    """A question and what is known.

    Args:
        ask: The question.
        findings: What the comparison says.
        link: To the whole comparison; empty if there is none yet.
        notes: What is not in the numbers.
    """

    ask: str
    findings: tuple[str, ...] = ()
    link: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """The whole page.

    Args:
        title: Of the study.
        source: What it follows.
        notes: On the study.
        splits: A sentence on the split of each dataset.
        answers: To its questions.
        trainings: In order.
        scores: In order.
        choices: A sentence on each choice.
        asking: What segmenting took.
        energy: A sentence.
        undone: Steps that are not done, and why.
        commands: All of them.
        baselines: Published numbers to print beside.
        limits: What these numbers cannot show, whatever they are; told first.
    """

    title: str
    source: str
    notes: tuple[str, ...]
    splits: tuple[str, ...]
    answers: tuple[Answer, ...]
    trainings: tuple[Training, ...]
    scores: tuple[Scored, ...]
    choices: tuple[str, ...]
    asking: tuple[Asked, ...]
    energy: str
    undone: tuple[str, ...]
    commands: tuple[str, ...]
    baselines: tuple[BaselineName, ...] = ()
    limits: tuple[str, ...] = ()
