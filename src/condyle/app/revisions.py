"""Every version that a case's label map ever had.

In the dataset, for each label set and case,

    corrections/<label set>/<case>/0001.nii.gz, 0002.nii.gz ...   the versions, never changed
    corrections/<label set>/<case>/log.json                       who, when, what changed

The newest one is also the label map itself. What a program made is revision 1, though nothing is written down until
somebody changes it. A program that replaces a label map later makes a new revision, found when it is next looked at.

A version is written, then noted, then put in place. What is killed between the last two steps is finished by the next
reader: the label map is still the version before. A new set is entered in `dataset.json` last; one that was killed
before that is gone on with by the next save.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from condyle import io
from condyle.app.answers import ConflictError
from condyle.app.reviews import now
from condyle.app.target import Target, corrections
from condyle.app.waiting import soon_alone
from condyle.data import Dataset
from condyle.data.case import labels_path
from condyle.data.lock import one_writer
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_file
from condyle.space import Volume

LOG = "log.json"

#: Who is said to have made what a verb of the command line did.
PROGRAM = "condyle"


@dataclass(frozen=True)
class Revision:
    """One version.

    Args:
        revision: Its number, from 1.
        who: Who made it.
        when: UTC, as ISO 8601 has it.
        what: In words.
        sha256: Of the file.
        changed: What differs from the version before; see `changes.Changed`.
        restored_from: The number it is a copy of, or None.
    """

    revision: int
    who: str
    when: str
    what: str
    sha256: str
    changed: Mapping[str, Any] = field(default_factory=dict)
    restored_from: int | None = None

    @property
    def mark(self) -> str:
        """What whoever draws on this version names it by: a number alone is the same for a file that was made anew."""
        return f"{self.revision}-{self.sha256[:16]}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def file_of(folder: Path, number: int) -> Path:
    """A version's file."""
    return folder / f"{number:04d}.nii.gz"


def current_number(target: Target) -> int:
    """The newest revision's number, as far as is written down; 1 where nothing is."""
    noted = _noted(target.folder)
    return noted[-1].revision if noted else 1


def revisions(target: Target) -> list[Revision]:
    """All versions of a label map, the oldest first; none where the case has no such set.

    Raises:
        DataError: if a file cannot be read or written.
    """
    if not target.there:
        return []
    noted, digest = _noted(target.folder), _sha256(target.path)
    if not noted:
        return [_made(target.path, digest)]
    if noted[-1].sha256 == digest:
        return noted
    with one_writer(corrections(target.dataset), make=True, wait=True):
        return _caught_up(target)


def made_by_program(known: Sequence[Revision]) -> bool:
    """Whether the newest of some versions is, or was restored from, what a program made last."""
    by_number = {r.revision: r for r in known}
    shown = known[-1]
    while shown.restored_from is not None:
        shown = by_number[shown.restored_from]
    return shown == next((r for r in reversed(known) if r.who == PROGRAM and r.restored_from is None), None)


def _caught_up(target: Target) -> list[Revision]:
    """All versions, after what was left undone, or made by a program, is noted; the caller holds the lock."""
    folder, path = target.folder, target.path
    noted, digest = _noted(folder), _sha256(path)
    if not noted:
        return [_made(path, digest)]
    unfinished = len(noted) > 1 and noted[-1].sha256 != digest == noted[-2].sha256
    # A program that makes the version before once more makes it later than the correction was noted.
    if unfinished and path.stat().st_mtime_ns <= (folder / LOG).stat().st_mtime_ns:
        _place(file_of(folder, noted[-1].revision), path)
    elif noted[-1].sha256 != digest:
        newer = Revision(noted[-1].revision + 1, PROGRAM, _when(path), "made anew", digest)
        _place(path, file_of(folder, newer.revision))
        noted = _note(folder, [*noted, newer])
    return noted


def _made(path: Path, digest: str) -> Revision:
    """The only version of a label map that nobody has changed."""
    return Revision(1, PROGRAM, _when(path), "made", digest)


def save(target: Target, drawn: Volume, revision: Revision, base: str | None) -> Revision:
    """A new version of a label map, if it was drawn on the newest.

    Args:
        target: The label map; its set is a new one if the case has none of the name.
        drawn: Its voxels, on the scan's grid.
        revision: Who and what; number, time and digest are filled in here.
        base: The mark of the revision it was drawn on; None for a new set.

    Raises:
        ConflictError: if another version has come since.
        LockedError: if the set is new, and a job writes to the dataset. Nothing is written then.
        DataError: if something cannot be written.
    """
    folder, path = target.folder, target.path
    with _entering(target) as unheard, one_writer(corrections(target.dataset), make=True, wait=True):
        # Looked at only now: a program may have made the label map anew until the lock was held.
        before = _noted(folder) if unheard or not path.is_file() else _caught_up(target)
        newest = before[-1] if before else None
        # Versions of a set that the dataset knows nothing of were left by a save that was killed.
        if base != (newest.mark if newest else None) and not (unheard and base is None):
            raise _conflict(target.label_set, newest)
        if newest is not None and not file_of(folder, newest.revision).exists():
            _place(path, file_of(folder, newest.revision))
        number = newest.revision + 1 if newest else 1
        io.write(file_of(folder, number), drawn, overwrite=True)
        made = replace(revision, revision=number, when=now(), sha256=_sha256(file_of(folder, number)))
        _note(folder, [*before, made])
        _place(file_of(folder, number), path)
    return made


@contextmanager
def _entering(target: Target) -> Iterator[bool]:
    """Make a new set known to the dataset when the block ends; gives whether it is new even now.

    Whoever writes to the dataset is waited for first, before anything of the set is written.
    """
    if target.there:
        yield False
        return
    case, label_set = target.case.id, target.label_set
    with soon_alone(target.dataset.folder):
        dataset = Dataset.open(target.dataset.folder)
        unheard = label_set not in dataset[case].label_sets
        yield unheard
        if unheard:
            dataset.with_case(dataset[case].with_label_set(label_set, labels_path(label_set, case))).save()


def stored(target: Target, number: int) -> tuple[Revision, Path]:
    """A version, and its file.

    Raises:
        ConfigError: if there is no such version.
    """
    known = revisions(target)
    found = next((r for r in known if r.revision == number), None)
    if found is None:
        got = str(number)
        raise ConfigError("revision", expected=f"one of 1 to {known[-1].revision if known else 0}", got=got)
    path = file_of(target.folder, number)
    return found, path if path.exists() else target.path


def _conflict(label_set: str, newest: Revision | None) -> ConflictError:
    who = f"{newest.who} saved revision {newest.revision} at {newest.when}" if newest else "there is none"
    current = {} if newest is None else {"revision": newest.revision, "who": newest.who, "when": newest.when}
    return ConflictError(
        label_set,
        expected="a correction of the newest revision",
        got=f"one of an older: {who}",
        hint="Your drawing is kept; look at the newest revision, or save yours as another label set.",
        current=current,
    )


def _noted(folder: Path) -> list[Revision]:
    path = folder / LOG
    if not path.is_file():
        return []
    try:
        return [Revision(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        hint = "Mend or remove it; the versions beside it are sound."
        raise DataError(path, expected="a list of revisions", got=str(error), hint=hint) from error


def _note(folder: Path, all_of_them: list[Revision]) -> list[Revision]:
    with atomic_file(folder / LOG, overwrite=True) as temporary:
        content = json.dumps([r.to_json() for r in all_of_them], indent=1, ensure_ascii=False)
        temporary.write_text(content + "\n", encoding="utf-8")
    return all_of_them


def _place(source: Path, target: Path) -> None:
    with atomic_file(target, overwrite=True) as temporary:
        shutil.copyfile(source, temporary)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(path, expected="a label map", got=error.strerror or str(error)) from error


def _when(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
