"""What others can watch while a network learns: `history.csv`, `curves.png`, and events for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from condyle.errors import ConfigError
from condyle.training.curves import write_curves
from condyle.training.history import Epoch, append_row, write_table

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

TABLE = "history.csv"
CURVES = "curves.png"
EVENTS = "events"

#: Seconds between two pictures; the last one shows all.
_DRAW_EVERY_S = 60.0


class Records:
    """Writes down each epoch.

    Args:
        folder: Where.
        done: Epochs that are over already.
        tensorboard: Whether to write events too.

    Raises:
        ConfigError: if events are asked for and `tensorboard` is not installed.
    """

    def __init__(self, folder: Path, done: int, *, tensorboard: bool) -> None:
        self._folder = folder
        self._events = _events(folder / EVENTS, done) if tensorboard else None
        self._epochs: list[Epoch] = []
        self._drawn_s = monotonic()

    def begin(self, epochs: Sequence[Epoch]) -> None:
        """Make the table hold the epochs that are over, and no others."""
        self._epochs = list(epochs)
        write_table(self._folder / TABLE, epochs)

    def add(self, epoch: Epoch) -> None:
        """One more epoch."""
        self._epochs.append(epoch)
        append_row(self._folder / TABLE, epoch)
        if monotonic() - self._drawn_s > _DRAW_EVERY_S:
            self._draw()
        if self._events is not None:
            for name, value in epoch.to_row().items():
                if name != "epoch" and isfinite(value):
                    self._events.add_scalar(name.replace(": ", "/"), value, epoch.epoch)
            self._events.flush()

    def close(self) -> None:
        """Draw all of it, and close the events."""
        self._draw()
        if self._events is not None:
            self._events.close()

    def _draw(self) -> None:
        if self._epochs:
            write_curves(self._folder / CURVES, self._epochs)
        self._drawn_s = monotonic()


def _events(folder: Path, done: int) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        hint = "Install it with `pip install tensorboard`, or go without its events."
        raise ConfigError("tensorboard", expected="it to be installed", got="no such package", hint=hint) from error
    # Events of epochs that will be repeated are to be forgotten.
    return SummaryWriter(str(folder), purge_step=done + 1)
