"""What segmenting a scan took, measured, and the table of it that lies beside the masks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from time import perf_counter
from typing import Any, Self, TypeVar

from condyle.errors import DataError
from condyle.jobs.energy import EnergyMeter
from condyle.progress import Track

Item = TypeVar("Item")


@dataclass(frozen=True)
class Resources:
    """What one scan took.

    Args:
        seconds: From the scan that was read to the cleaned mask.
        steps: Batches of windows that the network was asked about.
        ram_gib: Peak of the process so far.
        vram_gib: Peak on the graphics card during this scan; 0 without one.
        parameters: Learned numbers of one fold's network.
        energy_kj: Of the whole machine meanwhile; None where it tells nothing.
    """

    seconds: float
    steps: int
    ram_gib: float
    vram_gib: float
    parameters: int
    energy_kj: float | None = None

    @property
    def steps_per_s(self) -> float:
        """Speed, with reading the network's answers back to the scan."""
        return self.steps / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        rounded = {name: round(getattr(self, name), 3) for name in ("seconds", "ram_gib", "vram_gib")}
        return asdict(self) | rounded


class Meter:
    """Measures one scan, in a `with` block.

    Args:
        track: Told of what the meter is told of.
    """

    def __init__(self, track: Track) -> None:
        self._track = track
        self._start, self._energy = perf_counter(), EnergyMeter()
        self._steps = 0

    def __enter__(self) -> Self:
        self._energy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._energy.__exit__()

    def track(self, items: Sequence[Item], what: str) -> Iterator[Item]:
        """A listener that counts, as a `Track`."""
        for item in self._track(items, what):
            self._steps += 1
            yield item

    def read(self, device: str, parameters: int) -> Resources:
        """What it took so far.

        Args:
            device: What computed.
            parameters: Of the network.
        """
        import torch

        from condyle.training.watch import peak

        most = peak(torch.device(device))
        seconds, energy_kj = perf_counter() - self._start, self._energy.used_kj()
        return Resources(seconds, self._steps, most.ram_gib, most.vram_gib, parameters, energy_kj)


def table_of(out: Path) -> Path:
    """Where the table of a folder of masks lies: beside it, as the folder is for masks alone."""
    named = out if out.name not in {"", ".."} else out.resolve()
    return named.with_name(f"{named.name}.resources.csv")


def add_resources(out: Path, took: Mapping[str, Resources]) -> None:
    """Add cases to the table of a folder of masks, in one write, so that a reader finds whole lines only.

    Raises:
        DataError: if the disk refuses.
    """
    path = table_of(out)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for case, one in took.items():
        cells = one.to_json().values()
        writer.writerow([case, *("" if v is None else v for v in cells), round(one.steps_per_s, 3)])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            file.write(("" if file.tell() else _HEAD).encode() + text.getvalue().encode())
    except OSError as error:
        raise DataError(path, expected="a table that can be written", got=str(error)) from error


def read_resources(path: Path) -> dict[str, Resources]:
    """Case to what it took, when it was last segmented; none before there is a table.

    Raises:
        DataError: if it is no such table.
    """
    if not path.is_file():
        return {}
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        return {row["case"]: _of_row(row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(path, expected="a table of what segmenting took", got=repr(error)) from error


_HEAD = ",".join(["case", *(field.name for field in fields(Resources)), "steps_per_s"]) + "\n"


def _of_row(row: Mapping[str, str]) -> Resources:
    return Resources(
        seconds=float(row["seconds"]),
        steps=int(row["steps"]),
        ram_gib=float(row["ram_gib"]),
        vram_gib=float(row["vram_gib"]),
        parameters=int(row["parameters"]),
        energy_kj=float(row["energy_kj"]) if row["energy_kj"] else None,
    )
