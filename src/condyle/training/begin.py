"""How a training begins, or goes on: everything that comes before its next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import torch

from condyle.errors import ConfigError
from condyle.io.atomic import refuse_existing
from condyle.nets.any_size import AnySizeNet
from condyle.recipe import Recipe
from condyle.training.arithmetic import Arithmetic, chosen, determined
from condyle.training.batches import Batches
from condyle.training.checkpoint import BEST, LAST, read_state, restore
from condyle.training.distributed import World
from condyle.training.learner import Learner, LossFunction, expected_s
from condyle.training.progress import Progress
from condyle.training.records import TABLE


def check(batches: Batches, validation: Batches | None, recipe: Recipe, world: World) -> None:
    """Refuse settings that contradict each other.

    Raises:
        ConfigError: telling which.
    """
    if validation is None and (recipe.patience or recipe.schedule == "plateau"):
        got = "none, with patience or the schedule plateau, which depend on it"
        raise ConfigError("validation", expected="cases to validate on", got=got)
    if recipe.deterministic and recipe.minutes:
        hint = "Give a number of epochs."
        raise ConfigError("recipe: minutes", expected="none if deterministic", got=f"{recipe.minutes:g}", hint=hint)
    world.share(batches.batch)
    if validation is not None:
        world.share(validation.batch)


def named(structures: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The names of so many structures; numbers from 1 where none are given.

    Raises:
        ConfigError: if there are more or fewer.
    """
    if structures and len(structures) != count:
        got = f"{len(structures)}: {', '.join(structures)}"
        raise ConfigError("structures", expected=f"{count} names", got=got)
    return structures or tuple(str(n + 1) for n in range(count))


@contextmanager
def isolated(device: torch.device, deterministic: bool) -> Iterator[None]:
    """Torch's own generator, from which dropout draws, and its settings are after the block what they were before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []), determined(deterministic):
        yield


def begun(
    net: AnySizeNet,
    loss: LossFunction,
    batches: Batches,
    recipe: Recipe,
    out: Path,
    *,
    device: torch.device,
    world: World,
) -> tuple[Learner, Progress]:
    """A new training, or the one that the folder holds. Other arguments as `fit`.

    Raises:
        ConfigError, DataError, ModelError: as `fit`.
    """
    state = read_state(out, recipe)
    if state is not None:
        learner = Learner(net, loss, recipe, Arithmetic(device, **state["arithmetic"]), world)
        return learner, restore(learner, state, recipe, out)
    for name in (BEST, LAST, TABLE):
        refuse_existing(out / name, overwrite=False)
    world.equalize(net.to(device))

    def expected(eager: Arithmetic) -> float:
        return expected_s(Learner(deepcopy(net), loss, recipe, eager, world), batches)

    return Learner(net, loss, recipe, chosen(recipe, device, expected), world), Progress()
