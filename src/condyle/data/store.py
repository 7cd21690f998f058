"""Prepared cases, stored once and used again as long as nothing they depend on has changed.

    prepared/<label set>-<key>/prepared.json    what the key stands for
    prepared/<label set>-<key>/cases/<case>/    see `prepared.entry`

* **key**: a hash of every setting that preparation depends on. Plans that differ in patch, batch or network share a
  store; plans that differ in spacing do not, and neither removes what the other made.
* **current**: a stored case is, as long as the files it was made from are the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from condyle.config import Plan, to_json
from condyle.data.case import Case
from condyle.data.dataset import FILE as DATASET_FILE
from condyle.data.dataset import Dataset
from condyle.data.lock import one_writer
from condyle.data.prepared.entry import StoredCase, is_stored, read_case, seen_again, write_case
from condyle.data.prepared.make import make_case, source_files
from condyle.data.prepared.signature import Signature, same_content
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_file
from condyle.progress import Track, silent

#: Goes into every key: raised when preparation gives other numbers than before, so that old stores are left alone.
_VERSION = 1

_log = logging.getLogger("condyle")


@dataclass(frozen=True)
class Store:
    """The prepared cases of a dataset, one label set and one way of preparing. Made by `open_store`.

    Args:
        dataset: Where scans and label maps come from.
        plan: How they are prepared.
        label_set: Which label maps.
        folder: Where prepared cases lie.
    """

    dataset: Dataset
    plan: Plan
    label_set: str
    folder: Path

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The cases that have the label set."""
        return tuple(case for case in self.dataset.cases if self.label_set in case.label_sets)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of `cases`."""
        return tuple(case.id for case in self.cases)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, id_: str) -> StoredCase:
        """A prepared case; whether its source files have changed is `stale`'s question.

        Raises:
            ConfigError: if the dataset has no such case.
            DataError: if the case has no labels of the set, has not been prepared, or is broken.
        """
        case = self.dataset[id_]
        if self.label_set not in case.label_sets:
            got = ", ".join(case.label_sets) or "no labels"
            where = f"{self.dataset.folder / DATASET_FILE}: {id_}"
            raise DataError(where, expected=f"a case labelled in the set {self.label_set}", got=got)
        if not is_stored(self._place(case)):
            hint = "Prepare the store first."
            raise DataError(self._place(case), expected="a prepared case", got="none of that name", hint=hint)
        return read_case(self._place(case))

    def stale(self) -> tuple[Case, ...]:
        """Cases that are not stored, or whose files seem to have changed since.

        Raises:
            DataError: if a file of the dataset is gone.
        """
        return tuple(case for case in self.cases if not self._untouched(case))

    def prepare(self, *, track: Track = silent, workers: int = 1) -> tuple[str, ...]:
        """Prepare what is stale. May be killed at any time and called again; goes on where it was.

        Where another process prepares the same store, waits for it and uses what it made.

        Args:
            track: Told of each case.
            workers: Cases in work at once, each by a thread. Memory is that of as many cases.

        Returns:
            Ids of the cases prepared.

        Raises:
            DataError: naming the file, if a scan or label map cannot be used or the disk refuses. Cases prepared
                before stay.
        """
        if not self.stale():
            return ()
        with one_writer(self.folder, make=True, wait=True):
            self._write_settings()
            return self._prepare(self.stale(), track, workers)

    def _prepare(self, cases: tuple[Case, ...], track: Track, workers: int) -> tuple[str, ...]:
        from threadpoolctl import threadpool_limits

        # The limit on threads within a thread belongs to the process: it is set here once, and put back at the end.
        with threadpool_limits(1, user_api="blas"):
            pool = ThreadPoolExecutor(max(1, workers))
            try:
                work = [(case.id, pool.submit(self._renew, case)) for case in cases]
                return tuple(id_ for id_, renewed in track(work, "Preparing cases") if renewed.result())
            finally:
                pool.shutdown(cancel_futures=True)

    def _renew(self, case: Case) -> bool:
        """Prepare a case, unless the content of its files is what it was."""
        place = self._place(case)
        # Before anything is read: a file that changes meanwhile is then found to have changed.
        now = {name: Signature.of(self.dataset.path(name)) for name in self._sources(case)}
        old = self._stored(case)
        if old is not None and same_content(old.files, now):
            seen_again(place, now)
            return False
        write_case(place, make_case(self.dataset, case, self.plan, self.label_set), self._sampled_ids, now)
        return True

    @property
    def _sampled_ids(self) -> tuple[int, ...]:
        """Structures; background too where an ignore id makes it worth knowing which voxels somebody labelled."""
        table = self.dataset.labels
        return table.ids if table.ignore is None else (0, *table.ids)

    def _sources(self, case: Case) -> tuple[str, ...]:
        return source_files(case, self.plan, self.label_set)

    def _place(self, case: Case) -> Path:
        return self.folder / "cases" / case.id

    def _untouched(self, case: Case) -> bool:
        old = self._stored(case)
        names = self._sources(case)
        return (
            old is not None
            and set(old.files) == set(names)
            and all(old.files[name].untouched(self.dataset.path(name)) for name in names)
        )

    def _stored(self, case: Case) -> StoredCase | None:
        """The stored case; None where there is none, or none that can be read."""
        place = self._place(case)
        if not is_stored(place):
            return None
        try:
            return read_case(place)
        except DataError as error:
            _log.warning("%s The case is prepared again.", error)
            return None

    def _write_settings(self) -> None:
        settings = _settings(self.dataset, self.plan, self.label_set)
        with atomic_file(self.folder / "prepared.json", overwrite=True) as temporary:
            temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def open_store(dataset: Dataset, plan: Plan, label_set: str, folder: Path | None = None) -> Store:
    """The store of a dataset's prepared cases. Nothing is read or written yet; see `Store.prepare`.

    Args:
        dataset: With at least one case in the label set.
        plan: How to prepare; its channels are the dataset's, by name.
        label_set: Which label maps to train on.
        folder: Where stores lie; `prepared` in the dataset's folder by default.

    Raises:
        ConfigError: if no case has the label set, or the plan wants a channel that the dataset has not.
    """
    if label_set not in dataset.label_sets:
        expected = f"a label set of the dataset ({', '.join(dataset.label_sets) or 'it has none'})"
        raise ConfigError(dataset.folder / DATASET_FILE, expected=expected, got=label_set)
    missing = [c.name for c in plan.channels if c.name not in dataset.channels]
    if missing:
        raise ConfigError("plan: channels", expected=f"names among {', '.join(dataset.channels)}", got=missing[0])
    settings = json.dumps(_settings(dataset, plan, label_set), sort_keys=True)
    key = hashlib.sha256(settings.encode()).hexdigest()[:12]
    return Store(dataset, plan, label_set, (folder or dataset.folder / "prepared") / f"{label_set}-{key}")


def _settings(dataset: Dataset, plan: Plan, label_set: str) -> dict[str, Any]:
    """Everything that a prepared case depends on, its files aside."""
    names = ("channels", "spacing_mm", "axes", "orientation", "crop_nonzero", "separate")
    return {
        "version": _VERSION,
        "label_set": label_set,
        "labels": list(dataset.labels.ids),
        "ignore": dataset.labels.ignore,
        "plan": {name: to_json(getattr(plan, name)) for name in names},
    }
