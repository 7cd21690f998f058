"""What kind of source a path is, and the cases it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from condyle import io
from condyle.data.importers.dicom import dicom_beside, dicom_cases
from condyle.data.importers.found import FoundCase, files_below
from condyle.data.importers.nnunet import NnunetFolder, is_nnunet, nnunet_folder
from condyle.data.importers.scans import scan_file, scan_folder
from condyle.errors import ConfigError, DataError


@dataclass(frozen=True)
class Sources:
    """All that was found.

    Args:
        channels: Names of the images, in order.
        cases: By id, sorted.
        nnunet: The nnU-Net folder, if the source was one.
        notes: Sentences about what was left out.
    """

    channels: tuple[str, ...]
    cases: Mapping[str, FoundCase] = field(default_factory=dict)
    nnunet: NnunetFolder | None = None
    notes: tuple[str, ...] = ()


def find_sources(
    paths: Sequence[Path],
    images: Mapping[str, Path],
    *,
    channels: Sequence[str],
    case_pattern: str | None = None,
    series: str | None = None,
) -> Sources:
    """The cases at some paths; no voxel is read.

    Args:
        paths: Scan files, folders of scans, DICOM files, folders or zips; or one nnU-Net raw folder alone.
        images: Instead of `paths`, a path for each channel; files of one case have the same name.
        channels: Names of the channels of `paths`.
        case_pattern: See `scan_folder`.
        series: See `dicom_cases`.

    Raises:
        DataError: if a path is not there or holds no scan, or two sources claim one case.
        ConfigError: if options contradict each other.
    """
    if paths and images:
        raise ConfigError("images", expected="sources, or a path for each channel", got="both")
    if any(path.is_dir() and is_nnunet(path) for path in paths):
        if len(paths) > 1:
            raise ConfigError("sources", expected="an nnU-Net folder alone", got=", ".join(map(str, paths)))
        folder = nnunet_folder(paths[0])
        return Sources(folder.channels, _unique(folder.cases), folder)
    if not images:
        found, notes = _all(paths, channels, case_pattern, series)
        return Sources(tuple(channels), found, notes=notes)
    by_channel = {channel: _all([path], [channel], case_pattern, series) for channel, path in images.items()}
    cases: dict[str, FoundCase] = {}
    for id_ in sorted({id_ for found, _ in by_channel.values() for id_ in found}):
        missing = [channel for channel, (found, _) in by_channel.items() if id_ not in found]
        if missing:
            raise DataError(
                images[missing[0]], expected=f"the channels {', '.join(images)} of each case", got=f"no file for {id_}"
            )
        parts = [found[id_] for found, _ in by_channel.values()]
        files = {channel: file for part in parts for channel, file in part.images.items()}
        cases[id_] = FoundCase(id_, files, patient=parts[0].patient)
    return Sources(tuple(images), cases, notes=tuple(n for _, notes in by_channel.values() for n in notes))


def _all(
    paths: Sequence[Path], channels: Sequence[str], pattern: str | None, series: str | None
) -> tuple[dict[str, FoundCase], tuple[str, ...]]:
    found: list[FoundCase] = []
    notes: list[str] = []
    for path in paths:
        if not path.exists():
            raise DataError(path, expected="a file or folder", got="nothing of that name", hint="Check the path.")
        files = files_below(path, deep=False) if path.is_dir() and pattern is None else []
        if pattern is not None and path.is_dir():
            found += scan_folder(path, channels, pattern)
        elif files:
            _refuse_mixture(path, files)
            found += scan_folder(path, channels, None)
        elif path.is_file() and io.suffix_of(path):
            found.append(scan_file(path, _only(channels, path)))
        else:
            cases, said = dicom_cases(path, _only(channels, path), series)
            found += cases
            notes += said
    return _unique(found), tuple(notes)


def _refuse_mixture(folder: Path, files: Sequence[Path]) -> None:
    """Raise a `DataError` for scan files beside DICOM: whoever reads the one kind would leave out the other."""
    dicom = [child.name for child in dicom_beside(set(files), folder)]
    if dicom:
        raise DataError(
            folder,
            expected="scan files, or DICOM folders and zips",
            got=f"both: {_some([file.name for file in files])} beside {_some(dicom)}",
            hint="Name those that you mean, one by one.",
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _only(channels: Sequence[str], path: Path) -> str:
    if len(channels) != 1:
        raise ConfigError("channels", expected=f"one, for {path}", got=", ".join(channels))
    return channels[0]


def _unique(found: Sequence[FoundCase]) -> dict[str, FoundCase]:
    out: dict[str, FoundCase] = {}
    for case in found:
        other = out.setdefault(case.id, case)
        if other is not case:
            a, b = (next(iter(c.images.values())).path for c in (other, case))
            raise DataError(b, expected="a case id of its own", got=f"{case.id}, like {a}", hint="Rename one of them.")
    return dict(sorted(out.items()))
