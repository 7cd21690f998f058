"""One trial of a search: a short training in a process of its own, watched while it goes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from condyle.errors import DataError, ModelError
from condyle.jobs.child import start
from condyle.jobs.running import end
from condyle.studies.results import history, model_facts

#: How often a training is looked at.
_LOOK_S = 0.5


def run_trial(command: list[str], model: Path, log: Path, hopeless: Callable[[int, float], bool]) -> float | None:
    """Train, and tell the mean Dice on held-out cases.

    Args:
        command: The words behind `condyle`.
        model: The folder it makes.
        log: What it says goes there.
        hopeless: Told the pseudo-Dice of each epoch, its number first; says whether to stop.

    Returns:
        The mean over structures; None if it was stopped as hopeless.

    Raises:
        ModelError: if the training failed.
    """
    seen = 0
    with log.open("wb") as said:
        process = start(command, out=said, error=said)
        try:
            while process.poll() is None:
                dice = _dice_so_far(model)
                for epoch in range(seen, len(dice)):
                    if hopeless(epoch + 1, dice[epoch]):
                        return None
                seen = len(dice)
                try:
                    process.wait(_LOOK_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            end(process)
    facts = model_facts(model)
    if process.returncode not in {0, 1} or facts is None or not facts.dice:
        told = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ModelError(model, expected="a training that ends", got=told[-1] if told else f"code {process.returncode}")
    return sum(facts.dice.values()) / len(facts.dice)


def _dice_so_far(model: Path) -> tuple[float, ...]:
    """Pseudo-Dice of the epochs that are over."""
    tables = sorted(model.glob("training/fold_*/history.csv"))
    if not tables or not tables[0].stat().st_size:
        return ()
    try:
        return history(tables[0])["mean_dice"]
    except DataError:
        return ()  # being written; the next look has it
