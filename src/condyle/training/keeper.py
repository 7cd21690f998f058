"""What a training writes, and when. With several processes only the first one writes."""

from __future__ import annotations

from pathlib import Path

from condyle.training.checkpoint import BEST, LAST, save_state, save_weights
from condyle.training.history import History
from condyle.training.learner import Learner
from condyle.training.progress import Progress
from condyle.training.records import Records
from condyle.training.watch import Clock

#: In a long epoch the state is saved each time so many seconds have passed.
SAVE_EVERY_S = 300.0


class Keeper:
    """Writes the state, the weights and the records of a training.

    Args:
        out: Its folder.
        learner: What learns.
        progress: How far it is.
        clock: Its time.
        tensorboard: Whether to write events.
    """

    def __init__(
        self,
        out: Path,
        learner: Learner,
        progress: Progress,
        clock: Clock,
        *,
        tensorboard: bool,
    ) -> None:
        self._out, self._learner, self._progress = out, learner, progress
        self._clock, self._writes = clock, learner.world.rank == 0
        self._saved_s = clock.seconds()
        self._records = Records(out, len(progress.epochs), tensorboard=tensorboard) if self._writes else None

    def begin(self) -> None:
        """All that is needed to go on, and only then what others may take for theirs: the table of what is over."""
        self.save()
        if self._records is not None:
            self._records.begin(self._progress.epochs)

    def save(self) -> None:
        """All that is needed to go on."""
        self._progress.seconds = self._saved_s = self._clock.seconds()
        self._progress.energy_kj = self._clock.energy_kj()
        if self._writes:
            save_state(self._out, self._learner, self._progress)

    def save_sometimes(self) -> None:
        """The same, if the last time is long ago."""
        if self._clock.seconds() - self._saved_s > SAVE_EVERY_S:
            self.save()

    def epoch_is_over(self, *, best: bool) -> None:
        """The epoch's row, and its weights if they are the best so far."""
        if self._writes and best:
            save_weights(self._out / BEST, self._learner.average.weights())
        self.save()
        if self._records is not None:
            self._records.add(self._progress.epochs[-1])

    def end(self) -> History:
        """The last weights, and what came of it all."""
        if self._records is not None:
            save_weights(self._out / LAST, self._learner.average.weights())
            self._records.close()
        return History(
            epochs=tuple(self._progress.epochs),
            finished=bool(self._progress.why),
            best_epoch=self._progress.best_epoch,
            weights=self._out / (BEST if self._progress.best_epoch else LAST),
            seconds=self._progress.seconds,
            why=self._progress.why or "stopped",
        )
