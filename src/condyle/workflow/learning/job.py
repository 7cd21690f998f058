"""A training under way: fold after fold joins the model's folder, and is tested on the cases it was not trained on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from condyle.config import to_json
from condyle.data import Case, Dataset
from condyle.models import Model
from condyle.models.folder import read_state, weights_file
from condyle.models.growing import add_fold, has_fold, tables, write_all_tables
from condyle.predict.cleanup import steps_to_json
from condyle.progress import Track
from condyle.training import History
from condyle.workflow.evaluation.evaluated import Evaluated
from condyle.workflow.learning.cleanup_choice import choose_cleanup
from condyle.workflow.learning.trained import FoldResult, Trained
from condyle.workflow.learning.training_run import TrainingRun
from condyle.workflow.learning.validating import forget, held_out_masks, predict_held_out, score_held_out

log = logging.getLogger("condyle")

#: What a model tells of each structure on cases it was not trained on.
_TOLD = ("dice", "assd_mm", "hd95_mm", "volume_error_percent")


@dataclass
class Job:
    """The model's folder as it grows. One process writes it.

    Args:
        out: The folder.
        dataset: The data.
        run: What was decided.
        device: What computes.
        before: The stage before, for a cascade.
        scores: Of the cases held out so far; None until a fold of this command has some.
        folds: How each went.
        cleanup: Steps that were chosen on cases held out.
        validation: What the model tells of its scores: a structure's means.
    """

    out: Path
    dataset: Dataset
    run: TrainingRun
    device: str
    before: Model | None = None
    scores: Evaluated | None = None
    folds: dict[str, FoldResult] = field(default_factory=dict)
    cleanup: tuple[Any, ...] = ()
    validation: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Folds that were trained by an earlier command stay what they are.
        there = tables(self.out)
        self.folds = {name: FoldResult.from_json(told) for name, told in there.record.get("folds", {}).items()}
        self.cleanup = there.cleanup
        self.validation = there.record.get("validation", {})

    @property
    def held_out(self) -> Path:
        """Where masks of cases lie that were held out."""
        return self.out / "validation"

    def add(
        self, name: str, learners: Sequence[Case], held_out: Sequence[Case], history: History, track: Track
    ) -> None:
        """The fold joins the model, and its held-out cases are segmented and scored."""
        self.folds[name] = FoldResult.of([case.id for case in learners], history)
        model = self.model(name)
        if not has_fold(model, self.out, name, history.weights):
            # What other weights made of the cases, and the cleanup that was chosen on it, is no longer true.
            forget(self.held_out, held_out)
            self.cleanup = ()
            self.validation = {} if held_out else self.validation
            add_fold(model, self.out, name, history.weights)
        write_all_tables(self.model(), self.out)
        if held_out:
            predict_held_out(self.model(), name, self.dataset, held_out, self.held_out, device=self.device, track=track)
            self.scores = score_held_out(self.dataset, self.run.label_set, self.held_out, track=track)
            self.validation = _means(self.scores)
            write_all_tables(self.model(), self.out)

    def clean(self, track: Track) -> None:
        """Choose cleanup steps on all held-out cases, and store them with the model."""
        masks = held_out_masks(self.dataset, self.run.label_set, self.held_out)
        steps, tried = choose_cleanup(masks, self.dataset.labels, track=track)
        for judged in tried:
            log.info("%s: Dice %.4f, with it %.4f", judged.steps, judged.before, judged.after)
        self.cleanup = tuple(steps_to_json(steps))
        write_all_tables(self.model(), self.out)

    def model(self, *more: str) -> Model:
        """The model as far as it is trained.

        Args:
            more: Folds whose weights are about to come.
        """
        there = {name for name in self.folds if (self.out / weights_file(name)).is_file()} | set(more)
        plan = self.run.plan
        return Model(
            plan=plan,
            labels=self.dataset.labels,
            weights={name: partial(read_state, self.out / weights_file(name), plan.net) for name in sorted(there)},
            cleanup=self.cleanup,
            record=self._record(),
            before=self.before,
            recipe=to_json(self.run.recipe),
        )

    def result(self, names: Sequence[str]) -> Trained:
        """What is told of these folds."""
        return Trained(str(self.out), {name: self.folds[name] for name in names}, self.scores, self.cleanup)

    def _record(self) -> dict[str, Any]:
        import torch

        return {
            "condyle": version("condyle"),
            "torch": torch.__version__,
            "dataset": self.run.dataset,
            "label_set": self.run.label_set,
            "cases": len({case for fold in self.folds.values() for case in fold.cases}),
            "start": self.run.start,
            "folds": {name: fold.to_json() for name, fold in self.folds.items()},
            "validation": dict(self.validation),
        }


def _means(scores: Evaluated) -> dict[str, dict[str, float | None]]:
    """Structure to the means that a model tells, as far as they are known."""
    return {
        structure: {told: metrics[told].mean for told in _TOLD if metrics[told].mean is not None}
        for structure, metrics in scores.summary.items()
    }
