"""A network that learns: one step at a time, and everything that a step changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor

from condyle.errors import ModelError
from condyle.losses.deep import DeepSupervision
from condyle.nets.any_size import AnySizeNet
from condyle.recipe import Recipe
from condyle.training.arithmetic import Arithmetic, Outputs
from condyle.training.average import Average
from condyle.training.batches import Batch, Batches
from condyle.training.distributed import World
from condyle.training.optimizers import clipped, optimizer, set_rate
from condyle.training.validate import Validation, validate

#: So many steps in a row without a finite loss end a training.
HOPELESS = 5

LossFunction = Callable[[Tensor, Tensor], Tensor]

_log = logging.getLogger("condyle")


class Learner:
    """A network, its optimizer and the average of its weights.

    Args:
        net: Changed in place, moved to the arithmetic's device.
        loss: Of one output (logits, target); where the network has several, all are judged (`losses.deep`).
        recipe: How it learns.
        arithmetic: How its numbers are computed.
        world: The processes among which batches are shared.
    """

    def __init__(
        self, net: AnySizeNet, loss: LossFunction, recipe: Recipe, arithmetic: Arithmetic, world: World
    ) -> None:
        self.net = net
        self.recipe = recipe
        self.world = world
        self.arithmetic = arithmetic
        self.forward: Callable[[Tensor], Outputs] = arithmetic.ready(net)
        self.loss = loss
        self.optimizer = optimizer(net, recipe)
        self.average = Average(net, recipe.average)
        self._failed = 0

    def step(self, batch: Batch, rate: float, number: int) -> float | None:
        """Learn from one batch.

        Args:
            batch: This process's share of it.
            rate: Learning rate.
            number: Of the step in the whole training; dropout follows from it.

        Returns:
            The loss, or None where it or its gradient was not finite; nothing was learned then.

        Raises:
            ModelError: after `HOPELESS` such steps in a row.
        """
        torch.manual_seed(_seed(self.recipe.seed, number, self.world.rank))
        self.net.train()
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.judged(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        self.world.add_gradients(self.net)
        length = clipped(self.net, self.recipe.clip)
        value = loss.item()
        if not np.isfinite(value + length):
            self._fail(value, number)
            return None
        self._failed = 0
        self.optimizer.step()
        self.average.update()
        return value

    def judged(self, batch: Batch) -> Tensor:
        """The loss of the whole batch, of which this process has a share."""
        outputs = self.forward(batch.image)
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        logits = [self.world.gathered(out) for out in several]
        target = self.world.gathered(batch.target.to(self.arithmetic.device))
        return DeepSupervision(self.loss)(logits, target)

    def validate(self, batches: Batches) -> Validation:
        """How good the averaged weights are."""
        self.net.eval()
        with self.average.applied():
            return validate(self.forward, self.loss, batches, self.world)

    def state(self) -> dict[str, Any]:
        """All that steps have changed; what `restore` takes."""
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of the same network and recipe."""
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.restore(**state["average"])

    def _fail(self, loss: float, number: int) -> None:
        self._failed += 1
        _log.warning("Step %d: the loss is %s or its gradient not finite; the step is left out.", number, loss)
        if self._failed == HOPELESS:
            raise ModelError(
                "training",
                expected="a finite loss",
                got=f"none in {HOPELESS} steps in a row, up to step {number}",
                hint="Lower the rate, clip the gradient, or train with precision fp32.",
            )


def expected_s(trial: Learner, batches: Batches) -> float:
    """How long a training will take: its budget, or measured by two steps of a learner that is not needed after.

    Every process gets the answer of the first.
    """
    if trial.recipe.minutes:
        return trial.recipe.minutes * 60
    with closing(batches.over([0], world=trial.world)) as stream:
        batch = next(stream)
    trial.step(batch, 0.0, 0)
    start = monotonic()
    trial.step(batch, 0.0, 0)
    seconds: float = trial.world.first(monotonic() - start)
    return seconds * trial.recipe.epochs * len(batches)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
