"""The result of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from condyle.training.history import History
from condyle.workflow.evaluation.evaluated import Evaluated


@dataclass(frozen=True)
class FoldResult:
    """How one fold went.

    Args:
        cases: It was trained on.
        epochs: It took.
        best_epoch: The one whose weights are used; 0: the last.
        seconds: Of training.
        peak_gib: Of memory.
        steps: Of the optimizer.
        why: What ended it.
    """

    cases: tuple[str, ...]
    epochs: int
    best_epoch: int
    seconds: float
    peak_gib: float
    steps: int
    why: str

    @classmethod
    def of(cls, cases: Sequence[str], history: History) -> FoldResult:
        """From what training tells."""
        return cls(
            cases=tuple(cases),
            epochs=len(history.epochs),
            best_epoch=history.best_epoch,
            seconds=round(history.seconds, 1),
            peak_gib=round(max((e.ram_gib for e in history.epochs), default=0.0), 2),
            steps=history.epochs[-1].steps if history.epochs else 0,
            why=history.why,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return vars(self) | {"cases": list(self.cases)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FoldResult:
        """The inverse of `to_json`."""
        return cls(**{**data, "cases": tuple(data["cases"])})


@dataclass(frozen=True)
class Trained:
    """What was trained.

    Args:
        model: The model's folder.
        folds: How each went.
        scores: Of the cases that were held out, before cleanup; None without any.
        cleanup: The steps that were chosen on them, as plain data.
    """

    model: str
    folds: Mapping[str, FoldResult]
    scores: Evaluated | None = None
    cleanup: tuple[Any, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "model": self.model,
            "folds": {name: fold.to_json() for name, fold in self.folds.items()},
            "scores": None if self.scores is None else self.scores.to_json(),
            "cleanup": list(self.cleanup),
        }

    def __str__(self) -> str:
        lines = [f"model: {self.model}"]
        for name, fold in self.folds.items():
            speed = f"{fold.steps / fold.seconds:.2f} steps/s" if fold.seconds else "no steps"
            best = f", best epoch {fold.best_epoch}" if fold.best_epoch else ""
            lines.append(
                f"fold {name}: {len(fold.cases)} cases, {fold.epochs} epochs{best}, {fold.seconds:.0f} s "
                f"({speed}), peak {fold.peak_gib:.1f} GiB; ended: {fold.why}"
            )
        if self.scores is not None:
            lines += ["held-out cases:", str(self.scores)]
        lines += [f"cleanup: {step}" for step in self.cleanup]
        return "\n".join(lines)
