"""What others can watch while a network learns: `history.csv`, and events for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from condyle.errors import ConfigError
from condyle.training.history import Epoch, append_row, write_table

if TYPE_CHECKING:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        hint = "Install it with `pip install tensorboard`, or go without its events."
        raise ConfigError("tensorboard", expected="it to be installed", got="no such package", hint=hint) from error
TABLE = "history.csv"
EVENTS = "events"


class Records:
    """Writes down each epoch.

    Args:
        folder: Where.
        epochs: What is over already. The table is made to hold these and no others.
        tensorboard: Whether to write events too.

    Raises:
        ConfigError: if events are asked for and `tensorboard` is not installed.
    """

    def __init__(self, folder: Path, epochs: Sequence[Epoch], *, tensorboard: bool) -> None:
        self._table = folder / TABLE
        self._events = _events(folder / EVENTS, len(epochs)) if tensorboard else None
        write_table(self._table, epochs)

    def add(self, epoch: Epoch) -> None:
        """One more epoch."""
        append_row(self._table, epoch)
        if self._events is not None:
            for name, value in epoch.to_row().items():
                if name != "epoch" and isfinite(value):
                    self._events.add_scalar(name.replace(": ", "/"), value, epoch.epoch)
            self._events.flush()

    def close(self) -> None:
        """Close the events."""
        if self._events is not None:
            self._events.close()


def _events(folder: Path, done: int) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        hint = "Install it with `pip install tensorboard`, or go without its events."
        raise ConfigError("tensorboard", expected="it to be installed", got="no such package", hint=hint) from error
    # Events of epochs that will be repeated are to be forgotten.
    return SummaryWriter(str(folder), purge_step=done + 1)
