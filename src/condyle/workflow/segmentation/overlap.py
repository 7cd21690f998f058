"""Many cases in a row: the next one is read and the last one written while the present one is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest
from typing import TypeVar

Item = TypeVar("Item")
Given = TypeVar("Given")
Made = TypeVar("Made")
Kept = TypeVar("Kept")
Failures = tuple[type[Exception], ...]


def one_by_one(
    items: Sequence[Item],
    read: Callable[[Item], Given],
    work: Callable[[Item, Given], Made],
    write: Callable[[Item, Made], Kept],
    *,
    failures: Failures = (),
) -> Iterator[tuple[Item, Kept | Exception]]:
    """Read, work on and write each item, one thing at a time.

    Args:
        items: What to go through.
        read: From an item to what work needs.
        work: To what is to be written.
        write: To what is handed out.
        failures: Exceptions that concern one item only: they are handed out in place of its result and the rest goes
            on. Any other one ends it all.

    Yields:
        Each item with its result or failure, in order.
    """
    for item in items:
        outcome: Kept | Exception
        try:
            outcome = write(item, work(item, read(item)))
        except failures as error:
            outcome = error
        yield item, outcome


def overlapped(
    items: Sequence[Item],
    read: Callable[[Item], Given],
    work: Callable[[Item, Given], Made],
    write: Callable[[Item, Made], Kept],
    *,
    failures: Failures = (),
) -> Iterator[tuple[Item, Kept | Exception]]:
    """As `one_by_one`, but the next item is read and the last one written, each in a thread, during the work.

    No more than three items are in memory. Work stays in the calling thread, where libraries with threads of their
    own run as ever. When it all ends early, what is being written is written first.
    """
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        reading = reader.submit(read, items[0]) if items else None
        last: tuple[Item, Future[Kept]] | None = None
        for item, following in zip_longest(items, items[1:]):
            assert reading is not None  # noqa: S101 - one is under way for every item
            outcome: Future[Kept] = Future()
            given = made = None
            try:
                try:
                    given = reading.result()
                finally:
                    reading = None if following is None else reader.submit(read, following)
                made = work(item, given)
                outcome = writer.submit(write, item, made)
            except failures as error:
                outcome.set_exception(error)
            if last is not None:
                result = _outcome(last[1], failures)
                yield last[0], result
            last = (item, outcome)
        if last is not None:
            result = _outcome(last[1], failures)
            yield last[0], result


def _outcome(future: Future[Kept], failures: Failures) -> Kept | Exception:
    try:
        return future.result()
    except failures as error:
        return error
