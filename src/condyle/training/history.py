"""What happened in each epoch, and the table it is written to as training goes."""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import nan
from pathlib import Path
from typing import Any

from condyle.errors import DataError
from condyle.io.atomic import atomic_file


@dataclass(frozen=True)
class Epoch:
    """One epoch. Values that were not measured are NaN.

    Attributes:
        epoch: Its number, from 1.
        steps: Of the optimizer so far, the skipped ones included.
        rate: Learning rate of its last step.
        loss: Mean over its training steps.
        val_loss: Mean over the validation batches.
        dice: Pseudo-Dice by structure: of all validation patches together, NaN where it is in none of them.
        mean_dice: Mean over the structures.
        smoothed_dice: The mean's running average of weight 0.9, which decides what is best.
        seconds: All of it, with validation and with saving the epoch before.
        ram_gib: Peak of the process so far.
        vram_gib: Peak on the graphics card in this epoch.
        skipped: Steps left out because loss or gradient was not finite.
        energy_kj: Of the whole machine, for the same time as `seconds`.
    """

    epoch: int
    steps: int
    rate: float
    loss: float
    val_loss: float
    dice: dict[str, float]
    mean_dice: float
    smoothed_dice: float
    seconds: float
    ram_gib: float
    vram_gib: float
    skipped: int
    energy_kj: float = nan

    def to_row(self) -> dict[str, Any]:
        """A flat table row: each structure's Dice has a column `dice: <name>`."""
        row = asdict(self)
        dice = row.pop("dice")
        return row | {f"dice: {name}": value for name, value in dice.items()}


@dataclass(frozen=True)
class History:
    """A training, finished or not.

    Attributes:
        epochs: In order.
        finished: False where it was stopped from outside and can be gone on with.
        best_epoch: Number of the epoch whose weights are in `best.safetensors`; 0 without validation.
        weights: The file of weights to use: the best where there was a validation, else the last.
        seconds: Time trained, over all its parts.
        why: What ended it, in words.
    """

    epochs: tuple[Epoch, ...]
    finished: bool
    best_epoch: int
    weights: Path
    seconds: float
    why: str


def write_table(path: Path, epochs: Sequence[Epoch]) -> None:
    """The table anew, whole, with just these epochs. It may be empty."""
    with atomic_file(path, overwrite=True) as temporary:
        lines = [_line(epochs[0].to_row())] if epochs else []
        temporary.write_text("".join(lines + [_line(e.to_row().values()) for e in epochs]), encoding="utf-8")


def append_row(path: Path, epoch: Epoch) -> None:
    """Add an epoch to the table in one write, so that a reader finds whole lines only.

    Raises:
        DataError: if the disk refuses; the table is as it was.
    """
    empty = not path.exists() or path.stat().st_size == 0
    row = ((_line(epoch.to_row()) if empty else "") + _line(epoch.to_row().values())).encode()
    try:
        with path.open("ab", buffering=0) as file:
            before = file.tell()
            if (file.write(row) or 0) < len(row):
                file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        hint = "Free some space; the same command goes on."
        got = error.strerror or str(error)
        raise DataError(path, expected="to be able to write it", got=got, hint=hint) from error


def _line(cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
