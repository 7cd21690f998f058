"""A verb over a cohort: each case becomes a command of its own, which an engine has run somewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.data.names import safe_name
from condyle.errors import ConfigError, DataError
from condyle.io import stem_of, suffix_of
from condyle.io.remote import address_of, children, place_of
from condyle.jobs.engines import submit
from condyle.jobs.manifest import Outcome
from condyle.jobs.settings import JobSettings
from condyle.jobs.task import Task
from condyle.progress import Track


@dataclass(frozen=True)
class CohortDone:
    """What became of a cohort.

    Args:
        out: Where the results are.
        done: Cases that have theirs.
        attention: Those among them that want attention, as when a check failed.
        failed: Case to what went wrong each time.
        manifest: The file that notes it all, with times and memory.
    """

    out: str
    done: tuple[str, ...]
    attention: tuple[str, ...]
    failed: Mapping[str, str]
    manifest: Path

    @property
    def exit_code(self) -> int:
        """1 if a case failed or wants attention."""
        return int(bool(self.failed or self.attention))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "out": self.out,
            "done": list(self.done),
            "attention": list(self.attention),
            "failed": dict(self.failed),
            "manifest": str(self.manifest),
        }

    def __str__(self) -> str:
        lines = [f"failed: {case}: {what}" for case, what in self.failed.items()]
        lines += [f"wants attention: {case}" for case in self.attention]
        return "\n".join([*lines, f"{self.out}: {len(self.done)} done, {len(self.failed)} failed"])


def cases_at(folder: Path) -> dict[str, Path]:
    """The cases in a folder or behind an address: each file of a known format, zip, or folder of DICOM files.

    Args:
        folder: What the user named; `s3://bucket/scans` also as the `Path` it became.

    Returns:
        Case to its file or folder, with whole paths, as a worker may run anywhere.

    Raises:
        DataError: if there is no such folder, nothing in it, or two cases of one name.
    """
    address = address_of(folder)
    if address is None and not folder.is_dir():
        raise DataError(folder, expected="a folder of cases", got="no folder of that name")
    found: dict[str, Path] = {}
    entries = map(Path, children(address)) if address else sorted(folder.absolute().iterdir())
    for entry in entries:
        if entry.name.startswith(".") or not (
            suffix_of(entry) or entry.suffix.lower() == ".zip" or _may_be_folder(entry)
        ):
            continue
        id_ = safe_name(stem_of(entry).removesuffix(".zip"))
        if id_ in found:
            raise DataError(entry, expected="one scan of each case", got=f"also {found[id_]}")
        found[id_] = entry
    if not found:
        raise DataError(folder, expected="scans in it", got="no file of a known format, no zip, no folder")
    return found


def result_in(out: Path | None, name: str) -> Path:
    """Where a case's result goes: under its name in a folder or behind an address, with a whole path.

    Raises:
        ConfigError: if there is no place.
    """
    if out is None:
        raise ConfigError("out", expected="a folder or an address for the results (-o)", got="none")
    return out / name if address_of(out) else out.absolute() / name


def task(id_: str, command: Sequence[str], out: Path, memory_gib: float = 0.0) -> Task:
    """The task that makes one case's result, and prints what it found as JSON."""
    return Task(id_, (command[0], "--json", *command[1:]), place_of(out), memory_gib, kept=True)


def work_off(tasks: Sequence[Task], out: Path, jobs: JobSettings, what: str, track: Track) -> list[Outcome]:
    """Have all tasks run, and those done before not again. Arguments as `condyle.jobs.submit`'s.

    Raises:
        ConfigError: as `submit`, and if nobody says where the manifest goes.
        DataError: as `submit`.
    """
    return submit(tasks, manifest_of(out, jobs), jobs, what=what, track=track)


def manifest_of(out: Path, jobs: JobSettings) -> Path:
    """The manifest's file: beside the results, if nothing else is said.

    Raises:
        ConfigError: if the results go to an address, beside which no manifest can lie.
    """
    if jobs.manifest is not None:
        return jobs.manifest
    if address := address_of(out):
        raise ConfigError("manifest", expected="a file here (--manifest)", got=f"none, and results at {address}")
    return out.absolute().with_name(f"{out.name}.jobs")


def told(out: Path, outcomes: Sequence[Outcome], jobs: JobSettings) -> CohortDone:
    """The outcomes of a cohort's tasks in one result."""
    return CohortDone(
        place_of(out),
        tuple(o.id for o in outcomes if o.state == "done"),
        tuple(o.id for o in outcomes if o.state == "done" and o.code == 1),
        {o.id: o.error for o in outcomes if o.state != "done"},
        manifest_of(out, jobs),
    )


def _may_be_folder(entry: Path) -> bool:
    return not entry.suffix if address_of(entry) else entry.is_dir()
