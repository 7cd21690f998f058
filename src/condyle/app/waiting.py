"""Writing to a dataset that a job may be writing to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from condyle.data.lock import LockedError, one_writer

#: A person waits for so long without wondering; longer jobs are told of.
PATIENCE_S = 4.0

_LOOK_S = 0.1


@contextmanager
def soon_alone(folder: Path) -> Iterator[None]:
    """Hold a dataset against other writers, after waiting a little for the one that is there.

    Args:
        folder: The dataset's folder.

    Raises:
        LockedError: if somebody else still writes to it then.
        DataError: if it cannot be written.
    """
    last = time.monotonic() + PATIENCE_S
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(one_writer(folder))
                break
            except LockedError:
                if time.monotonic() > last:
                    raise
                time.sleep(_LOOK_S)
        yield
