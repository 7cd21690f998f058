"""Time, memory and energy of a training."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from math import inf, nan
from time import monotonic

import torch

from condyle.jobs.energy import EnergyMeter

#: What is kept of a budget for its end, beside how long the end took before.
_MARGIN = 1.2

#: The share of a budget that one validation may take, and of a step's time that looking without learning takes.
_FOR_VALIDATION = 0.05
_LOOKING = 1 / 3


@dataclass(frozen=True)
class Peak:
    """The most memory that was used.

    Attributes:
        ram_gib: By this process since it started.
        vram_gib: On its graphics card since the last look; 0 without one.
    """

    ram_gib: float
    vram_gib: float


def peak(device: torch.device) -> Peak:
    """The peak so far. That of a graphics card is counted anew from here."""
    ram_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device.type != "cuda":
        return Peak(ram_gib, 0.0)
    vram_gib = torch.cuda.max_memory_allocated(device) / 2**30
    torch.cuda.reset_peak_memory_stats(device)
    return Peak(ram_gib, vram_gib)


class Clock:
    """The time trained, over all parts of a training, how much of a budget it is, and the energy it took.

    Args:
        minutes: The budget; 0 for none.
        validations: Batches of a validation.
        energy: Counts that of this part.

    Attributes:
        before_s: Trained in earlier parts.
        before_kj: Used in them.
    """

    def __init__(self, minutes: float, validations: int, energy: EnergyMeter) -> None:
        self.before_s = self.before_kj = 0.0
        self._energy = energy
        self._start = self._last = monotonic()
        self._budget_s = minutes * 60
        self._validations = validations
        self._took: dict[str, float] = {}
        self._warm = False

    def seconds(self) -> float:
        """Trained so far."""
        return self.before_s + monotonic() - self._start

    def energy_kj(self) -> float:
        """Used so far by the whole machine; NaN where it is not told."""
        used_kj = self._energy.used_kj()
        return nan if used_kj is None else self.before_kj + used_kj

    def lap(self, what: str) -> None:
        """Note what the time since the last lap went into: `step`, `saving`, or `closing` an epoch.

        Of each the fastest counts. The very first step does not: libraries and compilers prepare themselves in it.
        """
        now = monotonic()
        if what != "step" or self._warm:
            self._took[what] = min(now - self._last, self._took.get(what, inf))
        self._warm |= what == "step"
        self._last = now

    def validations(self) -> int:
        """Batches of a validation: all of them, but within a budget no more than it can afford."""
        step = self._took.get("step", 0.0)
        if not self._budget_s or not step:
            return self._validations
        return max(1, min(self._validations, int(_FOR_VALIDATION * self._budget_s / (_LOOKING * step))))

    def share(self) -> float:
        """The share of the budget for steps that is over, from 0 to 1.

        One more step, and closing the epoch, fit into what is left of the whole budget while it is below 1.
        """
        step = self._took.get("step", 0.0)
        validating = self.validations() * _LOOKING * step
        closing = self._took.get("closing", self._took.get("saving", 0.0) + validating)
        return min(self.seconds() / max(self._budget_s - step - _MARGIN * closing, 1e-9), 1.0)
