"""Who is trained on and who is held out: made once, by group, stored with the dataset.

* **group**: cases that must stay together: the scans of one patient, the two femora of one donor.
* **part**: what a case is for: the number of the fold that validates it, `train` (trained on in every
  fold) or `test` (never touched before the end).

Groups are sorted before they are shuffled, and the shuffle uses the raw output of PCG64, which NumPy keeps
the same for ever: one seed gives one split on every machine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from condyle.data.case import Case
from condyle.data.fields import checked_fields
from condyle.errors import ConfigError, DataError

Method = Literal["kfold", "leave-one-group-out", "hold-out"]
Part = int | Literal["train", "test"]


@dataclass(frozen=True)
class Folds:
    """A stored split.

    Args:
        method: How it was made.
        seed: What the shuffle started from.
        parts: Case id to its part.
    """

    method: Method
    seed: int
    parts: Mapping[str, Part]

    @property
    def count(self) -> int:
        """Number of folds."""
        return 1 + max((part for part in self.parts.values() if isinstance(part, int)), default=-1)

    def to_json(self) -> dict[str, Any]:
        """Plain data, as stored in `dataset.json`."""
        return {"method": self.method, "seed": self.seed, "parts": dict(sorted(self.parts.items()))}

    @classmethod
    def from_json(cls, data: Any, where: str) -> Folds:
        """The inverse of `to_json`.

        Raises:
            DataError: on missing or unknown keys, or values that make no sense.
        """
        fields = checked_fields(data, where, required=("method", "seed", "parts"))
        method, seed, parts = fields["method"], fields["seed"], fields["parts"]
        if method not in get_args(Method):
            raise DataError(f"{where}: method", expected=f"one of {', '.join(get_args(Method))}", got=repr(method))
        if type(seed) is not int or not isinstance(parts, dict):
            raise DataError(where, expected="a whole number as seed and an object of parts", got=f"{seed!r}")
        for id_, part in parts.items():
            if part not in {"train", "test"} and (type(part) is not int or part < 0):
                raise DataError(f"{where}: {id_}", expected="a fold number, 'train' or 'test'", got=repr(part))
        return cls(method, seed, parts)

    def check_against(self, cases: Sequence[Case], where: str) -> None:
        """Refuse parts of unknown cases, and groups on two sides.

        Raises:
            DataError: naming the case or the group.
        """
        group_of = {case.id: case.group for case in cases}
        of_group: dict[str, set[Part]] = defaultdict(set)
        for id_, part in self.parts.items():
            if id_ not in group_of:
                raise DataError(where, expected="only cases of the dataset", got=id_, hint="Run condyle folds again.")
            of_group[group_of[id_]].add(part)
        for group, parts in of_group.items():
            if len(parts) > 1:
                got = ", ".join(sorted(str(part) for part in parts))
                raise DataError(
                    f"{where}: group {group}",
                    expected="all its cases in one part",
                    got=f"parts {got}",
                    hint="Run condyle folds again, with --overwrite.",
                )


def make_folds(
    cases: Sequence[Case], *, method: Method = "kfold", k: int = 5, test_fraction: float = 0.0, seed: int = 0
) -> Folds:
    """A split in which no group is on two sides.

    Groups are dealt out large ones first, each to the fold with the fewest cases so far, so that folds are
    as equal in cases as whole groups allow.

    Args:
        cases: The cases to split.
        method: `kfold`; `leave-one-group-out`: one fold a group; `hold-out`: one fold that validates about
            one k-th of the cases.
        k: Number of folds, at least 2; for `hold-out` the share, one in k.
        test_fraction: Share of the cases put aside as test part first, in whole groups, rounded up.
        seed: Start of the shuffle.

    Raises:
        ConfigError: if there are too few groups for what is asked, or a number makes no sense.
    """
    if method not in get_args(Method):
        raise ConfigError("method", expected=f"one of {', '.join(get_args(Method))}", got=repr(method))
    if not 0 <= test_fraction < 1:
        raise ConfigError("test fraction", expected="a share from 0 to below 1", got=str(test_fraction))
    if k < 2 or seed < 0:
        raise ConfigError("k, seed", expected="at least 2 folds and a seed from 0", got=f"k {k}, seed {seed}")
    sizes = Counter(case.group for case in cases)
    groups = _shuffled(sorted(sizes), seed)
    test, rest = _put_aside(groups, sizes, test_fraction * len(cases))
    folds = len(rest) if method == "leave-one-group-out" else k
    if len(rest) < max(folds, 2):
        raise ConfigError(
            "folds",
            expected=f"at least {max(folds, 2)} groups (patients, donors) beside the test part",
            got=f"{len(rest)} of {len(cases)} cases",
            hint="Take fewer folds, or a smaller test part.",
        )
    fold_of = _dealt(rest, sizes, folds)
    part_of: dict[str, Part] = dict.fromkeys(test, "test")
    for group, fold in fold_of.items():
        part_of[group] = ("train" if fold else 0) if method == "hold-out" else fold
    return Folds(method, seed, {case.id: part_of[case.group] for case in sorted(cases, key=lambda case: case.id)})


def _shuffled(items: Sequence[str], seed: int) -> list[str]:
    keys = np.random.PCG64(seed).random_raw(len(items))
    return [items[int(n)] for n in np.argsort(keys, kind="stable")]


def _put_aside(groups: Sequence[str], sizes: Mapping[str, int], wanted: float) -> tuple[list[str], list[str]]:
    taken: list[str] = []
    for group in groups:
        if sum(sizes[g] for g in taken) >= wanted:
            break
        taken.append(group)
    return taken, list(groups[len(taken) :])


def _dealt(groups: Sequence[str], sizes: Mapping[str, int], folds: int) -> dict[str, int]:
    filled = [0] * folds
    fold_of = {}
    for group in sorted(groups, key=lambda group: -sizes[group]):
        fold = filled.index(min(filled))
        filled[fold] += sizes[group]
        fold_of[group] = fold
    return fold_of
