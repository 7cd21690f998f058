"""The result of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
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
        vram_gib: Peak on the graphics card; 0 without one.
        energy_kj: Of the whole machine meanwhile; None where it was not told in every epoch.
    """

    cases: tuple[str, ...]
    epochs: int
    best_epoch: int
    seconds: float
    peak_gib: float
    steps: int
    why: str
    vram_gib: float = 0.0
    energy_kj: float | None = None

    @classmethod
    def of(cls, cases: Sequence[str], history: History) -> FoldResult:
        """From what training tells."""
        energy_kj = sum(epoch.energy_kj for epoch in history.epochs)
        return cls(
            cases=tuple(cases),
            epochs=len(history.epochs),
            best_epoch=history.best_epoch,
            seconds=round(history.seconds, 1),
            peak_gib=round(max((e.ram_gib for e in history.epochs), default=0.0), 2),
            steps=history.epochs[-1].steps if history.epochs else 0,
            why=history.why,
            vram_gib=round(max((e.vram_gib for e in history.epochs), default=0.0), 2),
            energy_kj=None if isnan(energy_kj) else round(energy_kj, 2),
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
            card = f", {fold.vram_gib:.1f} GiB on the graphics card" if fold.vram_gib else ""
            energy = "" if fold.energy_kj is None else f", {fold.energy_kj:.1f} kJ"
            lines.append(
                f"fold {name}: {len(fold.cases)} cases, {fold.epochs} epochs{best}, {fold.seconds:.0f} s "
                f"({speed}), peak {fold.peak_gib:.1f} GiB{card}{energy}; ended: {fold.why}"
            )
        if self.scores is not None:
            lines += ["held-out cases:", str(self.scores)]
        lines += [f"cleanup: {step}" for step in self.cleanup]
        return "\n".join(lines)
