"""Leaving a training early without losing it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Asked after each step; once it says yes, training saves and leaves.
Stop = Callable[[], bool]


def never() -> bool:
    """Go on."""
    return False


@contextmanager
def on_signals(signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)) -> Iterator[Stop]:
    """A `Stop` that says yes after Ctrl-C, or after the signal by which a batch system announces the end of a job.

    Whoever sends a second one means it: that is handled as if this block were not there. Only the main thread of
    a program may use it.

    Args:
        signals: Those to listen to.
    """
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in signals:
        signal.signal(number, note)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
