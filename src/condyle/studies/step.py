"""One command of a study, and what it waits for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from condyle.studies.places import Place


@dataclass(frozen=True)
class Step:
    """A plain command line, run in the study's folder.

    Args:
        id: Its name, once in a study.
        command: Words, the first is `condyle`.
        after: Ids of steps that must be done.
        makes: What is there when it is done, relative to the study's folder.
    """

    id: str
    command: tuple[str, ...]
    after: tuple[str, ...]
    makes: str

    @property
    def kind(self) -> str:
        """The verb: `train`, `segment`, ..."""
        return self.command[1]

    def at(self, folder: Path) -> tuple[str, ...]:
        """The words of the command with the study's folder before its paths, to be run from anywhere."""
        return tuple(str(folder / word) if isinstance(word, Place) else word for word in self.command)

    def __str__(self) -> str:
        return shlex.join(self.command)


def rounds(steps: Sequence[Step]) -> tuple[tuple[Step, ...], ...]:
    """Steps by what they wait for: all of a round can be run at once when the rounds before it are done."""
    level: dict[str, int] = {}
    for step in steps:
        level[step.id] = 1 + max((level[id_] for id_ in step.after), default=-1)
    return tuple(tuple(s for s in steps if level[s.id] == n) for n in range(max(level.values(), default=-1) + 1))
